"""A file with its label, as a table or folder names it, before classes are numbered."""

import ntpath
from typing import NamedTuple


class LabelledFile(NamedTuple):
    """What a row of a table, or a place in a folder, says of an image.

    Attributes:
        file: path relative to the folder of the data set, with forward slashes.
        label: the class as it is spelled there.
        group, source: as of `Entry`.
        columns: as of `Entry`.
    """

    file: str
    label: str
    group: str | None = None
    source: str | None = None
    columns: tuple[tuple[str, str], ...] = ()


def is_below(file: str) -> bool:
    """Returns whether a path from a file's content stays below its folder, on every system."""
    drive, rest = ntpath.splitdrive(file)  # it knows both slashes, drives and network shares
    parts = rest.replace("\\", "/").split("/")
    is_named = parts[0] != "" and parts[-1] not in {"", "."}
    climbs = any(".." in part and not part.strip(". ") for part in parts)
    return is_named and not drive and not climbs and "\0" not in file
