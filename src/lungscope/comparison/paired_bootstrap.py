"""Differences between two models' metrics: the same bootstrap draws for both.

What makes images easy or hard makes them so for both models. Drawing groups once and computing
both models' metrics on the same draw keeps that out of the difference.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungscope.evaluation.bootstrap import Estimate, Resampling, estimate
from lungscope.evaluation.metrics import overall_scores, resampled_scores
from lungscope.evaluation.predictions import Predictions

METRICS = ("accuracy", "f1_weighted", "f1_macro", "loss")
"""Accuracy; F1 averaged by class support and plainly; mean cross-entropy in nats."""


@dataclass(frozen=True, eq=False)
class Replicated:
    """One model's metrics on the images as they are and on D bootstrap draws of their groups.

    Attributes:
        values: each of `METRICS`.
        replicates: (D,) of each of `METRICS`.
    """

    values: dict[str, float]
    replicates: dict[str, NDArray[np.float64]]

    @classmethod
    def of(cls, predictions: Predictions, resampling: Resampling) -> "Replicated":
        """Computes every metric on every draw.

        Args:
            predictions: of N images.
            resampling: over the groups of the same N images in the same order.
        """
        overall, drawn = overall_scores(predictions), resampled_scores(predictions, resampling)
        return cls(
            {name: overall[name] for name in METRICS}, {name: drawn[name] for name in METRICS}
        )


def differences(first: Replicated, second: Replicated) -> dict[str, Estimate]:
    """First - second in each of `METRICS`, with 95 % percentile intervals.

    Args:
        first: one model.
        second: another on the same images and the same draws.
    """
    return {
        name: estimate(
            first.values[name] - second.values[name],
            first.replicates[name] - second.replicates[name],
        )
        for name in METRICS
    }
