"""Intervals by resampling whole groups: images of one patient are not independent.

The cluster bootstrap (Davison and Hinkley, 1997, section 3.8; Field and Welsh, 2007): draw as
many groups as there are, with replacement, take all images of each, compute the metric; the 2.5th
and 97.5th percentiles of many such draws bound the 95 % interval.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungscope.estimate import LEVEL, Estimate

DRAWS = 2000
"""Draws of a bootstrap: 50 of them lie beyond each end of a 95 % interval."""

_BLOCK = 2**17
"""Weights of images that are made at once: 1 MiB, which stays in the processor's cache."""


@dataclass(frozen=True, eq=False)
class Resampling:
    """Bootstrap draws over the groups of some images.

    Attributes:
        counts: (D, G) how often each draw holds each group; every row sums to G.
        group: (N,) the group of each image, 0 <= group < G.

    Examples:
        >>> resampling = Resampling.over(["p1", "p1", "p2"], draws=1000)
        >>> resampling.counts.shape, resampling.group
        ((1000, 2), array([0, 0, 1]))
    """

    counts: NDArray[np.float64]
    group: NDArray[np.intp]

    @classmethod
    def over(cls, groups: Sequence[str], draws: int = DRAWS, seed: int = 0) -> "Resampling":
        """Draws groups with replacement.

        Args:
            groups: the group of each image, (N,). With a single group every draw is the
                images themselves, so that there is no interval.
            draws: how many times, D.
            seed: of the draws.
        """
        names, group = np.unique(np.asarray(groups), return_inverse=True)
        size = len(names)
        generator = np.random.default_rng(seed)
        counts = np.empty((draws, size))
        for draw in counts:  # row by row in the processor's cache: 15 times as fast as multinomial
            draw[:] = np.bincount(generator.integers(size, size=size), minlength=size)
        return cls(counts, group)

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sums per-image values over each draw's images.

        Args:
            values: (N, ...) one value or array an image.

        Returns:
            (D, ...).
        """
        by_group = np.zeros((self.counts.shape[1], *values.shape[1:]))
        np.add.at(by_group, self.group, values)
        sums: NDArray[np.float64] = np.tensordot(self.counts, by_group, axes=1)
        return sums

    def weights(self, images: NDArray[np.intp]) -> Iterator[NDArray[np.float64]]:
        """Counts how often each draw holds each image, for metrics that are no function of sums.

        Args:
            images: (M,) numbers of images, in the order wanted.

        Yields:
            (d, M) for d draws at a time, in the draws' order; D in all.
        """
        group = self.group[images]
        step = max(1, _BLOCK // max(1, len(group)))
        for start in range(0, len(self.counts), step):
            yield self.counts[start : start + step, group]


def bootstrap_estimate(value: float, replicates: NDArray[np.float64]) -> Estimate:
    """Estimates a value with the percentile interval of its bootstrap replicates, (D,).

    Examples:
        >>> print(bootstrap_estimate(0.5, np.linspace(0, 1, 101)))
        0.500 (95 % 0.025 to 0.975)
    """
    outside = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(replicates, [outside, 100 - outside])
    return Estimate(float(value), float(low), float(high))


def bootstrap_where_defined(value: float, replicates: NDArray[np.float64]) -> Estimate:
    """Estimates a value over the draws in which it is defined; those in which it is not are NaN.

    Where it is in none, the interval is the value itself.

    Examples:
        >>> print(bootstrap_where_defined(0.5, np.array([0.4, np.nan, 0.6])))
        0.500 (95 % 0.405 to 0.595)
    """
    defined = replicates[~np.isnan(replicates)]
    return bootstrap_estimate(value, defined if len(defined) else np.array([value]))
