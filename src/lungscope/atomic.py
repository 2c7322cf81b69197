"""Files that are there whole or not at all: written under a temporary name, then renamed."""

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lungscope.errors import LungscopeError


@contextmanager
def written(path: Path) -> Iterator[Path]:
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
    with written(path) as temporary:
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
