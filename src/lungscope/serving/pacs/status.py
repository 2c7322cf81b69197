"""Status of a spool, without identifiers, and removal of single instances from it."""

import re
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lungscope.errors import InvalidSetting, NotFound
from lungscope.serving.pacs.database import unusable_queue
from lungscope.serving.pacs.deliveries import Delivery
from lungscope.serving.pacs.queue import FILE, Queue, QueueEntry, State
from lungscope.serving.pacs.spool import Spool, is_locked, lock_spool

SHOWN = 20
"""Instances that are listed one by one."""


@dataclass(frozen=True)
class Unfinished:
    """What waits or has failed.

    Attributes:
        entry: an instance.
        delivery: the result of it that is not sent; None if it is not classified.
    """

    entry: QueueEntry
    delivery: Delivery | None

    @property
    def step(self) -> QueueEntry | Delivery:
        """What has attempts, a time of the next one, and the reason why the last failed."""
        return self.delivery or self.entry

    @property
    def failed(self) -> bool:
        """Whether it was given up."""
        return self.step.state == "failed"

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object."""
        return {
            **self.entry.to_json(),
            "attempts": self.step.attempts,
            "due": self.step.due or None,
            "reason": self.step.reason,
            "result": self.delivery.kind if self.delivery else None,
            "target": self.delivery.target if self.delivery else None,
        }


@dataclass(frozen=True)
class Status:
    """Status of a spool.

    Attributes:
        counts: number of instances in every state.
        unfinished: instances and results that wait or have failed, oldest first.
        oldest: seconds since the arrival of the oldest waiting instance; None if none waits.
        running: whether a node works on the spool.
    """

    counts: dict[State, int]
    unfinished: list[Unfinished]
    oldest: float | None
    running: bool

    @classmethod
    def of(cls, spool: Path) -> "Status":
        """Reads the status of a spool, also while a node works on it.

        Raises:
            NotFound: the folder holds no queue.
            LungscopeError: the queue can't be read, is locked, damaged, or of another version.
        """
        if not (spool / FILE).is_file():
            raise NotFound(f"{spool}: no spool of lungscope pacs; give the folder of one")
        queue = Queue(spool / FILE)
        try:
            running = is_locked(spool)
            waiting = queue.in_state("received", "classified")
            return cls(
                queue.counts(),
                _unfinished(queue),
                time.time() - waiting[0].received if waiting else None,
                running,
            )
        except sqlite3.Error as error:
            raise unusable_queue(spool / FILE, error) from error
        finally:
            queue.close()


def _unfinished(queue: Queue) -> list[Unfinished]:
    open_ones: dict[str, list[Delivery]] = {}
    for each in queue.deliveries.in_state("waiting", "failed"):
        open_ones.setdefault(each.key, []).append(each)
    entries = queue.in_state("received", "classified", "failed")
    return [
        Unfinished(entry, delivery)
        for entry in sorted(entries, key=lambda entry: entry.received)
        for delivery in open_ones.get(entry.key, [None])
    ]


_PREFIX = re.compile(r"[0-9a-f]{6,32}")


def drop_instance(folder: Path, prefix: str) -> str:
    """Removes an instance with its files.

    Args:
        folder: a spool on which no node works.
        prefix: the first 6 or more digits of the instance's key.

    Returns:
        The key.

    Raises:
        InvalidSetting: the prefix is not 6 to 32 hexadecimal digits.
        NotFound: no spool, or not exactly one instance with this prefix.
        LungscopeError: a node works on the spool, or its queue can't be used.
    """
    if not (folder / FILE).is_file():
        raise NotFound(f"{folder}: no spool of lungscope pacs; give the folder of one")
    if not _PREFIX.fullmatch(prefix):
        raise InvalidSetting(f"{prefix!r}: give 6 to 32 digits as lungscope pacs status shows them")
    lock = lock_spool(folder)
    try:
        return _drop(Spool(folder), prefix)
    finally:
        lock.release()


def _drop(spool: Spool, prefix: str) -> str:
    folder = spool.folder
    queue = Queue(folder / FILE)
    try:
        found = queue.find_by_prefix(prefix)
        if len(found) != 1:
            raise NotFound(
                f"{prefix}: {len(found) or 'no'} instances with this key in {folder}; "
                "give the digits that lungscope pacs status shows"
            )
        key = found[0].key
        with queue.database.transaction():
            spool.remove(key, queue.deliveries.results(key))
            queue.remove(key)
    except sqlite3.Error as error:
        raise unusable_queue(folder / FILE, error) from error
    finally:
        queue.close()
    return key
