"""Columns that go together with the class: source, age, view, device, and how files are stored.

Where they do, a model can score well by recognising, say, the hospital. How strong an association
is, is Cramér's V; what it means is how often the class is guessed from the column alone.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.stats.contingency import association, crosstab

from lungscope.data.checks.issue import Code, DataIssue
from lungscope.data.index import Index
from lungscope.data.survey import ImageRecord
from lungscope.text import format_percent, join_words

TELLING_V = 0.3
"""Cramér's V from which a column is reported to be associated with the class: a "medium" effect
by Cohen (1988)."""

CHANCE = 0.01
"""Largest probability that a value would have images of one class only by chance, or a class images
of one value, at which this is reported."""

MOST_ELSEWHERE = 0.8
"""Largest proportion of the other classes' images that may have the value of a class that has one
value only (and of the other values' images in the class of a value) for this to be reported: where
nearly all images have it, it is no news."""

MOST_VALUES = 20
"""A further column with more different values than this is not compared with the class; `source`
always is."""

NOT_STATED = "not stated"
"""Value of images without one in a column; of the source it is "unknown"."""

_UNKNOWN_SOURCE = "unknown"
_LISTED = 4


@dataclass(frozen=True)
class Confinement:
    """A class whose images all have one value, or a value whose images are all of one class.

    Attributes:
        images: how many these are.
        of_class: the class.
        of_value: the value.
        confined: "class" if the class has this value only, "value" if the value has this class
            only, "both" if each has only the other.
    """

    images: int
    of_class: str
    of_value: str
    confined: str


@dataclass(frozen=True)
class Association:
    """How a column goes together with the class.

    Attributes:
        column: its name: "source", a further column, or "file format", "pixel mode".
        counts: number of images by class and value.
        cramers_v: Cramér's V, without what chance adds, in [0, 1].
        accuracy: proportion of the images whose class is the most frequent one of their value:
            how often the class is guessed from the column alone.
        majority: proportion of the most frequent class: how often it is guessed from nothing.
        most_frequent: that class.
        confinements: classes of one value and values of one class that are no chance.
        same_as: further columns that divide the images in the same way, with their value for each
            value of this one.
    """

    column: str
    counts: Mapping[str, Mapping[str, int]]
    cramers_v: float
    accuracy: float
    majority: float
    most_frequent: str
    confinements: tuple[Confinement, ...]
    same_as: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def is_telling(self) -> bool:
        """Whether a model could use the column in place of the lung."""
        return self.cramers_v >= TELLING_V or bool(self.confinements)


def list_columns(index: Index, images: Sequence[ImageRecord]) -> dict[str, list[str]]:
    """Returns the value of each image in every column that is compared with the class.

    Args:
        index: the labelled images.
        images: the readable ones of them.
    """
    entries = {entry.file: entry for entry in index.entries}
    chosen = [entries[image.file] for image in images]
    found: dict[str, list[str]] = {}
    if any(entry.source for entry in chosen):
        found["source"] = [entry.source or _UNKNOWN_SOURCE for entry in chosen]
    further = [dict(entry.columns) for entry in chosen]
    for name in further[0] if further else ():
        values = [columns[name] or NOT_STATED for columns in further]
        if 2 <= len(set(values)) <= MOST_VALUES:
            found[name] = values
    return found


def list_formats(images: Sequence[ImageRecord]) -> dict[str, list[str]]:
    """Returns how each image is stored, in words: the format of its file, mode and bits."""
    return {
        "file format": [image.format for image in images],
        "pixel mode": [f"{image.mode}, {image.bits} bit" for image in images],
    }


def measure_associations(
    columns: Mapping[str, Sequence[str]], labels: Sequence[str], groups: Sequence[str]
) -> tuple[Association, ...]:
    """Compares each column with the class, the strongest association first.

    Args:
        columns: the value of each of N images by column.
        labels: the class of each image.
        groups: the group of each image: those of one group count once where chance is judged.
    """
    found = [
        _measure(name, values, labels, groups)
        for name, values in columns.items()
        if len(set(values)) > 1 and len(set(labels)) > 1
    ]
    divisions: dict[tuple[int, ...], int] = {}
    kept: list[Association] = []
    for each in found:
        number: dict[str, int] = {}
        division = tuple(number.setdefault(value, len(number)) for value in columns[each.column])
        if division in divisions:
            first = kept[divisions[division]]
            pairs = dict(zip(columns[first.column], columns[each.column], strict=True))
            same = {**first.same_as, each.column: pairs}
            kept[divisions[division]] = replace(first, same_as=same)
        else:
            divisions[division] = len(kept)
            kept.append(each)
    return tuple(sorted(kept, key=lambda each: -each.cramers_v))


def find_telling_columns(associations: Sequence[Association], kind: Code) -> list[DataIssue]:
    """Reports columns that go together with the class.

    Args:
        associations: what `measure_associations` found.
        kind: code of the issues; that of a source is its own.
    """
    issues = []
    for each in associations:
        if each.is_telling:
            code: Code = "class-by-source" if each.column == "source" else kind
            issues.append(DataIssue("warning", code, describe_association(each), each.column))
    return issues


def describe_association(found: Association) -> str:
    """Says in plain words how a column goes together with the class, and what to do."""
    column = found.column
    names = join_words([column, *found.same_as])
    guessed = (
        f"the class guessed from {column} alone is right for {format_percent(found.accuracy)} of "
        f"the images, always {found.most_frequent} for {format_percent(found.majority)} "
        f"(Cramér's V {found.cramers_v:.2f})"
    )
    if found.accuracy == 1 and column != "source":
        return (
            f"{names} determines the class: each value has images of one class only; unless it is "
            f"a finer label, a model can score well by recognising {column}; {guessed}"
        )
    facts = [_describe_confinement(found, each) for each in found.confinements[:_LISTED]]
    if len(found.confinements) > _LISTED:
        facts.append(f"{len(found.confinements) - _LISTED} more like these")
    held_out = ", and hold sources out" if column == "source" else ""
    return (
        f"{names} {'is' if not found.same_as else 'are'} associated with the class: "
        + "".join(f"{fact}; " for fact in facts)
        + f"{guessed}; a model can score well by recognising {column}: report results by {column}"
        + held_out
    )


def _describe_confinement(found: Association, fact: Confinement) -> str:
    also = [f"{name} {values[fact.of_value]}" for name, values in found.same_as.items()]
    value = " and ".join([f"{found.column} {fact.of_value}", *also])
    if fact.confined == "value":
        return f"every image with {value} is {fact.of_class}"
    said = f"every {fact.of_class} image has {value}"
    return f"{said} and the reverse" if fact.confined == "both" else said


def _measure(
    name: str, values: Sequence[str], labels: Sequence[str], groups: Sequence[str]
) -> Association:
    (classes, kinds), count = crosstab(list(labels), list(values))
    most_frequent = int(count.sum(axis=1).argmax())
    return Association(
        column=name,
        counts={
            str(own): {str(kind): int(n) for kind, n in zip(kinds, row, strict=True) if n}
            for own, row in zip(classes, count, strict=True)
        },
        cramers_v=cramers_v(labels, values),
        accuracy=float(count.max(axis=0).sum() / count.sum()),
        majority=float(count.sum(axis=1).max() / count.sum()),
        most_frequent=str(classes[most_frequent]),
        confinements=_confinements(values, labels, groups),
    )


def _confinements(
    values: Sequence[str], labels: Sequence[str], groups: Sequence[str]
) -> tuple[Confinement, ...]:
    """Finds what `Association.confinements` lists, the most images first."""
    images = Counter(zip(labels, values, strict=True))
    once = set(zip(groups, labels, values, strict=True))
    by_class, by_value = Counter(c for _, c, _ in once), Counter(v for _, _, v in once)
    of_class, of_value = Counter(labels), Counter(values)

    def is_no_chance(part: int, whole: int, groups_of: int, groups_elsewhere: int) -> bool:
        elsewhere = (whole - part) / max(1, len(labels) - part)
        by_chance = (groups_elsewhere / len(once)) ** groups_of
        return elsewhere <= MOST_ELSEWHERE and by_chance < CHANCE

    found = []
    for (own, value), count in images.items():
        confined = {
            "class": count == of_class[own]
            and is_no_chance(count, of_value[value], by_class[own], by_value[value]),
            "value": count == of_value[value]
            and is_no_chance(count, of_class[own], by_value[value], by_class[own]),
        }
        if any(confined.values()):
            name = "both" if all(confined.values()) else max(confined, key=confined.__getitem__)
            found.append(Confinement(count, own, value, name))
    return tuple(sorted(found, key=lambda each: (-each.images, each.of_class, each.of_value)))


def cramers_v(first: Sequence[str], second: Sequence[str]) -> float:
    """Cramér's V of two properties; 0 where one of them has a single value.

    What chance alone adds to it, much with few images or many values, is taken off (Bergsma,
    2013, Journal of the Korean Statistical Society 42).
    """
    table = crosstab(list(first), list(second)).count
    if min(table.shape) < 2:
        return 0.0
    (rows, columns), total = table.shape, table.sum()
    square = association(table, method="cramer") ** 2 * (min(rows, columns) - 1)
    left = max(0.0, square - (rows - 1) * (columns - 1) / (total - 1))
    fewer = min(n - (n - 1) ** 2 / (total - 1) for n in (rows, columns)) - 1
    return float(np.sqrt(left / fewer)) if fewer > 0 else 0.0
