"""What an operator does to instances in a spool, also while a node works on it.

Rows and files change in one transaction of the queue, and the node does the same: neither undoes
what the other does.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from lungscope.errors import NotFound
from lungscope.serving.pacs.database import unusable_queue
from lungscope.serving.pacs.deliveries import Delivery
from lungscope.serving.pacs.queue import FILE, Queue
from lungscope.serving.pacs.queue_entry import QueueEntry
from lungscope.serving.pacs.selection import Selection
from lungscope.serving.pacs.settings import Backoff
from lungscope.serving.pacs.spool import Spool
from lungscope.serving.pacs.unreadable import UnreadableInstances

_AT_ONCE = 100
"""Instances changed in one transaction: a node that receives waits for its end."""


@dataclass(frozen=True)
class Failures:
    """What was given up.

    Attributes:
        instances: instances whose classification failed, oldest first.
        deliveries: results that a target refuses for good, oldest first.
    """

    instances: list[QueueEntry]
    deliveries: list[Delivery]


def find_failures(folder: Path) -> Failures:
    """Returns what was given up in a spool.

    Raises:
        LungscopeError: no spool, or its queue can't be used.
    """
    with open_queue(folder) as queue:
        deliveries = queue.deliveries.in_state("failed")
        delivered = {each.key for each in deliveries}
        instances = [each for each in queue.in_state("failed") if each.key not in delivered]
        return Failures(instances, deliveries)


def drop(folder: Path, selection: Selection, *, dry_run: bool = False) -> list[str]:
    """Removes instances with their files.

    What is being classified is dropped, too: its answer is thrown away.

    Args:
        folder: a spool.
        selection: the instances.
        dry_run: whether nothing is removed.

    Returns:
        Their keys.

    Raises:
        LungscopeError: no spool, a key that is not there, or a queue that can't be used.
    """
    with open_queue(folder) as queue:
        found = [entry.key for entry in selection.find(queue)]
        if dry_run:
            return found
        spool = Spool(folder)
        for keys in _in_parts(found):
            with queue.database.transaction():
                for key in keys:
                    spool.remove(key, queue.deliveries.results(key))
                    queue.remove(key)
    return found


def retry(folder: Path, selection: Selection) -> tuple[list[str], list[str]]:
    """Has the node try again at once what failed or waits; what Orthanc could not give, too.

    Args:
        folder: a spool.
        selection: the instances; those that are finished are passed over.

    Returns:
        The keys of those that are tried again, and of those that failed and have no file any more.

    Raises:
        LungscopeError: no spool, a key that is not there, or a queue that can't be used.
    """
    again: list[str] = []
    gone: list[str] = []
    with open_queue(folder) as queue:
        spool = Spool(folder)
        for entries in _in_parts(selection.find(queue)):
            with queue.database.transaction():
                for entry in entries:
                    if entry.state in ("sent", "refused"):
                        continue
                    there = queue.retry(entry.key, has_image=spool.image(entry.key).exists())
                    (again if there else gone).append(entry.key)
        if selection.is_everything:
            UnreadableInstances(queue.database, Backoff()).retry_now()
        if again or selection.is_everything:
            queue.conditions.retry_now()
    return again, gone


@contextmanager
def open_queue(folder: Path) -> Iterator[Queue]:
    """Yields the queue of a spool, which is closed afterwards.

    Raises:
        NotFound: the folder holds no queue.
        LungscopeError: the queue can't be read, is locked, damaged, or of another version.
    """
    if not (folder / FILE).is_file():
        raise NotFound(f"{folder}: no spool of lungscope pacs; give the folder of one")
    queue = Queue(folder / FILE)
    try:
        yield queue
    except sqlite3.Error as error:
        raise unusable_queue(folder / FILE, error) from error
    finally:
        queue.close()


def _in_parts(items: Sequence[QueueEntry] | Sequence[str]) -> Iterator[list]:  # type: ignore[type-arg]
    rest = iter(items)
    while part := list(islice(rest, _AT_ONCE)):
        yield part
