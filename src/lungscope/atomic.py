"""Files that are there whole or not at all: written under a temporary name, then renamed."""

import json
import os
import tempfile
import uuid
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lungscope.errors import LungscopeError


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` that takes its place when the block ends well.

    The content is synced to disk before the rename, so that a power cut leaves the old file or
    the new one. When the block raises, the temporary file is removed and `path` is untouched.

    Args:
        path: the file to write; its folder is made if need be. An existing file is replaced.

    Yields:
        An empty file in the same folder, with the same suffix as `path`.

    Raises:
        LungscopeError: the folder can't be written to, or the disk is full.
    """
    temporary = path.parent / f".{path.stem}-{uuid.uuid4().hex[:12]}.partial{path.suffix}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch(exist_ok=False)
        mode = temporary.stat().st_mode  # by the umask; a library may put its own file there
        try:
            yield temporary
            _sync(temporary)
            temporary.chmod(mode)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise LungscopeError(f"{path}: cannot be written: {error.strerror or error}") from error


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


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def refuse_occupied(folder: Path, own: Set[str], what: str, *, force: bool) -> None:
    """Refuses a folder that may not be replaced.

    Args:
        folder: where results are to go.
        own: the names of what such results consist of.
        what: they are, e.g. "an evaluation".
        force: whether results that are already there may be replaced.

    Raises:
        LungscopeError: it is a file, or it holds something else, or results and `force` is off.
    """
    if folder.exists() and not folder.is_dir():
        raise LungscopeError(f"{folder}: is a file; give a folder")
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    foreign = sorted(there - own)
    if foreign:
        raise LungscopeError(
            f"{folder}: holds {foreign[0]}, which is no part of {what}; give another folder"
        )
    if there and not force:
        raise LungscopeError(f"{folder}: holds {what}; replace it with --force")


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Yields a new folder that takes the place of `folder` when the block ends well.

    Raises:
        LungscopeError: it can't be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            dir=folder.parent, prefix=f".{folder.name}-", suffix=".partial"
        ) as place:
            new, old = Path(place) / "new", Path(place) / "old"
            new.mkdir()
            yield new
            if folder.exists():
                folder.rename(old)
            new.rename(folder)
    except OSError as error:
        raise LungscopeError(f"{folder}: cannot be written: {error.strerror or error}") from error
