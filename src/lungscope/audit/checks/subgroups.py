"""Whether the model is equally good on every source: accuracy and recall by source and class.

An accuracy over all images hides a hospital in which the model fails. A cell of the table without
images is empty: nothing is known there, which is not the same as 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lungscope.audit.check import Check, register_check
from lungscope.audit.context import Context
from lungscope.audit.finding import AuditFigure, Finding, Verdict
from lungscope.audit.gap import Gap, find_gap, largest_gap
from lungscope.audit.performance import NOT_ASKED, Performance, points
from lungscope.data.split import UNKNOWN_SOURCE
from lungscope.estimate import Estimate
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.proportions import estimate_proportion
from lungscope.figures.subgroups import SourceBlock, SourceLine, draw_subgroups

GAP = 0.05
"""A larger gap between sources is no longer small."""


@dataclass(frozen=True)
class Cell:
    """The images of a source, or those of a class from a source.

    Attributes:
        images: number of images, > 0.
        groups: number of their groups.
        misclassified: number of them that are misclassified.
        correct: proportion that is classified correctly, with its 95 % interval over groups.
    """

    images: int
    groups: int
    misclassified: int
    correct: Estimate


@dataclass(frozen=True)
class SourceScores:
    """How well a model does on the images of one source.

    Attributes:
        source: name of the source.
        accuracy: all images of the source.
        recall: by class, the source's images of it; None where it has none.
    """

    source: str
    accuracy: Cell
    recall: dict[str, Cell | None]


@dataclass(frozen=True)
class AbsentClass:
    """A class without a test image from a source."""

    label: str
    source: str


@dataclass(frozen=True)
class BySource:
    """Accuracy and recall by source.

    Attributes:
        sources: scores of each source, sorted by name.
        accuracy_gap: the most certain gap between two sources: of all pairs the one whose interval
            has the highest lower end, so that a source of few images does not win by chance. None
            if there is one source only.
        recall_gaps: the same for the recall of each class; None if fewer than two sources have
            images of it.
        absent: classes without an image from a source.
    """

    sources: tuple[SourceScores, ...]
    accuracy_gap: Gap | None
    recall_gaps: dict[str, Gap | None]
    absent: tuple[AbsentClass, ...]


def compute_by_source(predictions: Predictions) -> BySource | None:
    """Computes the accuracy and the recall of each class by source.

    Args:
        predictions: of N images; those without a source are counted under the source "unknown".

    Returns:
        None if no image's source is known: there is nothing to compare.
    """
    if not any(predictions.sources):
        return None
    named = np.array([source or UNKNOWN_SOURCE for source in predictions.sources])
    sources = tuple(_of_source(predictions, str(name), named == name) for name in np.unique(named))
    return BySource(
        sources=sources,
        accuracy_gap=find_gap({each.source: each.accuracy.correct for each in sources}),
        recall_gaps={
            label: find_gap(
                {
                    each.source: cell.correct
                    for each in sources
                    if (cell := each.recall[label]) is not None
                }
            )
            for label in predictions.classes
        },
        absent=tuple(
            AbsentClass(label, each.source)
            for label in predictions.classes
            for each in sources
            if each.recall[label] is None
        ),
    )


def measure_by_source(context: Context) -> BySource | None:
    """Computes accuracy and recall of the test images by source."""
    return compute_by_source(context.predictions)


def conclude_by_source(found: BySource | None, performance: Performance) -> Sequence[Finding]:
    """Asks whether the model is equally good on every source."""
    threshold = (
        "Warns if the interval of the most certain gap between two sources, in accuracy or in the "
        f"recall of a class, excludes 0; fails if all of it lies above {points(GAP)}; passes only "
        f"if no interval of a gap reaches beyond {points(GAP)}, else warns that such a gap cannot "
        "be excluded. Not measured where no gap is certain and no class has test images of two "
        f"sources, and {NOT_ASKED}."
    )
    about = ("by-source", "Is the model equally good on every source?")
    if found is None or found.accuracy_gap is None:
        return (Finding(*about, "not-measured", _why_no_gap(found), threshold),)
    if reason := performance.nothing_learned():
        return (Finding(*about, "not-measured", reason, threshold),)
    gaps = _recall_gaps(found)
    what, gap = max(
        {"accuracy": found.accuracy_gap, **gaps}.items(), key=lambda each: each[1].difference.low
    )
    said = [
        f"The most certain gap is in {what}: {gap.higher} is above {gap.lower} by "
        f"{gap.difference:+.1pp}."
    ]
    where, widest = max(_largest_gaps(found.sources).items(), key=lambda each: each[1])
    verdict: Verdict = "pass"
    if gap.difference.low > 0:
        verdict = "fail" if gap.difference.low > GAP else "warn"
    elif not gaps:
        verdict = "not-measured"
    elif widest > GAP:
        verdict = "warn"
        said.append(
            f"A gap of up to {100 * widest:.1f} points in {where} cannot be excluded: "
            "too few images."
        )
    if not gaps:
        said.append(
            "No class has test images of two sources, so a gap between sources cannot be "
            "distinguished from one between classes."
        )
    elif found.absent:
        absent = "; ".join(f"{each.label} has no image from {each.source}" for each in found.absent)
        said.append(f"{absent}.")
    return (Finding(*about, verdict, " ".join(said), threshold),)


def draw_by_source(found: BySource | None, context: Context, folder: Path) -> Sequence[AuditFigure]:
    """Draws accuracy and recall by source; no figure if no source is known."""
    if found is None:
        return ()
    draw_subgroups(
        folder / "sources.png", [_block(each) for each in found.sources], context.title()
    )
    (finding,) = conclude_by_source(found, context.performance)
    figure = AuditFigure(
        "sources",
        f"Proportion classified correctly by source and class. {finding.statement}",
        "Proportion of images classified correctly, by source and class.",
    )
    return (figure,)


def _block(scores: SourceScores) -> SourceBlock:
    cells = {"all images": scores.accuracy, **scores.recall}
    return SourceBlock(
        scores.source,
        [
            SourceLine(name, 0, 0, None)
            if cell is None
            else SourceLine(name, cell.images, cell.groups, cell.correct)
            for name, cell in cells.items()
        ],
    )


def _why_no_gap(found: BySource | None) -> str:
    if found is None:
        return "No test image's source is known."
    return f"All test images come from one source: {found.sources[0].source}."


def _recall_gaps(found: BySource) -> dict[str, Gap]:
    return {f"recall of {n}": gap for n, gap in found.recall_gaps.items() if gap is not None}


def _largest_gaps(sources: tuple[SourceScores, ...]) -> dict[str, float]:
    """Returns the largest gap that is not excluded, by what is compared."""
    compared = {"accuracy": [each.accuracy.correct for each in sources]} | {
        f"recall of {name}": [
            cell.correct for each in sources if (cell := each.recall[name]) is not None
        ]
        for name in sources[0].recall
    }
    return {
        what: largest_gap(proportions)
        for what, proportions in compared.items()
        if len(proportions) > 1
    }


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
    correct = (predictions.predicted == predictions.labels)[inside]
    groups = [predictions.groups[row] for row in np.flatnonzero(inside).tolist()]
    return Cell(
        images=len(correct),
        groups=len(set(groups)),
        misclassified=int((~correct).sum()),
        correct=estimate_proportion(correct, groups),
    )


register_check(
    Check("by-source", BySource, measure_by_source, conclude_by_source, draw_by_source, order=30)
)
