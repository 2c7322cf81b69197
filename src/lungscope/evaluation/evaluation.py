"""All metrics of one model on one set of images, each with its interval."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.metrics import METRICS, Sample, class_scores, confusion_matrix
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.proportions import UNKNOWN, estimate_proportion_among, f1_interval


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model is worth on N images in G groups.

    Attributes:
        images: N.
        groups: G, what the intervals are resampled over.
        classes: class names.
        overall: each metric that `lungscope.evaluation.metrics` registers.
        by_class: precision, recall and F1 of each class; 0 with the interval from 0 to 1 where
            nothing is to be divided, because no image is of the class or predicted as it.
        matrix: (K, K) counts, true class by predicted class.
    """

    images: int
    groups: int
    classes: tuple[str, ...]
    overall: dict[str, Estimate]
    by_class: dict[str, dict[str, Estimate]]
    matrix: NDArray[np.float64]


def evaluate(predictions: Predictions, seed: int = 0) -> Evaluation:
    """Computes every metric and its 95 % interval by bootstrap over groups.

    Proportions (accuracy, which weighted recall is too, precision and recall of a class) and F1 of
    a class have the intervals of `lungscope.evaluation.proportions`: Wilson's with few groups and
    where all draws agree. Draws in which a class has no value are left out of its intervals and,
    unless it has none at all, out of those of macro averages; in weighted averages it counts as 0,
    as in scikit-learn. With one group, nothing can be resampled: a proportion has Wilson's interval
    for one observation, any other metric the value itself.

    Args:
        predictions: of the images.
        seed: of the bootstrap.

    Examples:
        >>> classes, labels = ("Normal", "Pneumonia"), np.array([0, 0, 1, 1])
        >>> probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
        >>> names = ("a", "b", "c", "d")  # each of a patient of its own
        >>> tested = Predictions(classes, names, names, labels, probabilities)
        >>> print(evaluate(tested).overall["accuracy"])
        0.750 (95 % 0.301 to 0.954)
    """
    resampling = Resampling.over(predictions.groups, seed=seed)
    groups = resampling.counts.shape[1]
    sample = Sample(predictions, resampling)
    matrix = confusion_matrix(predictions)
    each, drawn = class_scores(matrix, np.nan), class_scores(sample.matrices, np.nan)
    return Evaluation(
        images=len(predictions.files),
        groups=groups,
        classes=predictions.classes,
        overall={
            name: metric.interval(metric.value(predictions), metric.resample(sample), groups)
            for name, metric in METRICS.items()
        },
        by_class={
            label: {
                "precision": estimate_proportion_among(own, called, resampling) or UNKNOWN,
                "recall": estimate_proportion_among(called, own, resampling) or UNKNOWN,
                "f1": _f1(float(each["f1"][k]), drawn["f1"][:, k], own | called, resampling),
            }
            for k, label in enumerate(predictions.classes)
            for own, called in [(predictions.labels == k, predictions.predicted == k)]
        },
        matrix=matrix,
    )


def _f1(
    value: float, replicates: NDArray[np.float64], among: NDArray[np.bool_], resampling: Resampling
) -> Estimate:
    if not among.any():
        return UNKNOWN
    return f1_interval(value, replicates, len(np.unique(resampling.group[among])))
