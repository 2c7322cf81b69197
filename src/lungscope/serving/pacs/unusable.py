"""What a person is told of a spool's database that cannot be used, and what to do."""

import sqlite3
from pathlib import Path

from lungscope.errors import LungscopeError


def unusable(path: Path, error: sqlite3.Error) -> LungscopeError:
    """The mistake, or the misfortune, in one line.

    Args:
        path: of the queue.
        error: of SQLite.
    """
    words = str(error)
    if "full" in words:
        return LungscopeError(f"{path.parent}: its disk is full; make room and start again")
    if "readonly" in words or "unable to open" in words:
        return LungscopeError(f"{path}: cannot be written; give a folder that this user may write")
    if "locked" in words:
        return LungscopeError(f"{path}: another program holds it")
    return LungscopeError(
        f"{path}: it is damaged ({words}); with the node stopped move it away, and what lies in "
        "the spool is taken in anew at the next start"
    )
