"""Proportions of images with an interval that always leaves room for doubt: one rule for all.

The bootstrap over groups gives no interval where every group is right, and too narrow a one of
few groups: three hospitals without a misclassification do not prove that there is none. There it is
Wilson's, as if all images of a group were one observation.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from lungscope.estimate import LEVEL, Estimate
from lungscope.evaluation.bootstrap import Resampling, bootstrap_where_defined

FEW = 10
"""With fewer groups cluster bootstraps are known to be too narrow: the interval is Wilson's."""

_ROUNDING = 1e-12

UNKNOWN = Estimate(0.0, 0.0, 1.0)
"""The estimate for 0 / 0 where scikit-learn has 0: the proportion of no image may be anything."""


def wilson_interval(proportion: float, count: int) -> Estimate:
    """Estimates a proportion of independent observations with Wilson's 95 % interval.

    Wilson (1927), Journal of the American Statistical Association 22, 209-212. It has a width even
    where the proportion is 0 or 1, and lies within [0, 1].

    Args:
        proportion: observed, in [0, 1].
        count: number of observations, > 0.

    Examples:
        >>> print(wilson_interval(1.0, 10))
        1.000 (95 % 0.722 to 1.000)
    """
    squared = ndtri((1 + LEVEL) / 2) ** 2 / count
    centre = (proportion + squared / 2) / (1 + squared)
    half = np.sqrt(squared * (proportion * (1 - proportion) + squared / 4)) / (1 + squared)
    # rounding apart, the interval holds the proportion
    low, high = max(0.0, min(centre - half, proportion)), min(1.0, max(centre + half, proportion))
    return Estimate(proportion, float(low), float(high))


def estimate_proportion(right: NDArray[np.bool_], groups: Sequence[str]) -> Estimate:
    """Estimates the proportion of images that are right, with its 95 % interval over groups.

    Args:
        right: (N,), N > 0.
        groups: the group of each image, length N.

    Examples:
        >>> print(estimate_proportion(np.array([True, True, False]), ["p1", "p2", "p3"]))
        0.667 (95 % 0.208 to 0.939)
    """
    count = len(set(groups))
    if count < FEW:
        return wilson_interval(float(right.mean()), count)  # as below, without the draws
    return estimate_proportion_of_all(right, Resampling.over(groups))


def estimate_proportion_among(
    right: NDArray[np.bool_], among: NDArray[np.bool_], resampling: Resampling
) -> Estimate | None:
    """Estimates the proportion of some images that are right, with its 95 % interval.

    A draw without any of those images has no such proportion and is left out.

    Args:
        right: (N,).
        among: (N,) the images that it is the proportion of.
        resampling: of the groups of all N.

    Returns:
        None where it is the proportion of no image.

    Examples:
        >>> right, resampling = np.arange(20) > 4, Resampling.over([f"p{k}" for k in range(20)])
        >>> print(estimate_proportion_among(right, np.arange(20) < 10, resampling))
        0.500 (95 % 0.182 to 0.800)
    """
    return _estimate(right & among, among, resampling) if among.any() else None


def estimate_proportion_of_all(right: NDArray[np.bool_], resampling: Resampling) -> Estimate:
    """Estimates the proportion of all N images that are right, with its 95 % interval over groups.

    Args:
        right: (N,), N > 0.
        resampling: of the groups of the N images.

    Examples:
        >>> right, resampling = np.arange(20) > 4, Resampling.over([f"p{k}" for k in range(20)])
        >>> print(estimate_proportion_of_all(right, resampling))
        0.750 (95 % 0.550 to 0.900)
    """
    return _estimate(right, np.ones(len(right), dtype=np.bool_), resampling)


def with_interval(value: float, replicates: NDArray[np.float64], groups: int) -> Estimate:
    """Estimates a proportion: percentile interval, or Wilson's for few groups or without a width.

    Args:
        value: the proportion, in [0, 1].
        replicates: (D,) its value in each draw; NaN where it has none. Beyond 0 and 1 the interval
            is cut off.
        groups: how many independent observations it is made of, > 0. Wilson's of one group says
            little: of a proportion of 1, that it is above 0.2.
    """
    found = bootstrap_where_defined(value, replicates)
    if groups < FEW or found.low == found.high:
        return wilson_interval(value, groups)
    return Estimate(value, max(0.0, found.low), min(1.0, found.high))


def average_of_proportions(value: float, replicates: NDArray[np.float64], groups: int) -> Estimate:
    """Estimates a mean of proportions of different images, with its percentile interval.

    It is no proportion itself. Where every draw has the same one (all are right, or none is) the
    interval is Wilson's nevertheless; with one group, where nothing can be resampled, it is the
    value.

    Args:
        value: the mean, in [0, 1].
        replicates: (D,) in each draw; NaN where it has none.
        groups: of all images, > 0.
    """
    found = bootstrap_where_defined(value, replicates)
    agreed = found.high - found.low < _ROUNDING
    return wilson_interval(value, groups) if agreed and groups > 1 else found


def f1_interval(value: float, replicates: NDArray[np.float64], groups: int) -> Estimate:
    """Estimates a class's F1, with its 95 % interval by the rule for proportions.

    F1 = 2 J / (1 + J) rises with J: of the images that are of the class or predicted as it, the
    proportion that is both. Wilson's interval is that of J.

    Args:
        value: F1, in [0, 1].
        replicates: (D,) in each draw; NaN where no image is of the class or predicted as it.
        groups: number of groups of the images that are of the class or predicted as it, > 0.
    """
    found = bootstrap_where_defined(value, replicates)
    if groups >= FEW and found.low < found.high:
        return found
    both = wilson_interval(value / (2 - value), groups)
    low, high = (2 * end / (1 + end) for end in (both.low, both.high))
    return Estimate(value, min(low, value), max(high, value))  # rounding apart


def ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divides `above` by `below`; NaN where `below` is 0."""
    return np.divide(above, below, out=np.full_like(below, np.nan), where=below > 0)


def _estimate(
    right: NDArray[np.bool_], among: NDArray[np.bool_], resampling: Resampling
) -> Estimate:
    counts = resampling.sums(np.stack([right, among], axis=1).astype(np.float64))
    value = float(right.sum() / among.sum())
    groups = len(np.unique(resampling.group[among]))
    return with_interval(value, ratio(counts[:, 0], counts[:, 1]), groups)
