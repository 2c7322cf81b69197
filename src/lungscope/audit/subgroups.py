"""Where a model is right: by source and class, and how its mistakes lie on groups.

An accuracy over all images hides a hospital in which the model fails. A cell of the table that
holds no image is said to be empty: nothing is known there, which is not the same as 0.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from lungscope.estimate import LEVEL, Estimate
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.proportions import estimate_proportion, wilson_interval

UNKNOWN = "unknown"
"""The source of images of which none is given, where others have one."""

WORST = 10
"""So many groups are named."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Cell:
    """Some of the images: those of a source, or of a class from a source.

    Attributes:
        images: how many, > 0.
        groups: how many groups they are of.
        mistakes: how many are wrongly classified.
        share: of those that are rightly classified, with its 95 % interval over groups.
    """

    images: int
    groups: int
    mistakes: int
    share: Estimate


@dataclass(frozen=True)
class SourceScores:
    """How well a model does on the images of one source.

    Attributes:
        source: its name.
        accuracy: of all its images.
        recall: of those of each class; None where it has no image of the class.
    """

    source: str
    accuracy: Cell
    recall: dict[str, Cell | None]


@dataclass(frozen=True)
class Gap:
    """How far two sources lie apart.

    Attributes:
        higher, lower: the source with the higher and with the lower share.
        difference: of the shares, >= 0. The interval is made of theirs (MOVER: Newcombe, 1998,
            method 10; Zou and Donner, 2008), which takes sources to have no group in common and
            errs on the wide side where they have; where more than two sources are compared it is
            widened by the number of pairs (Bonferroni).
    """

    higher: str
    lower: str
    difference: Estimate


@dataclass(frozen=True)
class BySource:
    """Accuracy and recall by source.

    Attributes:
        sources: in the order of their names.
        accuracy_gap: the most certain gap between two sources: of all pairs the one whose interval
            has the highest lower end, so that a source of few images does not win by chance. None
            if there is one source only.
        recall_gaps: the same of each class; None if fewer than two sources have images of it.
        absent: a sentence for each class and source without an image.
    """

    sources: tuple[SourceScores, ...]
    accuracy_gap: Gap | None
    recall_gaps: dict[str, Gap | None]
    absent: tuple[str, ...]


@dataclass(frozen=True)
class GroupScore:
    """A group (a patient, a study) and how many of its images are wrongly classified."""

    group: str
    images: int
    mistakes: int


@dataclass(frozen=True)
class ByGroup:
    """How mistakes lie on groups: one patient's images are often wrong together.

    Attributes:
        groups: how many there are.
        with_mistake: the share of them with a mistake or more, with Wilson's 95 % interval.
        by_mistakes: number of mistakes -> how many groups have so many.
        worst: up to ten groups with a mistake, most mistakes first; of equals those of fewer
            images, then by name.
    """

    groups: int
    with_mistake: Estimate
    by_mistakes: dict[int, int]
    worst: tuple[GroupScore, ...]


def by_source(predictions: Predictions) -> BySource | None:
    """Accuracy and each class's recall in each source.

    Args:
        predictions: of N images; those without a source count as of the source "unknown".

    Returns:
        None if no image's source is known: there is nothing to compare.
    """
    if not any(predictions.sources):
        return None
    named = np.array([source or UNKNOWN for source in predictions.sources])
    sources = tuple(_of_source(predictions, str(name), named == name) for name in np.unique(named))
    return BySource(
        sources=sources,
        accuracy_gap=_gap({each.source: each.accuracy for each in sources}),
        recall_gaps={
            label: _gap({each.source: each.recall[label] for each in sources})
            for label in predictions.classes
        },
        absent=tuple(
            f"{label} has no image from {each.source}"
            for label in predictions.classes
            for each in sources
            if each.recall[label] is None
        ),
    )


def by_group(predictions: Predictions) -> ByGroup:
    """Counts mistakes by group.

    Args:
        predictions: of N images.
    """
    wrong = predictions.predicted != predictions.labels
    images = Counter(predictions.groups)
    mistakes = Counter(
        group for group, is_wrong in zip(predictions.groups, wrong, strict=True) if is_wrong
    )
    scores = [GroupScore(group, images[group], mistakes[group]) for group in mistakes]
    scores.sort(key=lambda score: (-score.mistakes, score.images, score.group))
    return ByGroup(
        groups=len(images),
        with_mistake=wilson_interval(len(mistakes) / len(images), len(images)),
        by_mistakes=dict(sorted(Counter(mistakes[group] for group in images).items())),
        worst=tuple(scores[:WORST]),
    )


def _of_source(predictions: Predictions, name: str, inside: NDArray[np.bool_]) -> SourceScores:
    of_class = {
        label: inside & (predictions.labels == number)
        for number, label in enumerate(predictions.classes)
    }
    return SourceScores(
        source=name,
        accuracy=_cell(predictions, inside),
        recall={
            label: _cell(predictions, images) if images.any() else None
            for label, images in of_class.items()
        },
    )


def _cell(predictions: Predictions, inside: NDArray[np.bool_]) -> Cell:
    right = (predictions.predicted == predictions.labels)[inside]
    groups = [predictions.groups[row] for row in np.flatnonzero(inside).tolist()]
    return Cell(
        images=len(right),
        groups=len(set(groups)),
        mistakes=int((~right).sum()),
        share=estimate_proportion(right, groups),
    )


def _gap(cells: Mapping[str, Cell | None]) -> Gap | None:
    shares = {source: cell.share for source, cell in cells.items() if cell is not None}
    if len(shares) < 2:
        return None
    value = np.array([found.value for found in shares.values()])
    pairs = len(shares) * (len(shares) - 1) / 2
    wider = ndtri(1 - (1 - LEVEL) / 2 / pairs) / ndtri((1 + LEVEL) / 2)
    below = wider * (value - [found.low for found in shares.values()])
    above = wider * ([found.high for found in shares.values()] - value)
    least, higher, lower = max(_rows_of_gaps(value, below, above))
    difference = float(value[higher] - value[lower])
    most = difference + float(np.hypot(above[higher], below[lower]))
    names = list(shares)
    return Gap(
        higher=names[higher],
        lower=names[lower],
        difference=Estimate(difference, max(-1.0, least), min(1.0, most)),
    )


def _rows_of_gaps(value: Values, below: Values, above: Values) -> Iterator[tuple[float, int, int]]:
    """For each source the other, no higher one from which it is the most certain to differ."""
    for higher in range(len(value)):
        least = value[higher] - value - np.hypot(below[higher], above)
        least[(value > value[higher]) | (np.arange(len(value)) == higher)] = -np.inf
        lower = int(least.argmax())
        yield float(least[lower]), higher, lower
