"""What the queue of a spool holds, for a person or a program; without identifiers."""

import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from lungscope.errors import LungscopeError
from lungscope.serving.pacs.entry import Entry, State
from lungscope.serving.pacs.queue import FILE, Queue
from lungscope.serving.pacs.spool import Occupation
from lungscope.serving.pacs.unusable import unusable

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
    unfinished: list[Entry]
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
            running = Occupation.is_taken(spool)
            waiting = queue.in_state("received", "classified")
            return cls(
                queue.counts(),
                sorted([*waiting, *queue.in_state("failed")], key=lambda entry: entry.received),
                time.time() - waiting[0].received if waiting else None,
                running,
            )
        except sqlite3.Error as error:
            raise unusable(spool / FILE, error) from error
        finally:
            queue.close()
