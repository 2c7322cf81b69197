"""Which files in a folder are radiographs: one rule for classifying, explaining and training."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

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
    if path.name.startswith(".") or path.name == "DICOMDIR":
        return False
    return path.suffix.lower() in IMAGE_SUFFIXES or _is_dicom(path)


def find_images(
    folder: str | Path, on_error: Callable[[OSError], None] | None = None
) -> Iterator[Path]:
    """Finds the images in a folder and below it, folder by folder, in alphabetical order.

    Hidden folders and links to folders are passed over.

    Args:
        folder: to look into.
        on_error: called with the error of each folder that cannot be listed; such a folder is
            passed over unless the call raises.

    Yields:
        Paths that begin with `folder`.
    """
    for here, folders, files in os.walk(folder, onerror=on_error):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (path for name in sorted(files) if is_image_file(path := Path(here, name)))


def _is_dicom(path: Path) -> bool:
    try:
        if not path.is_file():  # to open a pipe would wait for someone to write to it
            return False
        with path.open("rb") as file:
            return file.read(DICOM_PREFIX.stop)[DICOM_PREFIX] == b"DICM"
    except OSError:
        return False
