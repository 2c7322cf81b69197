"""Making splits: stratified, with whole groups on one side, and k-fold."""

import math
from collections import Counter
from collections.abc import Sequence

from lungscope.data.assignment import assign
from lungscope.data.grouping import Grouping, group
from lungscope.data.index import Index
from lungscope.data.split import SIDES, Side, Split, SplitEntry
from lungscope.data.survey import Survey
from lungscope.errors import LungscopeError


def split(
    index: Index, survey: Survey, fractions: Sequence[float] = (0.8, 0.1, 0.1), seed: int = 0
) -> Split:
    """Splits an index into training, validation and test sides.

    Groups are the index's own where it has any, joined where byte-equal or near-duplicate
    pictures link two of them; else the near-duplicate clusters alone.

    Args:
        index: the labelled images; unreadable ones are left out.
        survey: what `survey` found about them.
        fractions: share of each side, each > 0, summing to 1.
        seed: of the assignment.

    Raises:
        LungscopeError: bad fractions, or a class too small to be on every side.
    """
    total = math.fsum(fractions)
    if len(fractions) != len(SIDES) or min(fractions) <= 0 or not math.isclose(total, 1):
        raise LungscopeError(
            f"split: fractions {tuple(fractions)} must be three positive shares that sum to 1"
        )
    grouping = group(index, survey)
    _refuse_few_groups(index, survey, grouping, len(fractions))
    sides = [SIDES[part] for part in _parts(survey, grouping, fractions, seed)]
    description = "/".join(f"{100 * fraction:.4g}" for fraction in fractions)
    return _split(index, survey, grouping, sides, seed, description)


def folds(index: Index, survey: Survey, count: int, seed: int = 0) -> tuple[Split, ...]:
    """Splits an index for cross-validation.

    Fold i is the test side of split i and fold i + 1 its validation side; the rest trains. Every
    image is tested exactly once.

    Args:
        index: the labelled images; unreadable ones are left out.
        survey: what `survey` found about them.
        count: number of folds, >= 3.
        seed: of the assignment.

    Raises:
        LungscopeError: fewer than three folds, or a class too small for so many.
    """
    if count < 3:
        raise LungscopeError("split: at least 3 folds are needed: train, validation and test")
    grouping = group(index, survey)
    _refuse_few_groups(index, survey, grouping, count)
    parts = _parts(survey, grouping, [1 / count] * count, seed)

    def side(part: int, fold: int) -> Side:
        return {fold: SIDES[2], (fold + 1) % count: SIDES[1]}.get(part, SIDES[0])

    return tuple(
        _split(
            index,
            survey,
            grouping,
            [side(part, fold) for part in parts],
            seed,
            f"fold {fold + 1} of {count}",
        )
        for fold in range(count)
    )


def _refuse_few_groups(index: Index, survey: Survey, grouping: Grouping, parts: int) -> None:
    held = Counter(label for _, label in {(grouping.of[i.file], i.label) for i in survey.readable})
    for label, name in enumerate(index.classes):
        if held[label] < parts:
            raise LungscopeError(
                f"split: class {name!r} has {held[label]} groups (patients or look-alikes), too "
                f"few for {parts} parts"
            )


def _parts(survey: Survey, grouping: Grouping, fractions: Sequence[float], seed: int) -> list[int]:
    groups = [grouping.of[image.file] for image in survey.readable]
    labels = [image.label for image in survey.readable]
    return [int(part) for part in assign(groups, labels, fractions, seed)]


def _split(
    index: Index,
    survey: Survey,
    grouping: Grouping,
    sides: Sequence[Side],
    seed: int,
    description: str,
) -> Split:
    sources = {entry.file: entry.source for entry in index.entries}
    return Split(
        classes=index.classes,
        entries=tuple(
            SplitEntry(
                file=image.file,
                label=image.label,
                sha256=image.sha256,
                group=grouping.of[image.file],
                side=side,
                source=sources[image.file],
            )
            for image, side in zip(survey.readable, sides, strict=True)
        ),
        grouped_by=grouping.by,
        seed=seed,
        description=description,
    )
