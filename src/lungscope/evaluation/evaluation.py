"""All metrics of one model on one set of images, each with its interval."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungscope.evaluation.bootstrap import DRAWS, LEVEL, Estimate, Resampling, estimate
from lungscope.evaluation.metrics import class_scores, confusion, scores
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.share import groups_among, with_doubt


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model is worth on N images in G groups.

    Attributes:
        images: N.
        groups: G, what the intervals are resampled over.
        classes: class names.
        overall: loss (mean cross-entropy in nats), accuracy, and precision, recall and F1 in
            weighted and macro average.
        by_class: precision, recall and F1 of each class.
        matrix: (K, K) counts, true class by predicted class.
    """

    images: int
    groups: int
    classes: tuple[str, ...]
    overall: dict[str, Estimate]
    by_class: dict[str, dict[str, Estimate]]
    matrix: NDArray[np.float64]

    def to_json(self) -> dict[str, Any]:
        """A JSON object: the first part of `metrics.json`."""
        return {
            "images": self.images,
            "groups": self.groups,
            "interval": _interval(self.groups),
            "overall": {name: asdict(value) for name, value in self.overall.items()},
            "by_class": {
                name: {metric: asdict(value) for metric, value in metrics.items()}
                for name, metrics in self.by_class.items()
            },
            "confusion": {
                "classes": self.classes,
                "rows": "true class",
                "columns": "predicted class",
                "counts": self.matrix.astype(int).tolist(),
            },
        }


def evaluate(predictions: Predictions, seed: int = 0) -> Evaluation:
    """Computes every metric and its 95 % interval by bootstrap over groups.

    Where all images are of one group, there is no telling how much another group would differ:
    every interval is the value itself, and `metrics.json` says that there is none. Where a share
    (accuracy, precision, recall) is the same in every draw, its interval is Wilson's for as many
    images as there are groups. In a draw
    without an image of a class, that class's recall counts as 0, which widens the intervals of
    classes that few groups hold.

    Args:
        predictions: of the images.
        seed: of the bootstrap.
    """
    count = len(predictions.files)
    resampling = Resampling.over(predictions.groups, seed=seed)
    cells = np.zeros((count, len(predictions.classes), len(predictions.classes)))
    cells[np.arange(count), predictions.labels, predictions.predicted] = 1
    matrix, matrices = confusion(predictions), resampling.sums(cells)
    losses = resampling.sums(predictions.losses) / resampling.sums(np.ones(count))

    values, replicates = scores(matrix), scores(matrices)
    each, replicated = class_scores(matrix), class_scores(matrices)
    overall = {name: estimate(float(values[name]), replicates[name]) for name in values}
    overall["accuracy"] = with_doubt(overall["accuracy"], resampling.counts.shape[1])
    return Evaluation(
        images=count,
        groups=resampling.counts.shape[1],
        classes=predictions.classes,
        overall={
            "loss": estimate(float(predictions.losses.mean()), losses),
            **overall,
        },
        by_class={
            label: _with_doubt(
                {name: estimate(float(each[name][k]), replicated[name][:, k]) for name in each},
                predictions,
                k,
            )
            for k, label in enumerate(predictions.classes)
        },
        matrix=matrix,
    )


def _with_doubt(
    found: dict[str, Estimate], predictions: Predictions, label: int
) -> dict[str, Estimate]:
    of = {
        "recall": groups_among(predictions.groups, predictions.labels == label),
        "precision": groups_among(predictions.groups, predictions.predicted == label),
    }
    return found | {name: with_doubt(found[name], groups) for name, groups in of.items()}


def _interval(groups: int) -> str:
    if groups == 1:
        return "none: all images are of one group, so low and high repeat the value"
    return f"{100 * LEVEL:.0f} %, bootstrap over groups, {DRAWS} draws"
