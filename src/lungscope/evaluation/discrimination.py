"""How well each class is distinguished from all others, by predicted class and by probability."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling, bootstrap_where_defined
from lungscope.evaluation.metrics import class_scores, confusion_matrix, resample_confusion_matrix
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.proportions import (
    average_of_proportions,
    estimate_proportion_among,
    ratio,
)
from lungscope.evaluation.ranking import Ranking
from lungscope.figures.roc import ClassCurves

Counts = NDArray[np.float64]

RATES = {
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "ppv": "PPV",
    "npv": "NPV",
}
"""Metrics of a class's predicted label by name, with their titles in tables."""

AREAS = {"auroc": "AUROC", "auprc": "AUPRC"}
"""Metrics of a class's probability, likewise."""

CLASS_METRICS = RATES | AREAS
"""All metrics of one class against the rest."""


@dataclass(frozen=True)
class Discrimination:
    """One-vs-rest metrics, each in [0, 1] with its 95 % interval.

    Attributes:
        by_class: for each class: sensitivity, specificity, ppv and npv (positive and negative
            predictive value) of the predicted class, None where they are a proportion of no image;
            elsewhere sensitivity and ppv are `Evaluation`'s recall and precision. auroc and auprc
            (average precision) of its probability, None without an image of the class or of the
            others.
        macro: of each metric the plain mean over classes; None if a class has none.
        prevalence: the proportion of images of each class: the auprc of guessing, whose auroc
            is 0.5.
    """

    by_class: dict[str, dict[str, Estimate | None]]
    macro: dict[str, Estimate | None]
    prevalence: dict[str, float]


def compute_discrimination(predictions: Predictions, resampling: Resampling) -> Discrimination:
    """Computes every metric and its interval by bootstrap over groups.

    A draw in which a metric is not defined, say without an image of the class, is left out of its
    interval. Those of rates are of `lungscope.evaluation.proportions`.

    Args:
        predictions: of N images.
        resampling: of their groups.

    Examples:
        >>> classes, labels = ("Normal", "Pneumonia"), np.array([0, 0, 1, 1])
        >>> probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
        >>> names = ("a", "b", "c", "d")  # each of a patient of its own
        >>> tested = Predictions(classes, names, names, labels, probabilities)
        >>> found = compute_discrimination(tested, Resampling.over(tested.groups))
        >>> found.by_class["Pneumonia"]["auroc"].value
        0.75
    """
    values = compute_rates(confusion_matrix(predictions))
    replicates = compute_rates(resample_confusion_matrix(predictions, resampling))
    groups = resampling.counts.shape[1]
    macro = {
        name: None
        if np.isnan(values[name]).any()
        else average_of_proportions(
            float(values[name].mean()), replicates[name].mean(axis=1), groups
        )
        for name in values
    }
    rankings = [
        Ranking.of(predictions.probabilities[:, k], predictions.labels == k)
        for k in range(len(predictions.classes))
    ]
    areas = np.array([ranking.areas() for ranking in rankings])[:, :, 0]
    drawn = np.array([ranking.resampled_areas(resampling) for ranking in rankings])
    return Discrimination(
        by_class={
            label: {
                **compute_class_rates(
                    predictions.predicted == k, predictions.labels == k, resampling
                ),
                **{name: _area(areas[k, n], drawn[k, n]) for n, name in enumerate(AREAS)},
            }
            for k, label in enumerate(predictions.classes)
        },
        macro={
            **macro,
            **{
                name: _area(areas[:, n].mean(), drawn[:, n].mean(axis=0))
                for n, name in enumerate(AREAS)
            },
        },
        prevalence={
            label: float((predictions.labels == k).mean())
            for k, label in enumerate(predictions.classes)
        },
    )


def compute_class_rates(
    called: NDArray[np.bool_], own: NDArray[np.bool_], resampling: Resampling
) -> dict[str, Estimate | None]:
    """Computes sensitivity, specificity, ppv and npv of one class, with 95 % intervals.

    Args:
        called: (N,) which images are called of the class.
        own: (N,) which are.
        resampling: of the groups of the N images.

    Returns:
        Each by its name; None where it is the proportion of no image.
    """
    return {
        "sensitivity": estimate_proportion_among(called, own, resampling),
        "specificity": estimate_proportion_among(~called, ~own, resampling),
        "ppv": estimate_proportion_among(own, called, resampling),
        "npv": estimate_proportion_among(~own, ~called, resampling),
    }


def compute_rates(matrices: Counts) -> dict[str, Counts]:
    """Rates of each class of each confusion matrix.

    Args:
        matrices: (..., K, K), true class by predicted class.

    Returns:
        "sensitivity", "specificity", "ppv" and "npv", each (..., K) in [0, 1]; NaN for 0 / 0.
    """
    every = matrices.sum(axis=(-2, -1))[..., None]
    right = np.diagonal(matrices, axis1=-2, axis2=-1)
    support, claimed = matrices.sum(axis=-1), matrices.sum(axis=-2)
    rejected = every - support - claimed + right
    of_class = class_scores(matrices, np.nan)
    return {
        "sensitivity": of_class["recall"],
        "specificity": ratio(rejected, every - support),
        "ppv": of_class["precision"],
        "npv": ratio(rejected, every - claimed),
    }


def _area(value: float, replicates: Counts) -> Estimate | None:
    return None if np.isnan(value) else bootstrap_where_defined(float(value), replicates)


def compute_class_curves(
    predictions: Predictions, discrimination: Discrimination
) -> tuple[ClassCurves, ...]:
    """Computes the curves of every class that some images are of and others are not.

    Args:
        predictions: of the images.
        discrimination: of the same predictions: the areas with their intervals.

    Examples:
        >>> classes, labels = ("Normal", "Pneumonia"), np.array([0, 0, 1, 1])
        >>> probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
        >>> names = ("a", "b", "c", "d")  # each of a patient of its own
        >>> tested = Predictions(classes, names, names, labels, probabilities)
        >>> found = compute_discrimination(tested, Resampling.over(tested.groups))
        >>> [curves.name for curves in compute_class_curves(tested, found)]
        ['Normal', 'Pneumonia']
    """
    found = []
    for label, name in enumerate(predictions.classes):
        metrics = discrimination.by_class[name]
        auroc, auprc = metrics["auroc"], metrics["auprc"]
        if auroc is None or auprc is None:
            continue
        ranking = Ranking.of(predictions.probabilities[:, label], predictions.labels == label)
        (right,), (taken,) = ranking.counts()
        wrong = taken - right
        found.append(
            ClassCurves(
                name=name,
                prevalence=discrimination.prevalence[name],
                false_positive_rate=np.append(0, wrong / wrong[-1]),
                true_positive_rate=np.append(0, right / right[-1]),
                recall=right / right[-1],
                precision=right / taken,
                auroc=auroc,
                auprc=auprc,
            )
        )
    return tuple(found)
