"""Problems of a data set, found before anything is trained on it.

If file size, sharpness or source alone gives a class away, a model learns that instead of the
lung. Each such property is measured and named. The modules of `data.checks` hold one subject each.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lungscope.data.checks.columns import (
    Association,
    find_telling_columns,
    list_columns,
    list_formats,
    measure_associations,
)
from lungscope.data.checks.copies import find_conflicts, find_copies
from lungscope.data.checks.files import find_ignored, find_unreadable, find_unscaled
from lungscope.data.checks.groups import find_ungrouped
from lungscope.data.checks.issue import DataIssue
from lungscope.data.checks.layout import find_left_out, find_misplaced
from lungscope.data.checks.properties import (
    PropertyRule,
    find_telling_properties,
    list_properties,
    measure_properties,
)
from lungscope.data.duplicates import DuplicatePair, find_duplicates
from lungscope.data.index import Index
from lungscope.data.survey import Refused, Survey
from lungscope.text import format_quantity, html_table


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
        associations: how each column and the file format go together with the class, the strongest
            first.
        properties: how well each number of a file alone tells the classes apart, the best first.
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
    associations: tuple[Association, ...]
    properties: tuple[PropertyRule, ...]
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
    images = survey.readable
    pairs = find_duplicates(survey)
    entries = {entry.file: entry for entry in index.entries}
    labels = [index.classes[image.label] for image in images]
    sources = [entries[image.file].source for image in images]
    groups = [entries[image.file].group for image in images]
    named = [group or image.file for group, image in zip(groups, images, strict=True)]
    columns = measure_associations(list_columns(index, images), labels, named)
    formats = measure_associations(list_formats(images), labels, named)
    properties = measure_properties(list_properties(index, images), labels, named)
    issues = [
        *find_unreadable(survey.refused),
        *find_ignored(index.ignored),
        *find_unscaled(images),
        *find_misplaced(index),
        *find_left_out(index, index.root),
        *find_conflicts(survey, pairs),
        *find_telling_columns(columns, "class-by-column"),
        *find_telling_properties(properties),
        *find_telling_columns(formats, "class-by-format"),
        *find_copies(pairs),
        *find_ungrouped(groups),
    ]
    return DataCheck(
        classes=index.classes,
        images=dict(sorted(Counter(labels).items())),
        sources=_crossed(labels, sources) if any(sources) else {},
        groups=len(set(groups) - {None}) or None,
        sizes=_crossed(labels, [f"{i.width} x {i.height}" for i in images]),
        formats=_crossed(labels, [f"{i.format} {i.mode} {i.bits} bit" for i in images]),
        refused=survey.refused,
        pairs=pairs,
        associations=tuple(
            sorted([*columns, *formats], key=lambda each: each.cramers_v, reverse=True)
        ),
        properties=properties,
        issues=tuple(sorted(issues, key=lambda issue: issue.level != "error")),
    )


def _crossed(labels: Sequence[str], values: Sequence[str | None]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for label, value in zip(labels, values, strict=True):
        counts[label][value or "unknown"] += 1
    return {label: dict(sorted(counts[label].items())) for label in sorted(counts)}
