"""The points of each class's ROC and precision-recall curves."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungscope.evaluation.bootstrap import Estimate
from lungscope.evaluation.discrimination import Discrimination
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.ranking import Ranking


@dataclass(frozen=True, eq=False)
class ClassCurves:
    """One class against all others, a point for each of T distinct probabilities.

    Attributes:
        name: the class.
        prevalence: the share of its images, in (0, 1): the precision of guessing.
        false_positive_rate, true_positive_rate: (T + 1,) rising, from (0, 0) to (1, 1).
        recall: (T,) rising to 1; the true positive rate without its first point.
        precision: (T,).
        auroc: area under the ROC curve.
        auprc: average precision.
    """

    name: str
    prevalence: float
    false_positive_rate: NDArray[np.float64]
    true_positive_rate: NDArray[np.float64]
    recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    auroc: Estimate
    auprc: Estimate


def class_curves(
    predictions: Predictions, discrimination: Discrimination
) -> tuple[ClassCurves, ...]:
    """The curves of every class that some images are of and others are not.

    Args:
        predictions: of the images.
        discrimination: of the same predictions: the areas with their intervals.
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
