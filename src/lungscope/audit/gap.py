"""The difference between the proportions of two sources, with its interval."""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from lungscope.estimate import LEVEL, Estimate

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Gap:
    """The difference between two sources.

    Attributes:
        higher, lower: the source with the higher and with the lower proportion.
        difference: difference of the proportions, >= 0. Its interval is made of theirs (MOVER:
            Newcombe, 1998, method 10; Zou and Donner, 2008), which assumes that sources have no
            group in common and is too wide where they have; where more than two sources are
            compared it is widened by the number of pairs (Bonferroni).
    """

    higher: str
    lower: str
    difference: Estimate


def find_gap(proportions: Mapping[str, Estimate]) -> Gap | None:
    """Finds the most certain gap between two sources.

    Args:
        proportions: of each source.

    Returns:
        Of all pairs the one whose interval has the highest lower end, so that a source of few
        images does not win by chance; None if there are fewer than two sources.
    """
    if len(proportions) < 2:
        return None
    value = np.array([found.value for found in proportions.values()])
    # Bonferroni: the margins of a 95 % interval, widened to those of 1 - 0.05 / pairs
    pairs = len(proportions) * (len(proportions) - 1) / 2
    wider = ndtri(1 - (1 - LEVEL) / 2 / pairs) / ndtri((1 + LEVEL) / 2)
    below = wider * (value - [found.low for found in proportions.values()])
    above = wider * ([found.high for found in proportions.values()] - value)
    least, higher, lower = max(_most_certain_gaps(value, below, above))
    difference = float(value[higher] - value[lower])
    most = difference + float(np.hypot(above[higher], below[lower]))
    names = list(proportions)
    return Gap(
        higher=names[higher],
        lower=names[lower],
        difference=Estimate(difference, max(-1.0, least), min(1.0, most)),
    )


def largest_gap(proportions: Collection[Estimate]) -> float:
    """Returns the largest gap between any two sources that is not excluded.

    That all gaps are small follows if each by itself is shown to be (an intersection-union test:
    Berger, 1982, Technometrics 24), so intervals are not widened by the number of pairs.

    Args:
        proportions: of two sources or more.
    """
    return max(_upper_end(higher, lower) for higher, lower in permutations(proportions, 2))


def _upper_end(first: Estimate, second: Estimate) -> float:
    """Returns the upper end of the interval of first - second, by the same method as a `Gap`'s."""
    above, below = first.high - first.value, second.value - second.low
    return first.value - second.value + math.hypot(above, below)


def _most_certain_gaps(
    value: Values, below: Values, above: Values
) -> Iterator[tuple[float, int, int]]:
    """Yields for each source the lower one from which it differs most certainly."""
    for higher in range(len(value)):
        least = value[higher] - value - np.hypot(below[higher], above)
        least[(value > value[higher]) | (np.arange(len(value)) == higher)] = -np.inf
        lower = int(least.argmax())
        yield float(least[lower]), higher, lower
