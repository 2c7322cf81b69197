"""The SQLite file of the queue: durable at every commit, shared by threads and processes."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lungscope.errors import Inaccessible, InUse, InvalidData, LungscopeError
from lungscope.serving.pacs.queue_schema import prepare


class Database:
    """The file of a queue; several threads may use it, and other processes open it, too.

    Everything is durable when a transaction ends: write-ahead log, synchronous FULL.

    Attributes:
        path: the file.
    """

    def __init__(self, path: Path, *, migrate: bool = False) -> None:
        """Opens or makes the file.

        Args:
            path: the file.
            migrate: whether a file of an earlier version is brought up to date; only for who holds
                `spool.lock_spool`.

        Raises:
            Inaccessible: it cannot be written.
            InUse: another program has locked it.
            InvalidData: it is damaged, or of another version. All of it is checked with `migrate`.
        """
        self.path = path
        self._lock = threading.RLock()
        try:
            self._connection = sqlite3.connect(
                # isolation_level None: transactions begin where `transaction` says
                path,
                timeout=30,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                # a write-ahead log lets `pacs status` read while the node writes
                self._connection.execute("PRAGMA journal_mode = WAL")
                # with WAL the default, NORMAL, may lose the last transactions in a power cut, and
                # the senders of those images have a status that says they are stored
                self._connection.execute("PRAGMA synchronous = FULL")
                if migrate:  # the node at its start; of a large file it takes seconds
                    _check(self._connection)
                prepare(self._connection, path, migrate=migrate)
            except BaseException:
                self._connection.close()
                raise
        except sqlite3.Error as error:
            raise unusable_queue(path, error) from error

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Returns the rows that a query finds."""
        with self._lock:
            return self._connection.execute(query, tuple(values)).fetchall()

    def value(self, query: str, values: Sequence[object] = ()) -> Any:
        """Returns the first value of the first row that a query finds, or None."""
        with self._lock:
            row = self._connection.execute(query, tuple(values)).fetchone()
        return None if row is None else row[0]

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Does all that its block does or nothing; within another, it is a part of that."""
        with self._lock:
            if self._connection.in_transaction:  # of this thread, which holds the lock
                yield self._connection
                return
            # IMMEDIATE: a transaction that reads first and then writes could fail in the middle
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:  # also of a signal: no transaction may stay open
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


def _check(connection: sqlite3.Connection) -> None:
    """Looks for damage now, not in the middle of work, where an instance would be lost."""
    if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise sqlite3.DatabaseError("damaged")


def unusable_queue(path: Path, error: sqlite3.Error) -> LungscopeError:
    """Returns the error to raise for a queue that SQLite can't use.

    SQLite's exceptions have no codes before Python 3.11, so its messages distinguish the causes.

    Args:
        path: path of the queue.
        error: SQLite's error.
    """
    words = str(error)
    if "full" in words:
        return Inaccessible(f"{path.parent}: the disk is full; make room and start again")
    if "readonly" in words or "unable to open" in words:
        return Inaccessible(f"{path}: cannot be written; give a folder that this user may write")
    if "locked" in words:
        return InUse(f"{path}: locked by another program; try again when it is done")
    return InvalidData(
        f"{path}: damaged ({words}); stop the node and move this file away: at the next start "
        "the instances in the spool are classified again"
    )
