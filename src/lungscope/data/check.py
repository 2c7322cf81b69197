"""Problems of a data set, found before anything is trained on it.

If file size, resolution or source alone gives a class away, a model learns that instead of the
lung. Each such property is measured and named.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu
from scipy.stats.contingency import association, crosstab

from lungscope.data.duplicates import DuplicatePair, find_duplicates
from lungscope.data.index import Index
from lungscope.data.survey import ImageRecord, Refused, Survey
from lungscope.text import format_count, format_quantity, html_table

Level = Literal["error", "warning"]
Code = Literal[
    "unreadable",
    "ignored-files",
    "unscaled-range",
    "label-conflict",
    "byte-duplicates",
    "near-duplicates",
    "no-groups",
    "incomplete-groups",
    "class-by-number",
    "class-by-format",
    "class-by-source",
]
"""What kind of issue was found."""

TELLING_AUC = 0.75
"""Area under the ROC curve from which a number alone is said to give a class away."""

CHANCE = 0.01
"""Largest p-value (Mann-Whitney) at which such an area is reported."""

TELLING_V = 0.3
"""Cramér's V from which a property is reported to be associated with the class: a "medium" effect
by Cohen (1988)."""

DARK = 0.25
"""Largest grey level, of 1, below which a deep image was most likely stored without scaling."""

NUMBERS: dict[str, Callable[[ImageRecord], float]] = {
    "file size": lambda image: image.bytes,
    "number of pixels": lambda image: image.width * image.height,
    "aspect ratio": lambda image: image.width / image.height,
}
KINDS: dict[str, Callable[[ImageRecord], str]] = {
    "file format": lambda image: image.format,
    "pixel mode": lambda image: f"{image.mode}, {image.bits} bit",
}


@dataclass(frozen=True)
class DataIssue:
    """One problem of a data set.

    Attributes:
        level: "error" if nothing should be trained on this data as it is, else "warning".
        code: the kind of issue, for programs.
        text: one sentence, for people; it may be reworded.
    """

    level: Level
    code: Code
    text: str


@dataclass(frozen=True)
class DataCheck:
    """What a check found.

    Attributes:
        classes: class names, in the order of the labels of `refused`.
        images: number of readable images by class.
        sources: number of images by class and source; empty if no source is known.
        groups: number of groups, or None if the index has none.
        sizes: number of images by class and "width x height".
        formats: number of images by class and file format, pixel mode and bits.
        refused: files that can't be read.
        pairs: pairs of files that show one image.
        issues: what is wrong with the data, errors first.
    """

    classes: tuple[str, ...]
    images: dict[str, int]
    sources: dict[str, dict[str, int]]
    groups: int | None
    sizes: dict[str, dict[str, int]]
    formats: dict[str, dict[str, int]]
    refused: tuple[Refused, ...]
    pairs: tuple[DuplicatePair, ...]
    issues: tuple[DataIssue, ...]

    @property
    def passed(self) -> bool:
        """Whether there is no error; warnings may be."""
        return not any(issue.level == "error" for issue in self.issues)

    def __repr__(self) -> str:
        errors = sum(issue.level == "error" for issue in self.issues)
        return (
            f"DataCheck({'passed' if self.passed else 'failed'}: "
            f"{format_quantity(sum(self.images.values()), 'image')} in {len(self.images)} classes, "
            f"{format_quantity(errors, 'error')}, "
            f"{format_quantity(len(self.issues) - errors, 'warning')})"
        )

    def _repr_html_(self) -> str:
        rows = [(issue.level, issue.code, issue.text) for issue in self.issues]
        return html_table(("level", "code", "issue"), rows, caption=repr(self))

    def to_json(self) -> dict[str, Any]:
        """Returns the whole check as JSON values; labels are class names."""
        refused = [asdict(each) | {"label": self.classes[each.label]} for each in self.refused]
        return {"passed": self.passed} | asdict(self) | {"refused": refused}


def check_data(index: Index, survey: Survey) -> DataCheck:
    """Looks for problems of a data set that would make a result on it misleading.

    Args:
        index: the labelled images.
        survey: what `survey_images` found about them.

    Examples:
        >>> from lungscope.data.survey import survey_images
        >>> index = Index.open("xrays")
        >>> check_data(index, survey_images(index))
        DataCheck(passed: 60 images in 3 classes, 0 errors, 0 warnings)
    """
    pairs = find_duplicates(survey)
    entries = {entry.file: entry for entry in index.entries}
    labels = [index.classes[image.label] for image in survey.readable]
    sources = [entries[image.file].source for image in survey.readable]
    groups = [entries[image.file].group for image in survey.readable]
    issues = [
        *_unreadable(survey.refused),
        *_ignored(index.ignored),
        *_dark(survey.readable),
        *_conflicts(label_conflicts(survey, pairs)),
        *_duplicates(pairs),
        *_ungrouped(groups),
        *_shortcuts(index, survey.readable, labels),
        *_confounded_source(sources, labels),
    ]
    return DataCheck(
        classes=index.classes,
        images=dict(sorted(Counter(labels).items())),
        sources=_crossed(labels, sources) if any(sources) else {},
        groups=len(set(groups) - {None}) or None,
        sizes=_crossed(labels, [f"{i.width} x {i.height}" for i in survey.readable]),
        formats=_crossed(labels, [f"{i.format} {i.mode} {i.bits} bit" for i in survey.readable]),
        refused=survey.refused,
        pairs=pairs,
        issues=tuple(sorted(issues, key=lambda issue: issue.level != "error")),
    )


def _unreadable(refused: Sequence[Refused]) -> list[DataIssue]:
    if not refused:
        return []
    first = refused[0]
    count = format_quantity(len(refused), "file")
    text = f"{count} cannot be read, first {first.file}: {first.reason}"
    return [DataIssue("error", "unreadable", text)]


def _ignored(files: Sequence[str]) -> list[DataIssue]:
    if not files:
        return []
    kinds = Counter(PurePosixPath(file).suffix.lower() or "no suffix" for file in files)
    counted = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common(4))
    text = (
        f"{format_quantity(len(files), 'file')} in class folders have a format that is not read "
        f"({counted}), first {files[0]}"
    )
    return [DataIssue("warning", "ignored-files", text)]


def _dark(images: Sequence[ImageRecord]) -> list[DataIssue]:
    dark = [image for image in images if image.bits > 8 and image.peak < DARK]
    if not dark:
        return []
    text = (
        f"{format_quantity(len(dark), 'file')} of more than 8 bits use less than a quarter of "
        f"their range, first {dark[0].file}: most likely 12 bits stored in 16, which look "
        "nearly black; export them scaled to the full range"
    )
    return [DataIssue("error", "unscaled-range", text)]


def label_conflicts(survey: Survey, pairs: Sequence[DuplicatePair]) -> tuple[DuplicatePair, ...]:
    """Returns the pairs of files that show one image but have different labels.

    Args:
        survey: of the labelled images.
        pairs: what `find_duplicates` found in it.
    """
    label_of = {image.file: image.label for image in survey.readable}
    return tuple(pair for pair in pairs if label_of[pair.first] != label_of[pair.second])


def describe_conflicts(conflicts: Sequence[DuplicatePair]) -> str:
    """Says in one line, without a full stop, how many pairs are in two classes.

    Args:
        conflicts: one or more.
    """
    first = conflicts[0]
    return (
        f"{format_quantity(len(conflicts), 'pair')} of files with one image in two classes, "
        f"first {first.first} and {first.second}"
    )


def _conflicts(conflicts: Sequence[DuplicatePair]) -> list[DataIssue]:
    if not conflicts:
        return []
    return [DataIssue("error", "label-conflict", describe_conflicts(conflicts))]


def _ungrouped(groups: Sequence[str | None]) -> list[DataIssue]:
    without = groups.count(None)
    if not without:
        return []
    advice = (
        "if a patient has several images, name the patient of each in the column group of a "
        "table, or results will look better than they are"
    )
    if without == len(groups):
        text = f"no groups are known, so a split keeps near-duplicates alone together; {advice}"
        return [DataIssue("warning", "no-groups", text)]
    text = (
        f"{format_quantity(without, 'image')} of {format_count(len(groups))} have no group, and "
        f"each of them counts as a group of its own; {advice}"
    )
    return [DataIssue("warning", "incomplete-groups", text)]


def _duplicates(pairs: Sequence[DuplicatePair]) -> list[DataIssue]:
    issues = []
    kinds: tuple[tuple[str, Code, str], ...] = (
        ("bytes", "byte-duplicates", "with equal bytes"),
        ("near", "near-duplicates", "that are near-duplicates"),
    )
    for kind, code, words in kinds:
        same = [pair for pair in pairs if pair.kind == kind]
        if same:
            first = same[0]
            text = (
                f"{format_quantity(len(same), 'pair')} of files {words}, first {first.first} and "
                f"{first.second}"
            )
            issues.append(DataIssue("warning", code, text))
    return issues


def _shortcuts(
    index: Index, images: Sequence[ImageRecord], labels: Sequence[str]
) -> list[DataIssue]:
    issues = []
    for name, of in NUMBERS.items():
        values = np.array([of(image) for image in images], dtype=np.float64)
        for own in index.classes:
            mask = np.array([label == own for label in labels], dtype=np.bool_)
            auc = _auc(values, mask)
            if max(auc, 1 - auc) >= TELLING_AUC:
                text = (
                    f"{name} alone separates {own} from the other classes (area under the ROC "
                    f"curve {max(auc, 1 - auc):.2f}): {own} has the "
                    f"{'larger' if auc > 0.5 else 'smaller'} values"
                )
                issues.append(DataIssue("warning", "class-by-number", text))
    for name, kind in KINDS.items():
        strength = cramers_v(labels, [kind(image) for image in images])
        if strength >= TELLING_V:
            text = f"{name} is associated with the class (Cramér's V {strength:.2f})"
            issues.append(DataIssue("warning", "class-by-format", text))
    return issues


def _confounded_source(sources: Sequence[str | None], labels: Sequence[str]) -> list[DataIssue]:
    strength = cramers_v(labels, [source or "unknown" for source in sources])
    if strength < TELLING_V:
        return []
    text = (
        f"source is associated with the class (Cramér's V {strength:.2f}): a model can score well "
        "by recognising the source; report results for each source"
    )
    return [DataIssue("warning", "class-by-source", text)]


def _auc(values: NDArray[np.float64], mask: NDArray[np.bool_]) -> float:
    """Computes how well the values separate the masked from the rest; 0.5 if not significant."""
    inside, outside = values[mask], values[~mask]
    if not len(inside) or not len(outside) or np.ptp(values) == 0:
        return 0.5
    test = mannwhitneyu(inside, outside)
    return float(test.statistic / (len(inside) * len(outside))) if test.pvalue < CHANCE else 0.5


def _crossed(labels: Sequence[str], values: Sequence[str | None]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for label, value in zip(labels, values, strict=True):
        counts[label][value or "unknown"] += 1
    return {label: dict(sorted(counts[label].items())) for label in sorted(counts)}


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
