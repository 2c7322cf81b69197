"""Random splits and cross-validation folds: stratified, with every group in one subset."""

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lungscope.data.assignment import assign_groups
from lungscope.data.duplicates import DuplicatePair, cluster_duplicates
from lungscope.data.index import Index
from lungscope.data.split import SUBSETS, GroupedBy, Split, SplitEntry, Subset
from lungscope.data.survey import Survey
from lungscope.errors import InvalidData, InvalidSetting, NotFound
from lungscope.text import format_quantity


def make_split(
    index: Index,
    survey: Survey,
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
    duplicates: Sequence[DuplicatePair] | None = None,
) -> Split:
    """Splits an index into training, validation and test subsets.

    Groups are the index's own where it has any, joined where byte-equal or near-duplicate
    images link two of them; else the near-duplicate clusters alone (see `group_images`).

    Args:
        index: the labelled images; unreadable ones are left out.
        survey: what `survey_images` found about them.
        fractions: proportion of each subset, each > 0, summing to 1.
        seed: seed of the random assignment.
        duplicates: what `find_duplicates` or `check_data` found, where they were run already;
            searched for by default.

    Raises:
        InvalidSetting: `fractions` are not three positive numbers that sum to 1, or a negative
            seed.
        InvalidData: a class has too few groups to be in every subset.

    Examples:
        >>> from lungscope.data.index import Index
        >>> from lungscope.data.survey import survey_images
        >>> index = Index.open("xrays")
        >>> make_split(index, survey_images(index), (0.6, 0.2, 0.2), seed=1)
        Split('60/20/20': 36 train, 12 validation, 12 test; classes ...)
    """
    _refuse_bad_seed(seed)
    _refuse_bad_fractions(fractions)
    grouping = group_images(index, survey, duplicates)
    _refuse_few_groups(index, survey, grouping, len(fractions))
    subsets = [SUBSETS[part] for part in _parts(survey, grouping, fractions, seed)]
    description = "/".join(f"{100 * fraction:.4g}" for fraction in fractions)
    return _split(index, survey, grouping, subsets, seed, description)


def hold_out_sources(
    index: Index,
    survey: Survey,
    sources: Sequence[str],
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
    duplicates: Sequence[DuplicatePair] | None = None,
) -> Split:
    """Splits an index so that the test subset is some sources (hospitals) alone.

    The rest is training and validation, drawn at random. Images of a group that is in the test
    subset but come from another source are left out: their patients would be known.

    Args:
        index: the labelled images; unreadable ones are left out.
        survey: what `survey_images` found about them.
        sources: which are held out, at least one.
        fractions: as of `make_split`; training and validation keep their ratio in the rest.
        seed: seed of the random assignment.
        duplicates: as for `make_split`.

    Raises:
        NotFound: no readable image comes from one of the sources.
        InvalidSetting: `fractions` are not three positive numbers that sum to 1, or a bad seed.
        InvalidData: a class has too few groups in the rest.

    Examples:
        >>> from pathlib import Path
        >>> from lungscope.data.index import Index
        >>> from lungscope.data.survey import survey_images
        >>> files = sorted(Path("xrays").rglob("*.png"))
        >>> sources = ["Lviv" if number % 4 == 0 else "Kyiv" for number, _ in enumerate(files)]
        >>> index = Index.from_files(files, [file.parent.name for file in files], sources=sources)
        >>> hold_out_sources(index, survey_images(index), ["Lviv"])
        Split('Lviv held out': ... 15 test; classes ...)
    """
    _refuse_bad_seed(seed)
    _refuse_bad_fractions(fractions)
    train, validation, _ = fractions
    kept = [train / (train + validation), validation / (train + validation)]
    source_of = {entry.file: entry.source for entry in index.entries}
    known = {source_of[image.file] for image in survey.readable}
    for source in sources:
        if source not in known:
            listed = ", ".join(sorted(each for each in known if each)) or "none is named"
            raise NotFound(f"split: no image of source {source!r}; sources are {listed}")
    grouping = group_images(index, survey, duplicates)
    tested = [image for image in survey.readable if source_of[image.file] in sources]
    groups = {grouping.of[image.file] for image in tested}
    rest = [image for image in survey.readable if grouping.of[image.file] not in groups]
    remaining = replace(survey, readable=tuple(rest))
    _refuse_few_groups(index, remaining, grouping, len(kept))
    parts = _parts(remaining, grouping, kept, seed)
    subset_of: dict[str, Subset] = {image.file: "test" for image in tested}
    subset_of |= {i.file: SUBSETS[part] for i, part in zip(rest, parts, strict=True)}
    chosen = tuple(image for image in survey.readable if image.file in subset_of)
    return _split(
        index,
        replace(survey, readable=chosen),
        grouping,
        [subset_of[image.file] for image in chosen],
        seed,
        f"{', '.join(sources)} held out",
        tuple(sources),
    )


def make_folds(
    index: Index,
    survey: Survey,
    count: int,
    seed: int = 0,
    duplicates: Sequence[DuplicatePair] | None = None,
) -> tuple[Split, ...]:
    """Splits an index for cross-validation.

    Fold i is the test subset of split i and fold i + 1 its validation subset; the rest trains.
    Every image is tested exactly once.

    Args:
        index: the labelled images; unreadable ones are left out.
        survey: what `survey_images` found about them.
        count: number of folds, >= 3.
        seed: seed of the random assignment.
        duplicates: as for `make_split`.

    Raises:
        InvalidSetting: fewer than three folds, or a negative seed.
        InvalidData: a class has fewer groups than there are folds.

    Examples:
        >>> from lungscope.data.index import Index
        >>> from lungscope.data.survey import survey_images
        >>> index = Index.open("xrays")
        >>> [fold.description for fold in make_folds(index, survey_images(index), 3)]
        ['fold 1 of 3', 'fold 2 of 3', 'fold 3 of 3']
    """
    if count < 3:
        raise InvalidSetting("split: at least 3 folds are needed: train, validation and test")
    _refuse_bad_seed(seed)
    grouping = group_images(index, survey, duplicates)
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


@dataclass(frozen=True)
class Grouping:
    """The group of every readable image.

    Attributes:
        of: group name by file.
        by: what the groups are: "group-column" or "near-duplicates".
    """

    of: Mapping[str, str]
    by: GroupedBy


def group_images(
    index: Index, survey: Survey, duplicates: Sequence[DuplicatePair] | None = None
) -> Grouping:
    """Groups images by the index's group column, else by near-duplicates alone.

    Two named groups that share an image (byte-equal or near-duplicate) become one: a patient
    that is listed under two names must not be in two subsets of a split. An image without a group
    in a table that has the column is a group of its own.

    Args:
        index: the labelled images.
        survey: what `survey_images` found about them.
        duplicates: as for `make_split`.
    """
    files = sorted(image.file for image in survey.readable)
    alike = cluster_duplicates(survey, duplicates)
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
        by="group-column" if has_column else "near-duplicates",
    )


def join_groups(first: Sequence[Hashable], second: Sequence[Hashable]) -> list[int]:
    """Numbers the groups of things that share a name in either of two namings, or in a chain.

    Args:
        first: a name for each of N things.
        second: another name for each of them; names of the two are unrelated.

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


def _refuse_bad_seed(seed: int) -> None:
    if not isinstance(seed, Integral) or seed < 0:
        raise InvalidSetting(f"split: seed is {seed!r:.40}; give a whole number, 0 or more")


def _refuse_bad_fractions(fractions: Sequence[float]) -> None:
    if (
        isinstance(fractions, str)
        or len(fractions) != len(SUBSETS)
        or not all(isinstance(each, Real) and each > 0 for each in fractions)
        or not math.isclose(math.fsum(fractions), 1)
    ):
        raise InvalidSetting(
            f"split: fractions {fractions!r:.100} must be three positive numbers that sum to 1"
        )


def _refuse_few_groups(index: Index, survey: Survey, grouping: Grouping, parts: int) -> None:
    held = Counter(label for _, label in {(grouping.of[i.file], i.label) for i in survey.readable})
    for label, name in enumerate(index.classes):
        if held[label] < parts:
            raise InvalidData(
                f"split: class {name!r} has {format_quantity(held[label], 'group')} (patients or "
                f"near-duplicates), too few for {parts} parts"
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
    held_out: tuple[str, ...] = (),
) -> Split:
    entries = {entry.file: entry for entry in index.entries}
    return Split(
        classes=index.classes,
        entries=tuple(
            SplitEntry(
                file=image.file,
                label=image.label,
                sha256=image.sha256,
                group=grouping.of[image.file],
                subset=subset,
                source=entries[image.file].source,
                columns=entries[image.file].columns,
            )
            for image, subset in zip(survey.readable, subsets, strict=True)
        ),
        grouped_by=grouping.by,
        seed=seed,
        description=description,
        held_out=held_out,
        data_sets=index.data_sets,
    )
