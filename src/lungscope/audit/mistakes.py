"""The worst mistakes: the images that a person should look at first."""

from dataclasses import dataclass

import numpy as np

from lungscope.evaluation.predictions import Predictions

COUNT = 12


@dataclass(frozen=True)
class Mistake:
    """A wrongly classified image.

    Attributes:
        file: its name.
        group: its group.
        source: where it comes from; None where that is unknown.
        true: the name of its class.
        predicted: the name of the class that it was given.
        probabilities: of each class, by name, in [0, 1].
        loss: cross-entropy in nats.
    """

    file: str
    group: str
    source: str | None
    true: str
    predicted: str
    probabilities: dict[str, float]
    loss: float


def worst_mistakes(predictions: Predictions, count: int = COUNT) -> tuple[Mistake, ...]:
    """The wrongly classified images of the largest loss.

    Args:
        predictions: of N images.
        count: the most that are wanted, >= 0.

    Returns:
        By falling loss; of equals in the order of their file names. Fewer, or none, where there
        are not so many mistakes.
    """
    losses, files = predictions.losses, predictions.files
    wrong: list[int] = np.flatnonzero(predictions.predicted != predictions.labels).tolist()
    worst = sorted(wrong, key=lambda row: (-losses[row], files[row]))[:count]
    return tuple(_mistake(predictions, row) for row in worst)


def _mistake(predictions: Predictions, row: int) -> Mistake:
    return Mistake(
        file=predictions.files[row],
        group=predictions.groups[row],
        source=(predictions.sources[row] or None) if predictions.sources else None,
        true=predictions.classes[predictions.labels[row]],
        predicted=predictions.classes[predictions.predicted[row]],
        probabilities=dict(
            zip(predictions.classes, predictions.probabilities[row].tolist(), strict=True)
        ),
        loss=float(predictions.losses[row]),
    )
