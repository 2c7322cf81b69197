"""The queue: the state of every instance, in SQLite, durable at every commit."""

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from lungscope.errors import Inaccessible, InUse, InvalidData, LungscopeError

State: TypeAlias = Literal["received", "classified", "sent", "refused", "failed"]
"""received -> classified -> sent; or refused (no model was asked); or failed (given up)."""

STATES: tuple[State, ...] = ("received", "classified", "sent", "refused", "failed")


@dataclass(frozen=True)
class QueueEntry:
    """An instance in the queue.

    Attributes:
        key: `spool.key_of` its SOP Instance UID.
        state: progress of its processing.
        received: time of arrival, in seconds since 1970.
        attempts: attempts made at the next step: classifying if received, sending if classified.
        due: earliest time of the next attempt, in seconds since 1970.
        reason: why the last attempt failed or it was refused, one line without identifiers.
        model: `result_attributes.fingerprint` of the model that answered.
    """

    key: str
    state: State
    received: float
    attempts: int
    due: float
    reason: str | None
    model: str | None

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object."""
        return {
            "key": self.key,
            "state": self.state,
            "received": self.received,
            "attempts": self.attempts,
            "due": self.due or None,
            "reason": self.reason,
        }


FILE = "queue.sqlite"
VERSION = 1

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS instances (
    key TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    received REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL DEFAULT 0,
    claimed INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    model TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS instances_by_due ON instances (state, due, received);
CREATE TABLE IF NOT EXISTS results (uid TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
PRAGMA user_version = {VERSION};
"""
_COLUMNS = "key, state, received, attempts, due, reason, model"


class Queue:
    """The instances of one spool; several threads may use it, of one process.

    Everything is durable when a method returns: write-ahead log, synchronous FULL.
    """

    def __init__(self, path: Path) -> None:
        """Opens or makes the file.

        Raises:
            Inaccessible: it cannot be written.
            InUse: another program has locked it.
            InvalidData: it is damaged, or was made by another version.
        """
        self._lock = threading.RLock()
        try:
            self._connection = sqlite3.connect(
                # isolation_level None: transactions begin where `_transaction` says
                path,
                timeout=30,
                isolation_level=None,
                check_same_thread=False,
            )
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, VERSION):
                raise InvalidData(
                    f"{path}: made by another version of lungscope (format {version}, this one "
                    f"reads {VERSION}); give another spool"
                )
            # a write-ahead log lets `pacs status` read while the node writes
            self._connection.execute("PRAGMA journal_mode = WAL")
            # with WAL the default, NORMAL, may lose the last transactions in a power cut, and the
            # senders of those images have a status that says they are stored
            self._connection.execute("PRAGMA synchronous = FULL")
            if version == 0:  # otherwise write nothing: `status` opens it while a node works
                self._connection.executescript(_SCHEMA)
            # now rather than in the middle of work, where an instance would be lost
            damage = self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if damage != "ok":
                raise sqlite3.DatabaseError("damaged")
        except sqlite3.Error as error:
            raise unusable_queue(path, error) from error

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    def add(self, key: str) -> None:
        """Adds an instance as received, or resets it to that."""
        # the same key again is another copy of the image: it is classified once more
        with self._transaction() as run:
            run.execute(
                "INSERT INTO instances (key, state, received) VALUES (?, 'received', ?) "
                "ON CONFLICT (key) DO UPDATE SET state = 'received', received = excluded.received, "
                "attempts = 0, due = 0, claimed = 0, reason = NULL, model = NULL",
                (key, time.time()),
            )

    def get(self, key: str) -> QueueEntry | None:
        """Returns an instance, or None if it is unknown."""
        return next(self._entries("WHERE key = ?", (key,)), None)

    def find_by_prefix(self, prefix: str) -> list[QueueEntry]:
        """Returns the instances whose key has a prefix, at most three.

        Args:
            prefix: hexadecimal digits.
        """
        return list(self._entries("WHERE substr(key, 1, ?) = ? LIMIT 3", (len(prefix), prefix)))

    def in_state(self, *states: State) -> list[QueueEntry]:
        """Returns the instances in any of some states, oldest first."""
        marks = ", ".join("?" * len(states))
        return list(self._entries(f"WHERE state IN ({marks}) ORDER BY received", states))

    def claim(self) -> QueueEntry | None:
        """Returns the next instance to classify; no other thread gets it until its state changes.

        The attempt is counted on disk before it begins, so that an instance that crashes the
        process is recognised by its count at the next start; see `release_claims`.
        """
        with self._transaction() as run:
            found = self._entries(
                "WHERE state = 'received' AND claimed = 0 AND due <= ? "
                "ORDER BY due, received LIMIT 1",
                (time.time(),),
            )
            entry = next(found, None)
            if entry is None:
                return None
            run.execute(
                "UPDATE instances SET claimed = 1, attempts = attempts + 1 WHERE key = ?",
                (entry.key,),
            )
        return self.get(entry.key)

    def release_claims(self, most: int) -> list[str]:
        """Resumes, at the start of a process, what the last one left; delayed instances are due.

        Args:
            most: attempts after which an instance that crashed the process each time is failed.

        Returns:
            The keys of the failed instances.
        """
        with self._transaction() as run:
            given_up = [
                str(key)
                for (key,) in run.execute(
                    "SELECT key FROM instances WHERE claimed = 1 AND attempts >= ?", (most,)
                )
            ]
            run.executemany(
                "UPDATE instances SET state = 'failed', claimed = 0, reason = ? WHERE key = ?",
                [(f"lungscope crashed {most} times while classifying it", k) for k in given_up],
            )
            run.execute(
                "UPDATE instances SET claimed = 0, due = 0 "
                "WHERE state IN ('received', 'classified') AND (claimed = 1 OR due > 0)"
            )
        return given_up

    def due_to_send(self, most: int) -> list[QueueEntry]:
        """Returns the instances whose results are due to be sent, oldest first, at most `most`."""
        return list(
            self._entries(
                "WHERE state = 'classified' AND due <= ? ORDER BY due, received LIMIT ?",
                (time.time(), most),
            )
        )

    def set_classified(self, key: str, model: str, results: Sequence[str]) -> None:
        """Marks an instance as classified, with its results ready to be sent.

        Args:
            key: key of the instance.
            model: `result_attributes.fingerprint` of the model that answered.
            results: SOP Instance UIDs of the results. They are recorded before they are sent, so
                that a result that comes back is recognised.
        """
        with self._transaction() as run:
            # in one transaction: an archive may send a result back as soon as it has it
            run.executemany("INSERT OR IGNORE INTO results VALUES (?)", [(uid,) for uid in results])
            run.execute(
                "UPDATE instances SET state = 'classified', reason = NULL, attempts = 0, due = 0, "
                "claimed = 0, model = ? WHERE key = ?",
                (model, key),
            )

    def set_state(self, key: str, state: State, reason: str | None = None) -> None:
        """Changes the state of an instance and makes it due at once.

        Args:
            key: key of the instance.
            state: the new state.
            reason: why it was refused or failed, one line without identifiers.
        """
        with self._transaction() as run:
            run.execute(
                "UPDATE instances SET state = ?, reason = ?, attempts = 0, due = 0, claimed = 0 "
                "WHERE key = ?",
                (state, reason, key),
            )

    def reschedule(self, keys: Sequence[str], due: float, reason: str, *, attempts: int) -> None:
        """Schedules the next attempt after a failed one.

        Args:
            keys: keys of the instances.
            due: time of the next attempt, in seconds since 1970.
            reason: why the attempt failed, one line without identifiers.
            attempts: added to their count: 1 for an attempt to send, 0 for one to classify, which
                was counted when it began, -1 if it shall not count.
        """
        with self._transaction() as run:
            run.executemany(
                "UPDATE instances SET due = ?, reason = ?, claimed = 0, "
                "attempts = max(0, attempts + ?) WHERE key = ?",
                [(due, reason, attempts, key) for key in keys],
            )

    def remove(self, key: str) -> None:
        """Removes an instance."""
        with self._transaction() as run:
            run.execute("DELETE FROM instances WHERE key = ?", (key,))

    def is_result(self, uid: str) -> bool:
        """Returns whether a SOP Instance UID is that of one of our own results."""
        with self._lock:
            found = self._connection.execute("SELECT 1 FROM results WHERE uid = ?", (uid,))
            return found.fetchone() is not None

    def mark(self, name: str) -> int | None:
        """Returns the number that was stored under a name, or None."""
        with self._lock:
            row = self._connection.execute(
                "SELECT value FROM marks WHERE name = ?", (name,)
            ).fetchone()
        return None if row is None else int(row[0])

    def set_mark(self, name: str, value: int) -> None:
        """Stores a number under a name."""
        with self._transaction() as run:
            run.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (name, value))

    def counts(self) -> dict[State, int]:
        """Returns the number of instances in every state."""
        with self._lock:
            found = dict(
                self._connection.execute("SELECT state, count(*) FROM instances GROUP BY state")
            )
        return {state: int(found.get(state, 0)) for state in STATES}

    def _entries(self, where: str, values: Sequence[object]) -> Iterator[QueueEntry]:
        with self._lock:
            rows = self._connection.execute(
                f"SELECT {_COLUMNS} FROM instances {where}",  # noqa: S608 - `where` is from above
                tuple(values),
            ).fetchall()
        return iter([QueueEntry(*row) for row in rows])

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            # IMMEDIATE: a transaction that reads first and then writes could fail in the middle
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:  # also of a signal: no transaction may stay open
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


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
