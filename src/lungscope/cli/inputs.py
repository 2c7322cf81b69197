"""Which files are meant: files, folders, patterns, or a list on standard input."""

import glob
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TextIO

from lungscope.errors import NotFound
from lungscope.images.files import describe_others, find_images

STANDARD_INPUT = "-"


def list_files(
    names: Iterable[str], standard_input: TextIO, on_other: Callable[[Path], None] = lambda _: None
) -> Iterator[Path]:
    """Lists the files that names stand for, in the order of the names.

    A folder stands for the images in it and below it, in alphabetical order: files named as images
    are, and files of any other name that are DICOM inside, as archives write them. Hidden files,
    `DICOMDIR` and links to folders are passed over. A pattern that the shell did not expand (`*`,
    `?`, `[...]`, `**` for all folders below) stands for what it matches. Everything else stands
    for itself, whether it is there or not.

    Args:
        names: files, folders, patterns, or "-" for names on standard input, one a line.
        standard_input: read where "-" is among the names.
        on_other: called with each file in a folder that is passed over, as of `find_images`.

    Raises:
        NotFound: a folder without images, or a pattern that matches nothing.
    """
    for name in names:
        if name == STANDARD_INPUT:
            lines = (line.rstrip("\r\n") for line in standard_input)
            # Windows writes a byte order mark before the first
            yield from (Path(line) for line in (each.lstrip("\ufeff") for each in lines) if line)
        elif Path(name).is_dir():
            yield from _in_folder(name, on_other)
        elif glob.has_magic(name) and not Path(name).exists():
            found = (Path(each) for each in sorted(glob.glob(name, recursive=True)))  # noqa: PTH207
            files = [each for each in found if each.is_file()]
            if not files:
                raise NotFound(f"{name}: matches no file")
            yield from files
        else:
            yield Path(name)


def _in_folder(folder: str, on_other: Callable[[Path], None]) -> Iterator[Path]:
    closed: list[Path] = []
    others: list[Path] = []
    empty = True
    for image in find_images(folder, lambda e: closed.append(Path(e.filename)), others.append):
        empty = False
        yield image
    yield from closed  # reading one of them says that there is no permission
    if empty and not closed:
        reason = f": {describe_others(len(others))}" if others else ""
        raise NotFound(f"{folder}: no images in this folder or below it{reason}")
    for other in others:
        on_other(other)
