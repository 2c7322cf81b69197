"""How well each class is told from all others, by the predicted class and by its probability."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungscope.evaluation.bootstrap import Estimate, Resampling, estimate_where_defined
from lungscope.evaluation.metrics import class_scores, confusion
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.ranking import Ranking
from lungscope.evaluation.share import groups_among, with_doubt

Counts = NDArray[np.float64]

_AREAS = ("auroc", "auprc")


@dataclass(frozen=True, eq=False)
class Discrimination:
    """One-vs-rest metrics, each in [0, 1] with its 95 % interval.

    Attributes:
        by_class: for each class: sensitivity, specificity, ppv and npv (positive and negative
            predictive value) of the predicted class, 0 where nothing is to be divided, so that
            sensitivity and ppv are `Evaluation`'s recall and precision; auroc and auprc (average
            precision) of its probability, None without an image of the class or of the others.
        macro: of each metric the plain mean over classes; None if a class has none.
        prevalence: the share of images of each class: the auprc of guessing, whose auroc is 0.5.
    """

    by_class: dict[str, dict[str, Estimate | None]]
    macro: dict[str, Estimate | None]
    prevalence: dict[str, float]


def discrimination(predictions: Predictions, resampling: Resampling) -> Discrimination:
    """Computes every metric and its interval by bootstrap over groups.

    A draw in which an area is not defined, without an image of the class, is left out of its
    interval.

    Args:
        predictions: of N images.
        resampling: of their groups.
    """
    classes = len(predictions.classes)
    cells = np.zeros((len(predictions.labels), classes, classes))
    cells[np.arange(len(cells)), predictions.labels, predictions.predicted] = 1
    values, replicates = rates(confusion(predictions)), rates(resampling.sums(cells))
    rankings = [
        Ranking.of(predictions.probabilities[:, k], predictions.labels == k) for k in range(classes)
    ]
    areas = np.array([ranking.areas() for ranking in rankings])[:, :, 0]
    drawn = np.array([ranking.resampled_areas(resampling) for ranking in rankings])
    for column, name in enumerate(_AREAS):
        values[name], replicates[name] = areas[:, column], drawn[:, column].T
    return Discrimination(
        by_class={
            label: _with_doubt(
                {name: _estimate(values[name][k], replicates[name][:, k]) for name in values},
                predictions,
                k,
            )
            for k, label in enumerate(predictions.classes)
        },
        macro={
            name: _estimate(values[name].mean(), replicates[name].mean(axis=1)) for name in values
        },
        prevalence={
            label: float((predictions.labels == k).mean())
            for k, label in enumerate(predictions.classes)
        },
    )


def rates(matrices: Counts) -> dict[str, Counts]:
    """Rates of each class of each confusion matrix.

    Args:
        matrices: (..., K, K), true class by predicted class.

    Returns:
        "sensitivity", "specificity", "ppv" and "npv", each (..., K) in [0, 1]; 0 where nothing is
        to be divided.
    """
    every = matrices.sum(axis=(-2, -1))[..., None]
    right = np.diagonal(matrices, axis1=-2, axis2=-1)
    support, claimed = matrices.sum(axis=-1), matrices.sum(axis=-2)
    rejected = every - support - claimed + right
    of_class = class_scores(matrices)
    return {
        "sensitivity": of_class["recall"],
        "specificity": _ratio(rejected, every - support),
        "ppv": of_class["precision"],
        "npv": _ratio(rejected, every - claimed),
    }


def _with_doubt(
    found: dict[str, Estimate | None], predictions: Predictions, label: int
) -> dict[str, Estimate | None]:
    """Wilson's interval for the rates that are the same in every draw."""
    positive, called = predictions.labels == label, predictions.predicted == label
    of = {"sensitivity": positive, "specificity": ~positive, "ppv": called, "npv": ~called}
    doubted = dict(found)
    for name, chosen in of.items():
        rate = found[name]
        if rate is not None:
            doubted[name] = with_doubt(rate, groups_among(predictions.groups, chosen))
    return doubted


def _ratio(above: Counts, below: Counts) -> Counts:
    return np.divide(above, below, out=np.zeros_like(below), where=below > 0)


def _estimate(value: float, replicates: Counts) -> Estimate | None:
    return None if np.isnan(value) else estimate_where_defined(float(value), replicates)
