"""What a comparison found, in one sentence a pair."""

import math

from lungscope.comparison.pair import FEWEST_GROUPS, Pair


def verdict(pair: Pair) -> str:
    """One sentence: the difference in accuracy, its interval, and what may be said of it."""
    accuracy = pair.differences["accuracy"]
    value, low, high = (
        points(x, pair.images) for x in (accuracy.value, accuracy.low, accuracy.high)
    )
    tested = f"on {pair.images:,} images in {pair.groups:,} groups"
    names = f"{pair.first} - {pair.second}"
    if pair.groups < FEWEST_GROUPS:
        return (
            f"{names}: accuracy {'equal' if pair.equal else f'{value} points'} {tested}: too few "
            f"groups to tell chance from difference; {FEWEST_GROUPS} or more are needed"
        )
    if pair.equal:
        return (
            f"{names}: accuracy exactly equal, 95 % {low} to {high} points: not distinguishable "
            f"{tested}; no number of images shows a difference of 0"
        )
    found = f"{names}: accuracy {value} points, 95 % {low} to {high}:"
    if pair.better is not None:
        return f"{found} {pair.better} is better, distinguishable {tested} ({_p(pair)})"
    return f"{found} not distinguishable {tested} ({_p(pair)}){_needed(pair)}"


def points(value: float, images: int) -> str:
    """A difference of shares in percentage points, signed, as fine as one image makes it."""
    decimals = max(1, math.ceil(math.log10(images)) - 2)
    return f"{round(100 * value, decimals) + 0.0:+.{decimals}f}"  # + 0.0: never "-0.0"


def p_value(p: float) -> str:
    """A p-value to two digits; what is tiny is not spelled out."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def _p(pair: Pair) -> str:
    told = p_value(pair.p_groups)
    corrected = f" after Holm over {pair.pairs} pairs" if pair.pairs > 1 else ""
    return f"p {told if told.startswith('<') else f'= {told}'}{corrected}"


def _needed(pair: Pair) -> str:
    """Nothing where there were images enough: then it is the correction that decides."""
    if pair.images_needed is None or pair.images_needed <= pair.images:
        return ""
    return f"; about {float(f'{pair.images_needed:.2g}'):,.0f} images would be needed"
