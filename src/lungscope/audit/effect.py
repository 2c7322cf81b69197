"""The effect of a change of the images on a model's predictions, on the same bootstrap draws."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling, bootstrap_estimate
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.proportions import with_interval

Proportions: TypeAlias = NDArray[np.bool_] | NDArray[np.float64]
"""(N,) one value per image: a proportion in [0, 1], or whether something is true."""


@dataclass(frozen=True)
class Effect:
    """The same model on the same images, unchanged and changed.

    All are proportions of all images, with their 95 % intervals.

    Attributes:
        accuracy: accuracy on the changed images.
        difference: accuracy on the changed - on the unchanged images, in [-1, 1], over the same
            draws.
        flips: images whose predicted class is another one.
        correct_to_incorrect: images that were classified correctly and no longer are.
        incorrect_to_correct: images that were misclassified and no longer are.
    """

    accuracy: Estimate
    difference: Estimate
    flips: Estimate
    correct_to_incorrect: Estimate
    incorrect_to_correct: Estimate


def compute_effect(unchanged: Predictions, changed: Predictions, resampling: Resampling) -> Effect:
    """Compares a model's predictions before and after a change, image by image.

    Args:
        unchanged: predictions for N images as they are.
        changed: predictions for the same images in the same order.
        resampling: of their groups.

    Raises:
        ValueError: they are not the same images in the same order.
    """
    if unchanged.files != changed.files or not np.array_equal(unchanged.labels, changed.labels):
        raise ValueError("effect: the predictions are not of the same images in the same order")
    before, after = correct(unchanged), correct(changed)
    return Effect(
        accuracy=mean(after, resampling),
        difference=difference(after, before, resampling),
        flips=mean(unchanged.predicted != changed.predicted, resampling),
        correct_to_incorrect=mean(before & ~after, resampling),
        incorrect_to_correct=mean(~before & after, resampling),
    )


def correct(predictions: Predictions) -> NDArray[np.bool_]:
    """Returns which images are classified correctly, (N,) bool."""
    found: NDArray[np.bool_] = predictions.predicted == predictions.labels
    return found


def mean(values: Proportions, resampling: Resampling) -> Estimate:
    """Computes the mean of one value per image, with its 95 % interval over groups.

    The mean of `correct` is the accuracy.

    Args:
        values: (N,) bool, or float in [0, 1].
        resampling: of the groups of the N images.
    """
    numbers = values.astype(np.float64)
    groups = resampling.counts.shape[1]
    return with_interval(float(numbers.mean()), _replicates(numbers, resampling), groups)


def difference(first: Proportions, second: Proportions, resampling: Resampling) -> Estimate:
    """Computes the difference of two means on the same images, with its paired 95 % interval.

    Args:
        first: (N,) one value per image; for accuracies, which images are correct.
        second: (N,) likewise, of another classifier or of changed images.
        resampling: of the groups of the N images.

    Returns:
        first - second.
    """
    values = first.astype(np.float64) - second
    return bootstrap_estimate(float(values.mean()), _replicates(values, resampling))


def _replicates(values: NDArray[np.float64], resampling: Resampling) -> NDArray[np.float64]:
    return resampling.sums(values) / resampling.sums(np.ones(len(values)))
