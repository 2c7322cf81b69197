"""A folder whose sub-folders are the classes: which images are in it, and what is wrong with it."""

import os
from collections.abc import Iterator
from pathlib import Path

from lungscope.data.labelled_file import LabelledFile
from lungscope.data.table import TABLE
from lungscope.errors import InvalidData
from lungscope.images.files import describe_others, is_image_file

IGNORED_FOLDERS = frozenset({"masks", "mask", "__macosx"})
"""Folders that hold no radiographs, wherever they are: segmentations, archive litter."""

SUBSET_FOLDERS = frozenset(
    {"train", "training", "val", "valid", "validation", "dev", "test", "testing"}
)
"""Names of folders, in lower case, that hold subsets of a data set, not classes."""


def read_class_folders(root: Path) -> tuple[list[LabelledFile], tuple[str, ...]]:
    """Lists the images of each class folder.

    Args:
        root: the folder of class folders.

    Returns:
        The images; and the files in class folders that are no images, relative to `root`, sorted.

    Raises:
        InvalidData: no class folder, one without images, or folders of subsets.
        OSError: a folder can't be read.
    """
    folders = list_folders(root)
    _refuse_subsets(root, folders)
    _refuse_no_class(root, folders)
    rows: list[LabelledFile] = []
    others: list[str] = []
    for folder in folders:
        found = list(_files(folder))
        files = [path for path in found if is_image_file(path)]
        others += [path.relative_to(root).as_posix() for path in set(found) - set(files)]
        if not files:
            reason = f" ({describe_others(len(found))})" if found else ""
            raise InvalidData(
                f"{folder}: this class folder contains no images{reason}; add some or remove it"
            )
        rows += [LabelledFile(path.relative_to(root).as_posix(), folder.name) for path in files]
    return rows, tuple(sorted(others))


def step_in(root: Path) -> Path:
    """Follows folders that hold nothing but one other folder, as unpacked archives often do."""
    while True:
        folders = list_folders(root)
        if len(folders) != 1 or (root / TABLE).is_file() or _has_images(root, folders[0]):
            return root
        root = folders[0]


def list_folders(root: Path) -> list[Path]:
    """Lists the folders in a folder, without hidden ones and `IGNORED_FOLDERS`."""
    return sorted(path for path in root.iterdir() if path.is_dir() and not _is_ignored(path.name))


def _refuse_subsets(root: Path, folders: list[Path]) -> None:
    subsets = [folder for folder in folders if folder.name.lower() in SUBSET_FOLDERS]
    if len(subsets) < 2:
        return
    named = ", ".join(folder.name for folder in subsets)
    inside = sorted({each.name for folder in subsets for each in list_folders(folder)})
    classes = f"whose classes are {', '.join(inside[:5])}" if inside else "and hold no classes"
    raise InvalidData(
        f"{root}: the folders {named} are subsets, not classes, {classes}; put the images of each "
        "class of all subsets in one folder, or list them in a CSV table with file,label"
    )


def _refuse_no_class(root: Path, folders: list[Path]) -> None:
    if not folders and _has_images(root):
        raise InvalidData(
            f"{root}: images but no class folders; put those of each class in a folder of its "
            "name, give the folder above if this is one class of several, or list the images in a "
            "CSV table with file,label"
        )
    if not folders:
        raise InvalidData(
            f"{root}: 0 classes found, at least two are needed; put each class's images in a "
            "folder of its name, or give a CSV table"
        )


def _has_images(*folders: Path) -> bool:
    return any(is_image_file(path) for folder in folders for path in folder.iterdir())


def _files(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise error  # os.walk would pass over a folder that is closed to us

    for here, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not _is_ignored(name)]
        yield from (Path(here, name) for name in files if not name.startswith("."))


def _is_ignored(folder: str) -> bool:
    return folder.startswith(".") or folder.lower() in IGNORED_FOLDERS
