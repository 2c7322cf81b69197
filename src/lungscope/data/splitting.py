"""Making splits: stratified, with whole groups in one subset, and k-fold."""

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lungscope.data.assignment import assign_groups
from lungscope.data.duplicates import cluster_duplicates
from lungscope.data.index import Index
from lungscope.data.split import SUBSETS, Split, SplitEntry, Subset
from lungscope.data.survey import Survey
from lungscope.errors import LungscopeError


@dataclass(frozen=True)
class Grouping:
    """The group of every readable image.

    Attributes:
        of: file -> group name.
        by: what the groups are: "group column" or "near-duplicates".
    """

    of: Mapping[str, str]
    by: str


def group_images(index: Index, survey: Survey) -> Grouping:
    """Groups images by the index's group column, else by near-duplicates alone.

    Two named groups that share a picture (byte-equal or near-duplicate) become one: a patient
    that is listed twice must not sit in both subsets of a split. An image without a group in a
    table that has the column is a group of its own.

    Args:
        index: the labelled images.
        survey: what `survey` found about them.
    """
    files = sorted(image.file for image in survey.readable)
    alike = cluster_duplicates(survey)
    named = {entry.file: entry.group for entry in index.entries}
    has_column = any(named[file] for file in files)
    joined = join_groups(
        [alike.get(file, file) for file in files], [named[file] or f"file:{file}" for file in files]
    )
    names: dict[int, str] = {}
    for file, component in zip(files, joined, strict=True):
        names.setdefault(component, named[file] or alike.get(file, file))
    return Grouping(
        of={file: names[component] for file, component in zip(files, joined, strict=True)},
        by="group column" if has_column else "near-duplicates",
    )


def join_groups(first: Sequence[Hashable], second: Sequence[Hashable]) -> list[int]:
    """Numbers the classes of "alike in the first or in the second naming, or both in turn".

    Args:
        first: a name for each of N things.
        second: another name for each of them.

    Returns:
        A number for each thing; two have the same one exactly if a chain of equal names links
        them.
    """
    names: dict[tuple[int, Hashable], int] = {}
    rows = [names.setdefault((1, name), len(names)) for name in first]
    columns = [names.setdefault((2, name), len(names)) for name in second]
    size = len(names)
    links = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(size, size))
    _, components = connected_components(links, directed=False)
    return [int(components[row]) for row in rows]


def make_split(
    index: Index, survey: Survey, fractions: Sequence[float] = (0.8, 0.1, 0.1), seed: int = 0
) -> Split:
    """Splits an index into training, validation and test subsets.

    Groups are the index's own where it has any, joined where byte-equal or near-duplicate
    pictures link two of them; else the near-duplicate clusters alone.

    Args:
        index: the labelled images; unreadable ones are left out.
        survey: what `survey` found about them.
        fractions: share of each subset, each > 0, summing to 1.
        seed: of the assignment.

    Raises:
        LungscopeError: bad fractions, or a class too small to be in every subset.
    """
    total = math.fsum(fractions)
    if len(fractions) != len(SUBSETS) or min(fractions) <= 0 or not math.isclose(total, 1):
        raise LungscopeError(
            f"split: fractions {tuple(fractions)} must be three positive shares that sum to 1"
        )
    grouping = group_images(index, survey)
    _refuse_few_groups(index, survey, grouping, len(fractions))
    subsets = [SUBSETS[part] for part in _parts(survey, grouping, fractions, seed)]
    description = "/".join(f"{100 * fraction:.4g}" for fraction in fractions)
    return _split(index, survey, grouping, subsets, seed, description)


def make_folds(index: Index, survey: Survey, count: int, seed: int = 0) -> tuple[Split, ...]:
    """Splits an index for cross-validation.

    Fold i is the test subset of split i and fold i + 1 its validation subset; the rest trains.
    Every image is tested exactly once.

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
    grouping = group_images(index, survey)
    _refuse_few_groups(index, survey, grouping, count)
    parts = _parts(survey, grouping, [1 / count] * count, seed)

    def subset(part: int, fold: int) -> Subset:
        return {fold: SUBSETS[2], (fold + 1) % count: SUBSETS[1]}.get(part, SUBSETS[0])

    return tuple(
        _split(
            index,
            survey,
            grouping,
            [subset(part, fold) for part in parts],
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
    return [int(part) for part in assign_groups(groups, labels, fractions, seed)]


def _split(
    index: Index,
    survey: Survey,
    grouping: Grouping,
    subsets: Sequence[Subset],
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
                subset=subset,
                source=sources[image.file],
            )
            for image, subset in zip(survey.readable, subsets, strict=True)
        ),
        grouped_by=grouping.by,
        seed=seed,
        description=description,
    )
