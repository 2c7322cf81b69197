"""Evidence that errors are more frequent than tolerated, valid however often one looks.

A test that is repeated after every verdict, or every week, gives a false alarm sooner or later.
What is gathered here does not: where errors are as rare as tolerated, the evidence is a nonnegative
supermartingale that begins at 1, and by Ville's inequality (Ville, 1939) the chance that it ever
reaches 1 / alpha is at most alpha. See Ramdas, Gruenwald, Vovk & Shafer (2023), "Game-theoretic
statistics and safe anytime-valid inference", Statistical Science 38, 576-601.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungscope.estimate import LEVEL, Estimate
from lungscope.text import format_quantity

_ALTERNATIVES = 24
"""Error rates above the tolerated one that are betted on, equally spaced."""

_STEPS = 60
"""Of the bisection for the ends of an interval: to 1e-18."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What verdicts say against an error rate that is tolerated.

    Attributes:
        values: (N,) after each verdict, >= 0: how many times as well as by the tolerated rate the
            verdicts are foretold by a higher one, from some verdict on.
        limit: the value from which on there is an alarm.
    """

    values: NDArray[np.float64]
    limit: float

    @property
    def alarm(self) -> int | None:
        """Number of verdicts at the first alarm; None without one. Once given it stays."""
        above = np.flatnonzero(self.values >= self.limit)
        return int(above[0]) + 1 if len(above) else None

    def __repr__(self) -> str:
        found = "no alarm" if self.alarm is None else f"alarm at verdict {self.alarm:,}"
        return f"Evidence({format_quantity(len(self.values), 'verdict')}: {found})"


def gather_evidence(errors: Sequence[bool], tolerated: float, alpha: float) -> Evidence:
    """Gathers the evidence that errors are more frequent than tolerated, verdict by verdict.

    For each higher rate q a likelihood ratio against the tolerated rate p is multiplied up, from
    every possible beginning k of the change on; the evidence is their mean, weighted by
    1 / (k (k + 1)). A beginning that is still to come counts with its weight. Each factor has a
    mean of at most 1 where errors are at most as frequent as p, whatever came before.

    Args:
        errors: in the order of the verdicts.
        tolerated: the highest rate that is no reason for an alarm, in (0, 1).
        alpha: the chance that is allowed for a false alarm, ever; in (0, 1).

    Examples:
        >>> gather_evidence([False] * 50 + [True] * 10, tolerated=0.1, alpha=0.05)
        Evidence(60 verdicts: alarm at verdict 56)
        >>> gather_evidence([False] * 60, tolerated=0.1, alpha=0.05)
        Evidence(60 verdicts: no alarm)
    """
    rates = tolerated + (1 - tolerated) * np.arange(1, _ALTERNATIVES + 1) / (_ALTERNATIVES + 1)
    if_wrong, if_right = rates / tolerated, (1 - rates) / (1 - tolerated)
    begun = np.zeros(_ALTERNATIVES)
    values = np.empty(len(errors))
    with np.errstate(over="ignore"):  # endless evidence is an alarm, too
        for position, wrong in enumerate(errors):
            number = position + 1
            begun = (begun + 1 / (number * (number + 1))) * (if_wrong if wrong else if_right)
            values[position] = begun.mean() + 1 / (number + 1)
    return Evidence(values, 1 / alpha)


def confidence_sequence(successes: int, count: int) -> Estimate:
    """Estimates a proportion, with a 95 % interval that holds at every look.

    The interval holds the proportions against which the mean of the likelihood over all proportions
    does not win 20 to 1 (Robbins, 1970, "Statistical methods related to the law of the iterated
    logarithm"). It is wider than one that may be looked at once.

    Args:
        successes: how many of them, at most `count`.
        count: of independent observations; of none, the proportion may be anything.

    Examples:
        >>> print(confidence_sequence(90, 100))
        0.900 (95 % 0.772 to 0.971)
        >>> print(confidence_sequence(0, 0).bounds(".0f"))
        0 to 1
    """
    if count == 0:
        return Estimate(math.nan, 0.0, 1.0)
    failures = count - successes
    mixed = math.lgamma(successes + 1) + math.lgamma(failures + 1) - math.lgamma(count + 2)
    value = successes / count

    def excluded(proportion: float) -> bool:
        likelihood = _times_log(successes, proportion) + _times_log(failures, 1 - proportion)
        return mixed - likelihood > -math.log(1 - LEVEL)

    return Estimate(value, _boundary(excluded, 0.0, value), _boundary(excluded, 1.0, value))


def _times_log(number: int, value: float) -> float:
    if number == 0:
        return 0.0
    return number * math.log(value) if value > 0 else -math.inf


def _boundary(excluded: Callable[[float], bool], outside: float, inside: float) -> float:
    if not excluded(outside):
        return outside
    for _ in range(_STEPS):
        middle = (outside + inside) / 2
        outside, inside = (middle, inside) if excluded(middle) else (outside, middle)
    return outside
