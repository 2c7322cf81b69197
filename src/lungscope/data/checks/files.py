"""Files that cannot be read, are not read, or were stored without using their range."""

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from lungscope.data.checks.issue import DataIssue
from lungscope.data.survey import ImageRecord, Refused
from lungscope.text import format_quantity

DARK = 0.25
"""Largest grey level, of 1, below which a deep image was most likely stored without scaling."""


def find_unreadable(refused: Sequence[Refused]) -> list[DataIssue]:
    """Reports files that cannot be read."""
    if not refused:
        return []
    first = refused[0]
    count = format_quantity(len(refused), "file")
    text = f"{count} cannot be read, first {first.file}: {first.reason}"
    return [DataIssue("error", "unreadable", text)]


def find_ignored(files: Sequence[str]) -> list[DataIssue]:
    """Reports files of kinds that are not read, e.g. NIfTI; `files` as `Index.ignored`."""
    if not files:
        return []
    kinds = Counter(PurePosixPath(file).suffix.lower() or "no suffix" for file in files)
    counted = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common(4))
    text = (
        f"{format_quantity(len(files), 'file')} in class folders have a format that is not read "
        f"({counted}), first {files[0]}"
    )
    return [DataIssue("warning", "ignored-files", text)]


def find_unscaled(images: Sequence[ImageRecord]) -> list[DataIssue]:
    """Reports images of more than 8 bits that use less than a quarter of their range.

    Integers are read as of fewer bits; an image that is nearly black by its own window or floats
    is left as it is.
    """
    return [*_rescaled(images), *_dark(images)]


def _rescaled(images: Sequence[ImageRecord]) -> list[DataIssue]:
    found = [image for image in images if image.used_bits is not None]
    if not found:
        return []
    text = (
        f"{format_quantity(len(found), 'file')} of {found[0].bits} bits use less than a quarter of "
        f"their range, first {found[0].file}, and are read as of {found[0].used_bits} bits; "
        "export them scaled, so that white is the same in all"
    )
    return [DataIssue("warning", "unscaled-range", text)]


def _dark(images: Sequence[ImageRecord]) -> list[DataIssue]:
    dark = [image for image in images if image.bits > 8 and image.peak < DARK]
    if not dark:
        return []
    text = (
        f"{format_quantity(len(dark), 'file')} of more than 8 bits use less than a quarter of "
        f"their range, first {dark[0].file}, and look nearly black; export them scaled to the "
        "full range"
    )
    return [DataIssue("error", "unscaled-range", text)]
