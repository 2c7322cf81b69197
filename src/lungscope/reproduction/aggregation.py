"""The metrics of Table I, aggregated over a model's trainings: over seeds, or over folds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lungscope.errors import InvalidData
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
"""The columns of Table I, with the names of these metrics in `evaluate`."""


@dataclass(frozen=True)
class Aggregate:
    """One metric of a model over its trainings.

    As text it is the estimate with the standard deviation, if there is one:
    `f"{aggregate:.4f}"` gives "0.9033 ± 0.0061 (95 % 0.8742 to 0.9305)".

    Attributes:
        estimate: the number for the table with its 95 % interval over test groups: the mean over
            seeds, or the metric of all folds' test images together.
        each: the metric of each training.

    Examples:
        >>> print(f"{Aggregate(Estimate(0.903, 0.874, 0.931), (0.897, 0.909)):.3f}")
        0.903 ± 0.008 (95 % 0.874 to 0.931)
    """

    estimate: Estimate
    each: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over the trainings."""
        return float(np.mean(self.each))

    @property
    def deviation(self) -> float | None:
        """Standard deviation over the trainings (n - 1 in the divisor); None for one training."""
        return float(np.std(self.each, ddof=1)) if len(self.each) > 1 else None

    def __format__(self, spec: str) -> str:
        if self.deviation is None:
            return format(self.estimate, spec)
        spec = spec or ".3f"
        spread = f"{self.estimate.value:{spec}} ± {self.deviation:{spec}}"
        return f"{spread} ({self.estimate.interval(spec)})"


Aggregated = Mapping[Metric, Aggregate]


def aggregate_seeds(trainings: Sequence[Predictions], seed: int = 0) -> Aggregated:
    """Averages trainings that differ only in their seed and were tested on the same images.

    The interval is that of the mean: in each bootstrap draw of test groups, every training is
    measured on the same groups and the results are averaged. It describes how the mean of these
    trainings would vary with other patients; the standard deviation describes how trainings vary
    among each other. For a single training it is the interval that `evaluate` computes.

    Args:
        trainings: predictions of at least one training, of the same images in the same order.
        seed: seed of the bootstrap.

    Raises:
        InvalidData: they are not of the same images, groups and classes.
    """
    first = trainings[0]
    for other in trainings[1:]:
        same = (first.classes, first.files, first.groups) == (
            other.classes,
            other.files,
            other.groups,
        )
        if not same or (first.labels != other.labels).any():
            raise InvalidData("seeds: tested on different images; reproduce with force")
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
    """Computes the metrics of all folds' test images together, each image tested once.

    Args:
        trainings: predictions of at least one training, each of its own fold's test images.
        seed: seed of the bootstrap.

    Raises:
        InvalidData: an image is tested twice, or the classes differ.
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
        raise InvalidData("folds: an image is tested in two of them, or their classes differ")
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
