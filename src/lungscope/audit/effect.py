"""What a change of the images does to a model's answers, on the same bootstrap draws."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling, bootstrap_estimate
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.proportions import with_interval

Shares: TypeAlias = NDArray[np.bool_] | NDArray[np.float64]
"""(N,) one share in [0, 1] an image, or whether something is so."""


@dataclass(frozen=True)
class Effect:
    """The same model on the same images, unchanged and changed.

    All are shares of all images, with their 95 % intervals.

    Attributes:
        accuracy: on the changed images.
        difference: changed - unchanged, in [-1, 1], over the same draws.
        flips: images whose predicted class is another one.
        right_to_wrong: images that were rightly classified and no longer are.
        wrong_to_right: images that were not and now are.
    """

    accuracy: Estimate
    difference: Estimate
    flips: Estimate
    right_to_wrong: Estimate
    wrong_to_right: Estimate


def effect(unchanged: Predictions, changed: Predictions, resampling: Resampling) -> Effect:
    """Compares a model's answers before and after a change, image by image.

    Args:
        unchanged: of N images as they are.
        changed: of the same images in the same order.
        resampling: over their groups.

    Raises:
        ValueError: they are not the same images in the same order.
    """
    if unchanged.files != changed.files or not np.array_equal(unchanged.labels, changed.labels):
        raise ValueError("effect: the predictions are not of the same images in the same order")
    before, after = right(unchanged), right(changed)
    return Effect(
        accuracy=mean(after, resampling),
        difference=difference(after, before, resampling),
        flips=mean(unchanged.predicted != changed.predicted, resampling),
        right_to_wrong=mean(before & ~after, resampling),
        wrong_to_right=mean(~before & after, resampling),
    )


def right(predictions: Predictions) -> NDArray[np.bool_]:
    """Which images are rightly classified, (N,)."""
    found: NDArray[np.bool_] = predictions.predicted == predictions.labels
    return found


def mean(shares: Shares, resampling: Resampling) -> Estimate:
    """The mean of one share an image, with its 95 % interval over groups.

    The mean of "is right" is the accuracy.

    Args:
        shares: (N,) bool, or in [0, 1].
        resampling: over the groups of the N images.
    """
    values = shares.astype(np.float64)
    groups = resampling.counts.shape[1]
    return with_interval(float(values.mean()), _replicates(values, resampling), groups)


def difference(first: Shares, second: Shares, resampling: Resampling) -> Estimate:
    """The difference of two means on the same images, first - second, with its 95 % interval.

    Args:
        first: (N,) one share an image; of accuracies, which images are right.
        second: (N,) likewise, of another classifier or of changed images.
        resampling: over the groups of the N images.
    """
    values = first.astype(np.float64) - second
    return bootstrap_estimate(float(values.mean()), _replicates(values, resampling))


def _replicates(values: NDArray[np.float64], resampling: Resampling) -> NDArray[np.float64]:
    return resampling.sums(values) / resampling.sums(np.ones(len(values)))
