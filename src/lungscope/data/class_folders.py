"""A folder whose sub-folders are the classes: which images are in it, and what is wrong with it."""

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from lungscope.data.classes import key
from lungscope.data.labelled_file import LabelledFile
from lungscope.data.table import TABLE
from lungscope.errors import InvalidData
from lungscope.images.files import describe_others, is_image_file

IGNORED_FOLDERS = frozenset({"masks", "mask", "__macosx"})
"""Folders that hold no radiographs, wherever they are: segmentations, archive litter."""

SUBSET_FOLDERS = frozenset(
    {"train", "training", "val", "valid", "validation", "dev", "test", "testing"}
)
"""Words, in lower case, in names of folders that hold subsets of a data set, not classes."""

PART_FOLDERS = frozenset(
    {
        *("archive", "batch", "center", "centre", "chunk", "dcm", "dicom", "dir", "disc", "disk"),
        *("file", "files", "folder", "hospital", "image", "images", "img", "imgs", "jpeg", "jpg"),
        *("part", "patient", "png", "scan", "scans", "series", "set", "shard", "site", "study"),
        "subject",
    }
)
"""Words, in lower case, of folders that a number tells apart: parts of a data set, not classes."""

NORMAL_FOLDERS = frozenset({"control", "healthy", "negative", "nofinding", "normal"})
"""Keys of class names that show, below other folders, that those are not the classes."""

_WORD = re.compile(r"[^\W\d_]+")


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
    _refuse_parts(root, folders)
    _refuse_sites(root, folders)
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
    subsets = _find_subsets(folders)
    if not subsets:
        return
    named = ", ".join(folder.name for folder in subsets)
    inside = sorted({each.name for folder in subsets for each in list_folders(folder)})
    classes = f"whose classes are {', '.join(inside[:5])}" if inside else "and hold no classes"
    raise InvalidData(
        f"{root}: the folders {named} are subsets, not classes, {classes}; put the images of each "
        "class of all subsets in one folder, or list them in a CSV table with file,label"
    )


def _find_subsets(folders: list[Path]) -> list[Path]:
    """Finds folders whose names differ in nothing but the subset, e.g. stage_2_train_images."""
    alike: defaultdict[str, list[Path]] = defaultdict(list)
    for folder in folders:
        name = folder.name.lower()
        words = [word for word in _WORD.findall(name) if word in SUBSET_FOLDERS]
        if len(words) == 1:
            alike[name.replace(words[0], "", 1)].append(folder)
    return next((found for found in alike.values() if len(found) > 1), [])


def _refuse_parts(root: Path, folders: list[Path]) -> None:
    words = {tuple(_WORD.findall(folder.name.lower())) for folder in folders}
    if len(folders) < 2 or len(words) > 1 or not PART_FOLDERS.intersection(*words):
        return  # names of numbers alone, such as grades, are classes
    named = ", ".join(folder.name for folder in folders[:5])
    raise InvalidData(
        f"{root}: the folders {named} are parts of a data set, not classes; put the images of each "
        "class in a folder of its name, or list them in a CSV table with file,label"
    )


def _refuse_sites(root: Path, folders: list[Path]) -> None:
    inner = [{each.name for each in list_folders(folder)} for folder in folders]
    common = set.intersection(*inner) if len(inner) > 1 else set()
    healthy = {name for name in common if key(name) in NORMAL_FOLDERS}
    if len(common) < 2 or not healthy:
        return
    named = ", ".join(folder.name for folder in folders[:5])
    raise InvalidData(
        f"{root}: the folders {named} each hold {', '.join(sorted(common)[:5])}, which look like "
        "the classes; give each of them as a data set of its own, or list the images in a CSV "
        "table with file,label,source"
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
