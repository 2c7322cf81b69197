"""Findings on falls of the accuracy: when parts are hidden, and when images get a little worse."""

import math
from enum import IntEnum

from lungscope.audit.audit import Measured
from lungscope.audit.finding import Finding, Verdict
from lungscope.audit.majority import UNLEARNED, unlearned
from lungscope.audit.masking import Masked
from lungscope.audit.wording import limit, percent, points, share
from lungscope.estimate import Estimate

DROP = 0.05
"""A fall of the accuracy that is no longer small."""

MILD = 2
"""The strongest perturbation that a reader would hardly mind."""

_NO_FALL_SEEN = 3
"""Over the number of groups: the share of them that may fall where none was seen to (the rule of
three: Hanley and Lippman-Hand, 1983, JAMA 249). A bootstrap cannot know what it never draws."""

_EXCLUDED = (
    f"passes only where a fall of more than {limit(DROP)} is excluded: the interval does not reach "
    f"so far, and there are {math.ceil(_NO_FALL_SEEN / DROP)} groups or more (rule of three), else "
    "warns that it cannot be excluded"
)


def part_hidden(measured: Measured, masked: Masked) -> Finding:
    """Whether the model needs a part of the image that is no lung."""
    threshold = (
        "Warns where the accuracy falls (the paired interval leaves 0 out); fails where it falls "
        f"by more than {limit(DROP)}; {_EXCLUDED}; {UNLEARNED}."
    )
    about = (f"{masked.name}-masked", f"Does the model need the {masked.name}?")
    if reason := unlearned(measured):
        return Finding(*about, "not-measured", reason, threshold)
    change = masked.effect.difference
    verdict: Verdict = "pass"
    doubt = ""
    if change.high < 0:
        verdict = "fail" if change.value < -DROP else "warn"
    elif _may_fall(measured, change):
        verdict, doubt = "warn", f" {_doubt(measured)}"
    of_mask = " A part of the fall may come from the mask itself, which no training image has."
    return Finding(
        *about,
        verdict,
        f"With the {masked.name} masked its accuracy changes by {points(change)} points; "
        f"{share(masked.effect.flips.value)} of the answers change."
        f"{of_mask if change.value < 0 else ''}{doubt}",
        threshold,
    )


def robust(measured: Measured) -> Finding:
    """Whether the model bears images a little worse."""
    threshold = (
        f"Warns where one of strength 1 or {MILD} costs more than {limit(DROP)}, fails where it "
        f"costs more than {limit(2 * DROP)} (and the paired interval leaves 0 out); {_EXCLUDED}; "
        f"{UNLEARNED}."
    )
    about = ("robustness", "Does it bear images a little worse?")
    if reason := unlearned(measured):
        return Finding(*about, "not-measured", reason, threshold)
    mild = [
        (_cost(measured, level.effect.difference), response.title, level)
        for response in measured.robustness.responses
        for level in response.levels
        if level.strength <= MILD
    ]
    cost, title, level = max(mild, key=lambda each: (each[0], -each[2].effect.difference.value))
    found = level.effect.difference
    told = [
        f"Of perturbations that a reader would hardly mind, {title.lower()} of strength "
        f"{level.strength} weighs most: {points(found)} points."
        if found.value < 0
        else f"No perturbation that a reader would hardly mind (strength 1 or {MILD}) was seen to "
        "cost accuracy."
    ]
    if cost is _Cost.OPEN:
        told.append(_doubt(measured))
    told.append(
        f"Over all kinds and strengths the accuracy is {percent(measured.robustness.average)}."
    )
    return Finding(*about, _VERDICTS[cost], " ".join(told), threshold)


class _Cost(IntEnum):
    """What a perturbation costs, the gravest highest."""

    SMALL = 0
    OPEN = 1  # what it costs cannot be told
    SOME = 2
    MUCH = 3


_VERDICTS: dict[_Cost, Verdict] = {
    _Cost.SMALL: "pass",
    _Cost.OPEN: "warn",
    _Cost.SOME: "warn",
    _Cost.MUCH: "fail",
}


def _cost(measured: Measured, change: Estimate) -> _Cost:
    if change.high < 0 and change.value < -DROP:
        return _Cost.MUCH if change.value < -2 * DROP else _Cost.SOME
    return _Cost.OPEN if _may_fall(measured, change) else _Cost.SMALL


def _may_fall(measured: Measured, change: Estimate) -> bool:
    return max(-change.low, _NO_FALL_SEEN / measured.by_group.groups) > DROP


def _doubt(measured: Measured) -> str:
    images, groups = len(measured.predictions.files), measured.by_group.groups
    return (
        f"A fall of more than {limit(DROP)} cannot be excluded: too few images ({images:,} in "
        f"{groups:,} groups)."
    )
