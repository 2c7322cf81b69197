"""Whether two models differ in how often they are right: McNemar's exact test, twice.

Over images (McNemar, 1947): of the images that exactly one model gets right, each is the first
model's with probability 1/2 if the two are equally good. That takes images to be independent.

Over groups: the same null hypothesis with the group as its unit, as in Fisher's randomisation
test. If the models are equally good, exchanging their answers for a whole group is as likely as
not, whatever ties the images of a group together. With one image a group the two tests are one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, binomtest


@dataclass(frozen=True)
class McNemar:
    """Two models' right answers to the same images.

    Attributes:
        only_first, only_second: images that this model alone got right.
        p_images: two-sided p-value in [0, 1], images taken to be independent.
        p_groups: two-sided p-value in [0, 1], groups taken to be independent.
    """

    only_first: int
    only_second: int
    p_images: float
    p_groups: float


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_], groups: Sequence[str]) -> McNemar:
    """Tests whether two models are right equally often.

    Args:
        first: (N,) whether one model got each image right.
        second: (N,) whether the other did.
        groups: the group of each image, (N,).
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
    """The exact share of all exchanges whose sum is as far from 0 as the one observed.

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
