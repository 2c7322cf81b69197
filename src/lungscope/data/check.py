"""What is wrong with a data set, before anything is trained on it.

A class that can be told by file size, resolution or source alone will be told by it: a model
learns the hospital instead of the lung. Each such property is measured and named.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from lungscope.data.association import cramers_v
from lungscope.data.duplicates import DuplicatePair, find_duplicates
from lungscope.data.index import Index
from lungscope.data.survey import ImageRecord, Refused, Survey

Level = Literal["error", "warning"]

TELLING_AUC = 0.75
"""From this area under the curve a number alone is said to tell a class from the rest."""

CHANCE = 0.01
"""Such an area is named only if it comes by chance less often than this (Mann-Whitney)."""

TELLING_V = 0.3
"""From this Cramér's V a property is said to go with the class: "medium" by Cohen (1988)."""

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
    """One thing that a user should know.

    Attributes:
        level: "error" if nothing should be trained on this data as it is, else "warning".
        about: what kind of finding, e.g. "unreadable", "duplicate", "shortcut".
        text: one sentence.
    """

    level: Level
    about: str
    text: str


@dataclass(frozen=True)
class DataCheck:
    """What a check found.

    Attributes:
        images: readable ones by class.
        sources: images by class and source; empty if no source is known.
        groups: number of groups, or None if the index has none.
        sizes: "width x height" -> images, by class.
        formats: file format, pixel mode and bits -> images, by class.
        refused: files that can't be read.
        pairs: files that show one picture.
        findings: errors first.
    """

    images: dict[str, int]
    sources: dict[str, dict[str, int]]
    groups: int | None
    sizes: dict[str, dict[str, int]]
    formats: dict[str, dict[str, int]]
    refused: tuple[Refused, ...]
    pairs: tuple[DuplicatePair, ...]
    findings: tuple[DataIssue, ...]

    @property
    def passed(self) -> bool:
        """Whether there is no error; warnings may be."""
        return not any(finding.level == "error" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """The whole check as JSON."""
        return {"passed": self.passed} | asdict(self)


def check_data(index: Index, survey: Survey) -> DataCheck:
    """Looks for what makes a result on this data worth less than it seems.

    Args:
        index: the labelled images.
        survey: what `survey` found about them.
    """
    pairs = find_duplicates(survey)
    entries = {entry.file: entry for entry in index.entries}
    labels = [index.classes[image.label] for image in survey.readable]
    sources = [entries[image.file].source for image in survey.readable]
    groups = {entries[image.file].group for image in survey.readable} - {None}
    label_of = {image.file: index.classes[image.label] for image in survey.readable}
    findings = [
        *_unreadable(survey.refused),
        *_ignored(index.ignored),
        *_dark(survey.readable),
        *_duplicates(pairs, label_of),
        *_shortcuts(index, survey.readable, labels),
        *_confounded_source(sources, labels),
    ]
    return DataCheck(
        images=dict(sorted(Counter(labels).items())),
        sources=_crossed(labels, sources) if any(sources) else {},
        groups=len(groups) or None,
        sizes=_crossed(labels, [f"{i.width} x {i.height}" for i in survey.readable]),
        formats=_crossed(labels, [f"{i.format} {i.mode} {i.bits} bit" for i in survey.readable]),
        refused=survey.refused,
        pairs=pairs,
        findings=tuple(sorted(findings, key=lambda finding: finding.level != "error")),
    )


def _unreadable(refused: Sequence[Refused]) -> list[DataIssue]:
    if not refused:
        return []
    text = f"{_files(len(refused))} cannot be read, first {refused[0].file}: {refused[0].reason}"
    return [DataIssue("error", "unreadable", text)]


def _ignored(files: Sequence[str]) -> list[DataIssue]:
    if not files:
        return []
    kinds = Counter(PurePosixPath(file).suffix.lower() or "no suffix" for file in files)
    counted = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common(4))
    text = (
        f"{_files(len(files))} in class folders are of no kind that is read ({counted}), first "
        f"{files[0]}"
    )
    return [DataIssue("warning", "ignored", text)]


def _dark(images: Sequence[ImageRecord]) -> list[DataIssue]:
    dark = [image for image in images if image.bits > 8 and image.peak < DARK]
    if not dark:
        return []
    text = (
        f"{_files(len(dark))} of more than 8 bits use less than a quarter of their range, first "
        f"{dark[0].file}: most likely 12 bits stored in 16, which will look nearly black; export "
        "them scaled to the full range"
    )
    return [DataIssue("error", "range", text)]


def _duplicates(pairs: Sequence[DuplicatePair], label_of: dict[str, str]) -> list[DataIssue]:
    across = [pair for pair in pairs if label_of[pair.first] != label_of[pair.second]]
    findings = []
    if across:
        first = across[0]
        findings.append(
            DataIssue(
                "error",
                "contradiction",
                f"{len(across)} pairs of files show one picture under two classes, first "
                f"{first.first} and {first.second}",
            )
        )
    for kind, words in (("bytes", "equal byte for byte"), ("near", "near-duplicates")):
        same = [pair for pair in pairs if pair.kind == kind]
        if same:
            first = same[0]
            text = f"{len(same)} pairs of files are {words}, first {first.first} and {first.second}"
            findings.append(DataIssue("warning", "duplicate", text))
    return findings


def _shortcuts(
    index: Index, images: Sequence[ImageRecord], labels: Sequence[str]
) -> list[DataIssue]:
    findings = []
    for name, of in NUMBERS.items():
        values = np.array([of(image) for image in images], dtype=np.float64)
        for own in index.classes:
            mask = np.array([label == own for label in labels], dtype=np.bool_)
            auc = _auc(values, mask)
            if max(auc, 1 - auc) >= TELLING_AUC:
                text = (
                    f"{name} alone tells {own} from the rest (area under the curve "
                    f"{max(auc, 1 - auc):.2f}): {own} has the "
                    f"{'larger' if auc > 0.5 else 'smaller'} values"
                )
                findings.append(DataIssue("warning", "shortcut", text))
    for name, kind in KINDS.items():
        strength = cramers_v(labels, [kind(image) for image in images])
        if strength >= TELLING_V:
            text = f"{name} goes with the class (Cramér's V {strength:.2f})"
            findings.append(DataIssue("warning", "shortcut", text))
    return findings


def _confounded_source(sources: Sequence[str | None], labels: Sequence[str]) -> list[DataIssue]:
    strength = cramers_v(labels, [source or "unknown" for source in sources])
    if strength < TELLING_V:
        return []
    text = (
        f"source goes with the class (Cramér's V {strength:.2f}): a model can score by telling "
        "the sources apart; report results for each source"
    )
    return [DataIssue("warning", "confounding", text)]


def _auc(values: NDArray[np.float64], mask: NDArray[np.bool_]) -> float:
    """How well the values tell the masked from the rest; 0.5 if no better than chance."""
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


def _files(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"
