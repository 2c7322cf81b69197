"""The numbers of Table I, of several trainings of a model: over seeds, or over folds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lungscope.errors import LungscopeError
from lungscope.estimate import Estimate
from lungscope.evaluation import metrics
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.evaluation import evaluate
from lungscope.evaluation.predictions import Predictions

Metric = Literal["loss", "accuracy", "precision", "recall", "f1"]
METRICS: Mapping[Metric, str] = {
    "loss": "loss",
    "accuracy": "accuracy",
    "precision": "precision_weighted",
    "recall": "recall_weighted",
    "f1": "f1_weighted",
}
"""The columns of Table I, and what `evaluate` calls them."""


@dataclass(frozen=True)
class Aggregate:
    """One metric of a model.

    Attributes:
        estimate: the number for the table with its 95 % interval over test groups: the mean over
            seeds, or that of all folds' test images together.
        each: of each training.
    """

    estimate: Estimate
    each: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over the trainings."""
        return float(np.mean(self.each))

    @property
    def deviation(self) -> float | None:
        """Standard deviation over the trainings (n - 1); None of one training."""
        return float(np.std(self.each, ddof=1)) if len(self.each) > 1 else None


Aggregated = Mapping[Metric, Aggregate]


def aggregate_seeds(trainings: Sequence[Predictions], seed: int = 0) -> Aggregated:
    """Means over trainings that differ in their seed alone, tested on the same images.

    The interval is that of the mean: in each bootstrap draw of test groups, every training is
    measured on the same groups, and the average taken. It tells how the mean of these trainings
    would vary with other patients; how trainings vary among each other, the standard deviation
    tells. Of one training it is the interval that `evaluate` gives, and of several it is made by
    the same rules.

    Args:
        trainings: at least one, of the same images in the same order.
        seed: of the bootstrap.

    Raises:
        LungscopeError: they are not of the same images, groups and classes.
    """
    first = trainings[0]
    for other in trainings[1:]:
        same = (first.classes, first.files, first.groups) == (
            other.classes,
            other.files,
            other.groups,
        )
        if not same or (first.labels != other.labels).any():
            raise LungscopeError("seeds: were not tested on the same images; train them anew")
    resampling = Resampling.over(first.groups, seed=seed)
    replicates = [_replicates(predictions, resampling) for predictions in trainings]
    values = [_values(predictions) for predictions in trainings]
    return {
        metric: Aggregate(
            metrics.METRICS[name].interval(
                float(np.mean([value[metric] for value in values])),
                np.mean([draws[metric] for draws in replicates], axis=0),
                resampling.counts.shape[1],
            ),
            tuple(value[metric] for value in values),
        )
        for metric, name in METRICS.items()
    }


def aggregate_folds(trainings: Sequence[Predictions], seed: int = 0) -> Aggregated:
    """The metrics of all folds' test images together, each image tested once.

    Args:
        trainings: at least one, each of its own fold's images.
        seed: of the bootstrap.

    Raises:
        LungscopeError: an image is tested twice, or the classes differ.
    """
    pooled = _pooled(trainings)
    found = evaluate(pooled, seed).overall
    values = [_values(predictions) for predictions in trainings]
    return {
        metric: Aggregate(found[name], tuple(value[metric] for value in values))
        for metric, name in METRICS.items()
    }


def _pooled(trainings: Sequence[Predictions]) -> Predictions:
    first = trainings[0]
    files = tuple(file for each in trainings for file in each.files)
    if len(set(files)) < len(files) or any(each.classes != first.classes for each in trainings):
        raise LungscopeError("folds: an image is in two of them, or their classes differ")
    return Predictions(
        classes=first.classes,
        files=files,
        groups=tuple(group for each in trainings for group in each.groups),
        labels=np.concatenate([each.labels for each in trainings]),
        probabilities=np.concatenate([each.probabilities for each in trainings]),
    )


def _values(predictions: Predictions) -> dict[Metric, float]:
    found = metrics.compute_metrics(predictions)
    return {metric: found[name] for metric, name in METRICS.items()}


def _replicates(
    predictions: Predictions, resampling: Resampling
) -> dict[Metric, NDArray[np.float64]]:
    found = metrics.resample_metrics(predictions, resampling)
    return {metric: found[name] for metric, name in METRICS.items()}
