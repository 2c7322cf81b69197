"""Files and folders that are there whole or not at all.

They are written under a temporary name, synced to disk, and renamed; then the folder that holds
the name is synced too. A power cut at any moment leaves the old content or the new one.
"""

import errno
import json
import os
import tempfile
import uuid
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lungscope.errors import AlreadyExists, Inaccessible, InvalidSetting

PARTIAL = ".partial"
"""Part of every temporary name, and the end of a temporary file's that has no suffix of its own."""


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` that takes its place when the block ends well.

    When the block raises, the temporary file is removed and `path` is untouched.

    Args:
        path: the file to write; its folder is made if it does not exist. An existing file is
            replaced.

    Yields:
        An empty file in the same folder, with the same suffix as `path`.

    Raises:
        Inaccessible: the folder can't be written to, or the disk is full.

    Examples:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with atomic_file(Path(folder) / "notes.txt") as temporary:
        ...         _ = temporary.write_text("complete")
        ...     [path.name for path in Path(folder).iterdir()]
        ['notes.txt']
    """
    temporary = path.parent / f".{path.stem}-{uuid.uuid4().hex[:12]}{PARTIAL}{path.suffix}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch(exist_ok=False)
        mode = temporary.stat().st_mode  # by the umask; a library may put its own file there
        try:
            yield temporary
            sync_file(temporary)
            temporary.chmod(mode)
            rename_durably(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise Inaccessible(f"{path}: cannot be written: {error.strerror or error}") from error


def write_text(path: Path, text: str) -> None:
    """Writes `text` as UTF-8 to `path`, whole or not at all."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as indented JSON to `path`, whole or not at all.

    Raises:
        ValueError: `value` holds a NaN or an infinity, which JSON does not have.
    """
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def sync_file(path: Path) -> None:
    """Waits until the content of a file is on disk.

    Raises:
        OSError: the disk is full, or the file can't be written.
    """
    mode = "rb+" if os.name == "nt" else "rb"  # Windows syncs only what may be written
    with path.open(mode) as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Waits until the names in a folder are on disk; does nothing where a folder can't be synced.

    Raises:
        OSError: the folder can't be opened, or the disk fails.
    """
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system without such a thing
            raise
    finally:
        os.close(descriptor)


def rename_durably(source: Path, target: Path) -> None:
    """Renames a file, replacing `target`, and waits until the new name is on disk.

    Without the second step a power cut could bring back the old name, though the content of the
    file was synced.

    Args:
        source: a file whose content is synced.
        target: its new name, on the same file system.

    Raises:
        OSError: it can't be renamed.
    """
    source.replace(target)
    sync_folder(target.parent)


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Refuses a file that is there already.

    Args:
        path: where a file is to go.
        overwrite: whether one that is there may be replaced.

    Raises:
        AlreadyExists: it is there, and `overwrite` is off.
    """
    if path.exists() and not overwrite:
        raise AlreadyExists(f"{path}: is already there", remedy="overwrite-file")


def refuse_occupied(folder: Path, own: Set[str], what: str, *, force: bool) -> None:
    """Refuses a folder that may not be replaced.

    Args:
        folder: where results are to go.
        own: the names of the files and folders that such results consist of; none if nothing may
            be replaced.
        what: a noun for the results in the message, e.g. "an evaluation".
        force: whether existing results may be replaced.

    Raises:
        InvalidSetting: it is a file, or it holds something else.
        AlreadyExists: it holds results and `force` is off.
        Inaccessible: it can't be read.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise InvalidSetting(f"{folder}: is a file; give a folder")
        there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    except OSError as error:
        raise Inaccessible(f"{folder}: cannot be read: {error.strerror or error}") from error
    foreign = sorted(there - own)
    if foreign and not own:
        raise InvalidSetting(f"{folder}: is not empty (holds {foreign[0]}); give another folder")
    if foreign:
        raise InvalidSetting(
            f"{folder}: holds {foreign[0]}, which is no part of {what}; give another folder"
        )
    if there and not force:
        raise AlreadyExists(f"{folder}: holds {what}", remedy="force")


@contextmanager
def atomic_folder(folder: Path, keep: Path | None = None) -> Iterator[Path]:
    """Yields a new folder that takes the place of `folder` when the block ends well.

    When the block raises, the new folder is removed and `folder` is untouched.

    Args:
        folder: the folder to write; its parent is made if it does not exist. An existing folder
            is replaced with all that is in it.
        keep: a name beside `folder`, of nothing that exists, which the folder that is replaced
            gets; by default it is removed.

    Yields:
        An empty folder on the same file system.

    Raises:
        Inaccessible: the folder can't be written, or the disk is full.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            dir=folder.parent, prefix=f".{folder.name}-", suffix=PARTIAL
        ) as place:
            new, old = Path(place) / "new", keep or Path(place) / "old"
            new.mkdir()
            yield new
            _sync_tree(new)
            _replace_folder(folder, new, old)
            sync_folder(folder.parent)
    except OSError as error:
        raise Inaccessible(f"{folder}: cannot be written: {error.strerror or error}") from error


@contextmanager
def new_folder(
    folder: Path, what: str, own: Set[str] = frozenset(), *, force: bool = False
) -> Iterator[Path]:
    """Yields a new folder that gets the name `folder` when the block ends well.

    Unlike `atomic_folder` it replaces nothing but what `refuse_occupied` allows.

    Args:
        folder: the folder to make; a link to an empty folder stays.
        what: a noun for the content in the message, e.g. "a data set".
        own: as of `refuse_occupied`.
        force: whether a folder of nothing but `own` is replaced.

    Yields:
        An empty folder on the same file system.

    Raises:
        InvalidSetting: `folder` is a file or holds something else, at the start or at the end.
        AlreadyExists: it holds nothing but `own`, and `force` is off.
        Inaccessible: the folder can't be written, or the disk is full.
    """
    refuse_occupied(folder, own, what, force=force)
    with atomic_folder(folder.resolve()) as new:
        yield new
        # Filling it may take minutes, in which someone else may have put something there.
        refuse_occupied(folder, own, what, force=force)


def _replace_folder(folder: Path, new: Path, old: Path) -> None:
    # No file system call replaces a folder that is not empty, so there are two renames. A power
    # cut between them leaves the old results beside `folder`, under the hidden temporary name.
    if not folder.exists():
        new.rename(folder)
        return
    folder.rename(old)
    try:
        new.rename(folder)
    except BaseException:
        old.rename(folder)
        raise


def _sync_tree(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_dir():
            sync_folder(path)
        elif path.is_file():
            sync_file(path)
    sync_folder(folder)
