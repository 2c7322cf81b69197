"""The misclassified images that a person should look at first, and how they lie on groups."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lungscope.audit.check import Check, register_check
from lungscope.audit.context import Context
from lungscope.audit.finding import AuditFigure, Finding
from lungscope.audit.performance import Performance
from lungscope.estimate import Estimate
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.proportions import wilson_interval
from lungscope.figures.gallery import GalleryImage, draw_gallery
from lungscope.text import format_quantity, join_words

IMAGES = 12
"""Number of images that are listed and drawn."""

GROUPS = 10
"""Number of groups that are listed."""


@dataclass(frozen=True)
class Misclassification:
    """A misclassified image.

    Attributes:
        file: name of the file.
        group: group of the image.
        source: source of the image; None if unknown.
        true: name of its class.
        predicted: name of the class that the model predicts.
        probabilities: probability of each class, by name, in [0, 1].
        loss: cross-entropy in nats.
    """

    file: str
    group: str
    source: str | None
    true: str
    predicted: str
    probabilities: dict[str, float]
    loss: float

    def __post_init__(self) -> None:
        if self.predicted not in self.probabilities:
            raise ValueError(f"no probability of the predicted class {self.predicted!r:.40}")


@dataclass(frozen=True)
class GroupScore:
    """A group (a patient, a study) and how many of its images are misclassified."""

    group: str
    images: int
    misclassified: int


@dataclass(frozen=True)
class Misclassifications:
    """What the model gets wrong: images of one patient are often misclassified together.

    Attributes:
        images: number of misclassified images.
        worst: up to 12 of them, by falling loss; equal ones by file name.
        groups: number of groups of the test images.
        affected: proportion of groups with at least one misclassified image, with Wilson's 95 %
            interval.
        by_count: number of misclassified images -> number of groups with as many.
        worst_groups: up to 10 groups, most misclassified images first; equal ones by fewer images,
            then by name.
    """

    images: int
    worst: tuple[Misclassification, ...]
    groups: int
    affected: Estimate
    by_count: dict[int, int]
    worst_groups: tuple[GroupScore, ...]


def find_misclassifications(predictions: Predictions, count: int = IMAGES) -> Misclassifications:
    """Finds the misclassified images of the largest loss, and counts them by group.

    Args:
        predictions: of N images.
        count: largest number of images that are listed, >= 0.
    """
    losses, files = predictions.losses, predictions.files
    is_wrong = predictions.predicted != predictions.labels
    wrong: list[int] = np.flatnonzero(is_wrong).tolist()
    worst = sorted(wrong, key=lambda row: (-losses[row], files[row]))[:count]
    images = Counter(predictions.groups)
    by_group = Counter(predictions.groups[row] for row in wrong)
    scores = [GroupScore(group, images[group], by_group[group]) for group in by_group]
    scores.sort(key=lambda score: (-score.misclassified, score.images, score.group))
    return Misclassifications(
        images=len(wrong),
        worst=tuple(_misclassification(predictions, row) for row in worst),
        groups=len(images),
        # groups are independent of each other: nothing is to be resampled
        affected=wilson_interval(len(by_group) / len(images), len(images)),
        by_count=dict(sorted(Counter(by_group[group] for group in images).items())),
        worst_groups=tuple(scores[:GROUPS]),
    )


def measure_misclassifications(context: Context) -> Misclassifications:
    """Finds the misclassified test images."""
    return find_misclassifications(context.predictions)


def conclude_misclassifications(_: Misclassifications, __: Performance) -> Sequence[Finding]:
    """Concludes nothing: the images are for a person to look at."""
    return ()


def draw_misclassifications(
    found: Misclassifications, context: Context, folder: Path
) -> Sequence[AuditFigure]:
    """Draws the worst misclassified radiographs; no figure if there are none."""
    if not found.worst:
        return ()
    rows = {entry.file: row for entry, row in zip(context.entries, _rows(context), strict=True)}
    draw_gallery(
        folder / "misclassifications.png",
        [
            GalleryImage(
                each.file,
                each.true,
                each.predicted,
                each.probabilities[each.predicted],
                context.cache.pixels[rows[each.file]],
            )
            for each in found.worst
        ],
        f"{context.title()}: misclassifications of the largest loss",
    )
    kinds = Counter(f"{each.true} predicted as {each.predicted}" for each in found.worst)
    figure = AuditFigure(
        "misclassifications",
        f"{format_quantity(len(found.worst), 'misclassified radiograph')}: "
        f"{join_words(f'{count} of {kind}' for kind, count in kinds.most_common())}.",
        "The misclassified images of the largest loss, the worst first, with true and predicted "
        "class.",
    )
    return (figure,)


def _rows(context: Context) -> list[int]:
    rows: list[int] = context.cache.rows(context.entries).tolist()
    return rows


def _misclassification(predictions: Predictions, row: int) -> Misclassification:
    return Misclassification(
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


register_check(
    Check(
        "misclassifications",
        Misclassifications,
        measure_misclassifications,
        conclude_misclassifications,
        draw_misclassifications,
        order=90,
    )
)
