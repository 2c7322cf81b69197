"""An operator's decision that an instance is not to be worked on any more."""

import re
import sqlite3
from pathlib import Path

from lungscope.errors import LungscopeError
from lungscope.serving.pacs.queue import FILE, Queue
from lungscope.serving.pacs.spool import Occupation, Spool
from lungscope.serving.pacs.unusable import unusable

_PREFIX = re.compile(r"[0-9a-f]{6,32}")


def drop(folder: Path, prefix: str) -> str:
    """Forgets an instance and removes its files.

    Args:
        folder: of a spool on which no node works.
        prefix: the first 6 or more digits of the instance's key.

    Returns:
        The key.

    Raises:
        LungscopeError: no spool, a node works on it, or not one instance's key.
    """
    if not (folder / FILE).is_file():
        raise LungscopeError(f"{folder}: no spool of lungscope pacs; give its --spool")
    if not _PREFIX.fullmatch(prefix):
        raise LungscopeError(f"{prefix!r}: give 6 to 32 digits as lungscope pacs status shows them")
    spool, occupation, queue = Spool(folder), Occupation(folder), Queue(folder / FILE)
    try:
        found = queue.starting_with(prefix)
        if len(found) != 1:
            raise LungscopeError(
                f"{prefix}: {len(found) or 'no'} instances of this key in {folder}"
            )
        queue.remove(found[0].key)
        spool.remove(found[0].key)
    except sqlite3.Error as error:
        raise unusable(folder / FILE, error) from error
    finally:
        queue.close()
        occupation.end()
    return found[0].key
