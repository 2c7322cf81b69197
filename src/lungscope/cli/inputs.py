"""Which files are meant: files, folders, patterns, or a list on standard input."""

import glob
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from lungscope.errors import NotFound
from lungscope.images.files import find_images

STANDARD_INPUT = "-"


def list_files(names: Iterable[str], standard_input: TextIO) -> Iterator[Path]:
    """Lists the files that names stand for, in the order of the names.

    A folder stands for the images in it and below it, in alphabetical order: files named as images
    are, and files of any other name that are DICOM inside, as archives write them. Hidden files,
    `DICOMDIR` and links to folders are passed over. A pattern that the shell did not expand (`*`,
    `?`, `[...]`, `**` for all folders below) stands for what it matches. Everything else stands
    for itself, whether it is there or not.

    Args:
        names: files, folders, patterns, or "-" for names on standard input, one a line.
        standard_input: read where "-" is among the names.

    Raises:
        NotFound: a folder without images, or a pattern that matches nothing.
    """
    for name in names:
        if name == STANDARD_INPUT:
            lines = (line.rstrip("\r\n") for line in standard_input)
            yield from (Path(line) for line in lines if line)
        elif Path(name).is_dir():
            yield from _some(_images(name), f"{name}: no images in this folder or below it")
        elif glob.has_magic(name) and not Path(name).exists():
            found = (Path(each) for each in sorted(glob.glob(name, recursive=True)))  # noqa: PTH207
            yield from _some((each for each in found if each.is_file()), f"{name}: matches no file")
        else:
            yield Path(name)


def _some(files: Iterator[Path], otherwise: str) -> Iterator[Path]:
    first = next(files, None)
    if first is None:
        raise NotFound(otherwise)
    yield first
    yield from files


def _images(folder: str) -> Iterator[Path]:
    closed: list[Path] = []
    yield from find_images(folder, lambda error: closed.append(Path(error.filename)))
    yield from closed  # reading one of them says that there is no permission
