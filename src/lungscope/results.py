"""A folder of results: it is there whole or not at all, and never replaced unasked."""

import tempfile
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path

from lungscope.errors import LungscopeError


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
def replaced(folder: Path) -> Iterator[Path]:
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
