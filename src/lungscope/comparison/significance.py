"""Whether two models' accuracies differ by more than chance, and how many images would show it.

McNemar's exact test (McNemar, 1947, Psychometrika 12, 153-157), over images and over groups; Holm's
correction for several tests (Holm, 1979, Scandinavian Journal of Statistics 6, 65-70); and the
number of images needed for a difference to be found.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, binomtest, norm

SIGNIFICANCE = 0.05
"""P-values below this count as significant."""

POWER = 0.8
"""Probability with which a true difference is found on the number of images needed."""


def holm_adjust(p_values: Sequence[float]) -> tuple[float, ...]:
    """Corrects several p-values, in the order given.

    The smallest of m is multiplied by m, the next by m - 1, and so on; none falls below one that
    was smaller before, and none exceeds 1. Rejecting those below 0.05 rejects a true hypothesis,
    any at all, with a probability of at most 5 %, however the tests depend on each other.

    Args:
        p_values: each in [0, 1]; there may be none.

    Examples:
        >>> holm_adjust([0.01, 0.04, 0.03])
        (0.03, 0.06, 0.06)
    """
    order = np.argsort(p_values, kind="stable")
    raised = np.asarray(p_values, dtype=np.float64)[order] * np.arange(len(order), 0, -1)
    corrected = np.empty(len(order))
    corrected[order] = np.minimum(np.maximum.accumulate(raised), 1)
    return tuple(corrected.tolist())


@dataclass(frozen=True)
class McNemar:
    """McNemar's test of two models on the same images.

    Attributes:
        only_first, only_second: images that this model alone classifies correctly.
        p_images: two-sided p-value in [0, 1], images taken to be independent.
        p_groups: two-sided p-value in [0, 1], groups taken to be independent.
    """

    only_first: int
    only_second: int
    p_images: float
    p_groups: float


def mcnemar_test(
    first: NDArray[np.bool_], second: NDArray[np.bool_], groups: Sequence[str]
) -> McNemar:
    """Tests whether two models are equally accurate.

    Args:
        first: (N,) whether one model classifies each image correctly.
        second: (N,) whether the other does.
        groups: the group of each image, (N,).

    Examples:
        >>> import numpy as np
        >>> first, second = np.ones(12, dtype=bool), np.arange(12) >= 6
        >>> found = mcnemar_test(first, second, groups=[str(image) for image in range(12)])
        >>> found.only_first, found.only_second, found.p_images
        (6, 0, 0.03125)
    """
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    one_sided = only_first + only_second
    return McNemar(
        only_first,
        only_second,
        float(binomtest(only_first, one_sided, 0.5).pvalue) if one_sided else 1.0,
        _over_groups(first.astype(np.int64) - second.astype(np.int64), groups),
    )


def _over_groups(advantage: NDArray[np.int64], groups: Sequence[str]) -> float:
    """Computes the exact proportion of exchanges with a sum as far from 0 as the one observed.

    Each group's sum keeps its size and takes either sign. Sums of the same size are counted
    together, by a binomial distribution; distributions of different sizes are convolved.
    """
    names, group = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.zeros(len(names), dtype=np.int64)
    np.add.at(sums, group, advantage)
    positive = np.ones(1)  # probability of each total of the sums whose sign is +: 0, 1, 2, ...
    for size, times in zip(*np.unique(abs(sums[sums != 0]), return_counts=True), strict=True):
        steps = np.zeros(size * times + 1)
        steps[::size] = binom.pmf(np.arange(times + 1), times, 0.5)
        positive = np.convolve(positive, steps)
    totals = 2 * np.arange(len(positive)) - (len(positive) - 1)
    return min(1.0, float(positive[abs(totals) >= abs(sums.sum())].sum()))


def estimate_images_needed(discordant: float, difference: float, effect: float = 1.0) -> float:
    """Estimates on how many images a difference is found with 80 % power at 5 %, two-sided.

    Connor (1987), Biometrics 43, 207-211, for McNemar's test, times the design effect:

        n = effect (z(0.975) sqrt(d) + z(0.8) sqrt(d - difference^2))^2 / difference^2

    Args:
        discordant: d, the proportion of images that exactly one model gets right, in (0, 1].
        difference: of the two accuracies, 0 < abs(difference) <= d.
        effect: the design effect, >= 1.

    Examples:
        >>> round(estimate_images_needed(discordant=0.1, difference=0.02))
        1960
    """
    null = norm.isf(SIGNIFICANCE / 2) * math.sqrt(discordant)
    alternative = norm.ppf(POWER) * math.sqrt(max(0.0, discordant - difference**2))
    return float(effect * ((null + alternative) / difference) ** 2)


def estimate_design_effect(values: NDArray[np.float64], groups: Sequence[str]) -> float:
    """Estimates how many times as many images it takes because those of a group are alike.

    This is the design effect (Kish, 1965, Survey Sampling).

    The variance of the mean with whole groups drawn, over that with single images drawn, by
    linearisation. Values below 1, which few groups give by chance, are raised to 1.

    Args:
        values: (N,) one number an image, of which the mean is wanted.
        groups: the group of each image, (N,), two groups or more.

    Examples:
        >>> estimate_design_effect(np.array([0.0, 0.0, 1.0, 1.0]), ["p1", "p1", "p2", "p2"])
        3.0
    """
    names, group = np.unique(np.asarray(groups), return_inverse=True)
    deviation = values - values.mean()
    sums = np.zeros(len(names))
    np.add.at(sums, group, deviation)
    independent = (deviation**2).sum() / (1 - 1 / len(values))
    grouped = (sums**2).sum() / (1 - 1 / len(names))
    return max(1.0, float(grouped / independent)) if independent else 1.0
