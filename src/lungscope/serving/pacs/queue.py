"""What is known of every instance, in SQLite: a commit is on disk when it returns."""

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lungscope.errors import LungscopeError
from lungscope.serving.pacs.entry import STATES, QueueEntry, State

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
            LungscopeError: it cannot be written, or another version of lungscope made it.
        """
        self._lock = threading.RLock()
        try:
            self._connection = sqlite3.connect(
                path, timeout=30, isolation_level=None, check_same_thread=False
            )
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, VERSION):
                raise LungscopeError(
                    f"{path}: made by another version of lungscope ({version}, this one writes "
                    f"{VERSION}); give another spool"
                )
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            if version == 0:  # else nothing is written: a status may be asked for at any time
                self._connection.executescript(_SCHEMA)
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
        """Takes an instance in, or takes it in again as if it had never been there."""
        with self._transaction() as run:
            run.execute(
                "INSERT INTO instances (key, state, received) VALUES (?, 'received', ?) "
                "ON CONFLICT (key) DO UPDATE SET state = 'received', received = excluded.received, "
                "attempts = 0, due = 0, claimed = 0, reason = NULL, model = NULL",
                (key, time.time()),
            )

    def get(self, key: str) -> QueueEntry | None:
        """One instance, or None where it is not known."""
        return next(self._entries("WHERE key = ?", (key,)), None)

    def starting_with(self, prefix: str) -> list[QueueEntry]:
        """The instances whose key starts so, at most three.

        Args:
            prefix: hexadecimal digits.
        """
        return list(self._entries("WHERE substr(key, 1, ?) = ? LIMIT 3", (len(prefix), prefix)))

    def in_state(self, *states: State) -> list[QueueEntry]:
        """All instances that are so far."""
        marks = ", ".join("?" * len(states))
        return list(self._entries(f"WHERE state IN ({marks}) ORDER BY received", states))

    def claim(self) -> QueueEntry | None:
        """The next instance to classify; nobody else gets it until it is `moved` or `put_off`.

        That it is being attempted is on disk before the attempt begins, so that an instance that
        takes the process down is found out by it; see `release_claims`.
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
        """At the start of a process, takes up what the last one left; what was put off is due.

        Args:
            most: attempts; an instance that ended the process so often is failed.

        Returns:
            The keys of those that are failed.
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
                [(f"lungscope ended {most} times while it was classified", k) for k in given_up],
            )
            run.execute(
                "UPDATE instances SET claimed = 0, due = 0 "
                "WHERE state IN ('received', 'classified') AND (claimed = 1 OR due > 0)"
            )
        return given_up

    def to_send(self, most: int) -> list[QueueEntry]:
        """The instances whose results are due to be sent, oldest first."""
        return list(
            self._entries(
                "WHERE state = 'classified' AND due <= ? ORDER BY due, received LIMIT ?",
                (time.time(), most),
            )
        )

    def classified(self, key: str, model: str, results: Sequence[str]) -> None:
        """Notes that the results of an instance lie ready.

        Args:
            key: of the instance.
            model: `uids.fingerprint` of the one that answered.
            results: their SOP Instance UIDs, known as ours from before they are sent.
        """
        with self._transaction() as run:
            run.executemany("INSERT OR IGNORE INTO results VALUES (?)", [(uid,) for uid in results])
            run.execute(
                "UPDATE instances SET state = 'classified', reason = NULL, attempts = 0, due = 0, "
                "claimed = 0, model = ? WHERE key = ?",
                (model, key),
            )

    def moved(self, key: str, state: State, reason: str | None = None) -> None:
        """Notes that an instance is a step further, or back.

        Args:
            key: of the instance.
            state: the new one.
            reason: for refusal or failure.
        """
        with self._transaction() as run:
            run.execute(
                "UPDATE instances SET state = ?, reason = ?, attempts = 0, due = 0, claimed = 0 "
                "WHERE key = ?",
                (state, reason, key),
            )

    def put_off(self, keys: Sequence[str], due: float, reason: str, *, attempts: int) -> None:
        """Notes that an attempt failed.

        Args:
            keys: of the instances.
            due: when the next attempt is, in seconds since 1970.
            reason: one line without identifiers.
            attempts: by how many their count changes: 1 for an attempt to send, 0 for one to
                classify, which was counted when it began, -1 where it shall not count.
        """
        with self._transaction() as run:
            run.executemany(
                "UPDATE instances SET due = ?, reason = ?, claimed = 0, "
                "attempts = max(0, attempts + ?) WHERE key = ?",
                [(due, reason, attempts, key) for key in keys],
            )

    def remove(self, key: str) -> None:
        """Forgets an instance."""
        with self._transaction() as run:
            run.execute("DELETE FROM instances WHERE key = ?", (key,))

    def is_result(self, uid: str) -> bool:
        """Whether an instance is a result of ours."""
        with self._lock:
            found = self._connection.execute("SELECT 1 FROM results WHERE uid = ?", (uid,))
            return found.fetchone() is not None

    def mark(self, name: str) -> int | None:
        """A number that was kept under a name."""
        with self._lock:
            row = self._connection.execute(
                "SELECT value FROM marks WHERE name = ?", (name,)
            ).fetchone()
        return None if row is None else int(row[0])

    def set_mark(self, name: str, value: int) -> None:
        """Keeps a number under a name."""
        with self._transaction() as run:
            run.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (name, value))

    def counts(self) -> dict[State, int]:
        """How many instances there are in every state."""
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
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


def unusable_queue(path: Path, error: sqlite3.Error) -> LungscopeError:
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
