"""Which files in a folder are radiographs: one rule for classifying, explaining and training."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from lungscope.text import format_quantity

SUFFIXES_BY_FORMAT = {
    "PNG": (".png", ".apng"),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
    "BMP": (".bmp", ".dib"),
    "DICOM": (".dcm", ".dicom", ".dic"),
}
"""Suffixes in lower case that say a format, the usual one first."""

IMAGE_SUFFIXES = frozenset(suffix for each in SUFFIXES_BY_FORMAT.values() for suffix in each)
"""All suffixes of files that can be read as radiographs, in lower case."""

DICOM_PREFIX = slice(128, 132)
"""Where a DICOM file has the letters "DICM" (PS3.10 section 7.1)."""


def is_image_file(path: Path) -> bool:
    """Checks whether a file is named as an image is, or is DICOM under any other name.

    Archives write DICOM files without a suffix, so a file whose suffix says nothing is opened and
    its first 132 bytes are read. Hidden files and `DICOMDIR`, an archive's table of contents, are
    not images.

    Examples:
        >>> is_image_file(Path("chest.JPG"))
        True
        >>> is_image_file(Path(".chest.jpg"))
        False
    """
    if _is_passed_over(path):
        return False
    return path.suffix.lower() in IMAGE_SUFFIXES or _is_dicom(path)


def find_images(
    folder: str | Path,
    on_error: Callable[[OSError], None] | None = None,
    on_other: Callable[[Path], None] | None = None,
) -> Iterator[Path]:
    """Finds the images in a folder and below it, folder by folder, in alphabetical order.

    Hidden folders and links to folders are passed over.

    Args:
        folder: to look into.
        on_error: called with the error of each folder that cannot be listed; such a folder is
            passed over unless the call raises.
        on_other: called with each file that is no image by `is_image_file`, hidden ones and
            `DICOMDIR` excepted.

    Yields:
        Paths that begin with `folder`.
    """
    for here, folders, files in os.walk(folder, onerror=on_error):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in (Path(here, name) for name in sorted(files)):
            if is_image_file(path):
                yield path
            elif on_other is not None and not _is_passed_over(path):
                on_other(path)


def describe_others(count: int) -> str:
    """Says of files in a folder by which rule they are no images.

    Args:
        count: of the files, at least 1.

    Examples:
        >>> describe_others(3)  # doctest: +ELLIPSIS
        '3 files that are neither named as images (.png, .jpg, ...) nor DICOM were skipped'
    """
    usual = ", ".join(suffixes[0] for suffixes in SUFFIXES_BY_FORMAT.values())
    verb = "is neither named as an image" if count == 1 else "are neither named as images"
    done = "was" if count == 1 else "were"
    return f"{format_quantity(count, 'file')} that {verb} ({usual} ...) nor DICOM {done} skipped"


def _is_passed_over(path: Path) -> bool:
    return path.name.startswith(".") or path.name == "DICOMDIR"


def _is_dicom(path: Path) -> bool:
    try:
        if not path.is_file():  # to open a pipe would wait for someone to write to it
            return False
        with path.open("rb") as file:
            return file.read(DICOM_PREFIX.stop)[DICOM_PREFIX] == b"DICM"
    except OSError:
        return False
