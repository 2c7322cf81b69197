"""What the queue of a spool holds, for a person or a program; without identifiers."""

import re
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from lungscope.errors import LungscopeError
from lungscope.serving.pacs.entry import QueueEntry, State
from lungscope.serving.pacs.queue import FILE, Queue, unusable_queue
from lungscope.serving.pacs.spool import Spool, is_locked, lock_spool

SHOWN = 20
"""Instances that are told one by one."""


@dataclass(frozen=True)
class Status:
    """The state of a spool.

    Attributes:
        counts: instances in every state.
        unfinished: those that wait or are given up, oldest first.
        oldest: seconds since the oldest that waits came; None where none does.
        running: whether a node works on it.
    """

    counts: dict[State, int]
    unfinished: list[QueueEntry]
    oldest: float | None
    running: bool

    @classmethod
    def of(cls, spool: Path) -> "Status":
        """Reads it, also while a node works on it.

        Raises:
            LungscopeError: there is no queue.
        """
        if not (spool / FILE).is_file():
            raise LungscopeError(f"{spool}: no spool of lungscope pacs; give its --spool")
        queue = Queue(spool / FILE)
        try:
            running = is_locked(spool)
            waiting = queue.in_state("received", "classified")
            return cls(
                queue.counts(),
                sorted([*waiting, *queue.in_state("failed")], key=lambda entry: entry.received),
                time.time() - waiting[0].received if waiting else None,
                running,
            )
        except sqlite3.Error as error:
            raise unusable_queue(spool / FILE, error) from error
        finally:
            queue.close()


_PREFIX = re.compile(r"[0-9a-f]{6,32}")


def drop_instance(folder: Path, prefix: str) -> str:
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
    spool, lock = Spool(folder), lock_spool(folder)
    queue = Queue(folder / FILE)
    try:
        found = queue.starting_with(prefix)
        if len(found) != 1:
            raise LungscopeError(
                f"{prefix}: {len(found) or 'no'} instances of this key in {folder}"
            )
        queue.remove(found[0].key)
        spool.remove(found[0].key)
    except sqlite3.Error as error:
        raise unusable_queue(folder / FILE, error) from error
    finally:
        queue.close()
        lock.release()
    return found[0].key
