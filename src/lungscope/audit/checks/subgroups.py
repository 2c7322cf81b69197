"""Whether the model is equally good on every source: accuracy and recall by source and class.

An accuracy over all images hides a hospital in which the model fails. A cell of the table without
images is empty: nothing is known there, which is not the same as 0.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from lungscope.audit.check import Check, register_check
from lungscope.audit.context import Context
from lungscope.audit.finding import AuditFigure, Finding, Verdict
from lungscope.audit.performance import NOT_ASKED, Performance, points
from lungscope.data.split import UNKNOWN_SOURCE
from lungscope.estimate import LEVEL, Estimate
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.proportions import estimate_proportion
from lungscope.figures.subgroups import SourceBlock, SourceLine, draw_subgroups

GAP = 0.05
"""A larger gap between sources is no longer small."""

Values = NDArray[np.float64]


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
class Gap:
    """The difference between two sources.

    Attributes:
        higher, lower: the source with the higher and with the lower proportion.
        difference: difference of the proportions, >= 0. Its interval is made of theirs (MOVER:
            Newcombe, 1998, method 10; Zou and Donner, 2008), which assumes that sources have no
            group in common and is too wide where they have; where more than two sources are
            compared it is widened by the number of pairs (Bonferroni).
    """

    higher: str
    lower: str
    difference: Estimate


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
        accuracy_gap=_gap({each.source: each.accuracy for each in sources}),
        recall_gaps={
            label: _gap({each.source: each.recall[label] for each in sources})
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
    """By what is compared, the largest gap between any two sources that is not excluded.

    That all gaps are small follows if each by itself is shown to be (an intersection-union test:
    Berger, 1982, Technometrics 24), so intervals are not widened by the number of pairs.
    """
    compared = {"accuracy": [each.accuracy.correct for each in sources]} | {
        f"recall of {name}": [
            cell.correct for each in sources if (cell := each.recall[name]) is not None
        ]
        for name in sources[0].recall
    }
    return {
        what: max(_upper_end(higher, lower) for higher, lower in permutations(proportions, 2))
        for what, proportions in compared.items()
        if len(proportions) > 1
    }


def _upper_end(first: Estimate, second: Estimate) -> float:
    """Upper end of the interval of first - second, made of theirs as a `Gap`'s is."""
    above, below = first.high - first.value, second.value - second.low
    return first.value - second.value + math.hypot(above, below)


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


def _gap(cells: Mapping[str, Cell | None]) -> Gap | None:
    proportions = {s: cell.correct for s, cell in cells.items() if cell is not None}
    if len(proportions) < 2:
        return None
    value = np.array([found.value for found in proportions.values()])
    pairs = len(proportions) * (len(proportions) - 1) / 2
    wider = ndtri(1 - (1 - LEVEL) / 2 / pairs) / ndtri((1 + LEVEL) / 2)
    below = wider * (value - [found.low for found in proportions.values()])
    above = wider * ([found.high for found in proportions.values()] - value)
    least, higher, lower = max(_rows_of_gaps(value, below, above))
    difference = float(value[higher] - value[lower])
    most = difference + float(np.hypot(above[higher], below[lower]))
    names = list(proportions)
    return Gap(
        higher=names[higher],
        lower=names[lower],
        difference=Estimate(difference, max(-1.0, least), min(1.0, most)),
    )


def _rows_of_gaps(value: Values, below: Values, above: Values) -> Iterator[tuple[float, int, int]]:
    """Yields for each source the lower one from which it differs most certainly."""
    for higher in range(len(value)):
        least = value[higher] - value - np.hypot(below[higher], above)
        least[(value > value[higher]) | (np.arange(len(value)) == higher)] = -np.inf
        lower = int(least.argmax())
        yield float(least[lower]), higher, lower


register_check(
    Check("by-source", BySource, measure_by_source, conclude_by_source, draw_by_source, order=30)
)
