"""Where images lie on disk, against what the data set says of them."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from lungscope.data.checks.issue import DataIssue
from lungscope.data.classes import key
from lungscope.data.index import Entry, Index
from lungscope.images.files import is_image_file
from lungscope.text import format_quantity


def find_misplaced(index: Index) -> list[DataIssue]:
    """Reports images whose folder is named after another class, or after their class twice."""
    known = {key(name): name for name in index.classes}
    contradicted: list[tuple[Entry, str]] = []
    nested: list[Entry] = []
    for entry in index.entries:
        folders = [key(part) for part in PurePosixPath(entry.file).parts[:-1]]
        named = [known[folder] for folder in folders if folder in known]
        own = index.classes[entry.label]
        others = [name for name in named if name != own]
        if others:
            contradicted.append((entry, others[-1]))
        elif len(named) > 1:
            nested.append(entry)
    return [*_contradictions(index, contradicted), *_nested(index, nested)]


def find_left_out(index: Index, root: Path | None) -> list[DataIssue]:
    """Reports images on disk that belong to no class.

    Looked at are the folder of the data set and the folders in it that its images lie in.

    Args:
        index: the labelled images.
        root: the folder that their files are relative to; None if they are not on this disk.
    """
    if root is None or not root.is_dir():
        return []
    listed = {entry.file for entry in index.entries}
    folders = {PurePosixPath(file).parent.as_posix() for file in listed} | {"."}
    beside = sorted(
        path.relative_to(root).as_posix()
        for folder in folders
        if (root / folder).is_dir()
        for path in (root / folder).iterdir()
        if path.relative_to(root).as_posix() not in listed and is_image_file(path)
    )
    beside = [file for file in beside if (root / file).is_file()]
    if not beside:
        return []
    text = (
        f"{format_quantity(len(beside), 'image')} beside those of the classes, of no class itself "
        f"and not used, first {beside[0]}: move it into a class folder, list it in the table, or "
        "remove it"
    )
    return [DataIssue("warning", "images-left-out", text)]


def _contradictions(index: Index, found: Sequence[tuple[Entry, str]]) -> list[DataIssue]:
    if not found:
        return []
    first, folder = found[0]
    text = (
        f"{format_quantity(len(found), 'image')} in a folder named after another class than the "
        f"label, first {first.file} (folder {folder}, label {index.classes[first.label]}): correct "
        "the label or move the file"
    )
    return [DataIssue("error", "folder-contradicts-label", text)]


def _nested(index: Index, found: Sequence[Entry]) -> list[DataIssue]:
    if not found:
        return []
    text = (
        f"{format_quantity(len(found), 'image')} in a class folder inside a folder of the same "
        f"class, first {found[0].file}: most likely {index.classes[found[0].label]} was copied or "
        "unpacked into itself"
    )
    return [DataIssue("warning", "nested-class-folder", text)]
