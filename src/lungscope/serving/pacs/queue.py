"""The queue: the state of every instance."""

import time
from collections.abc import Sequence
from pathlib import Path

from lungscope.serving.pacs.conditions import Conditions
from lungscope.serving.pacs.database import Database
from lungscope.serving.pacs.deliveries import Deliveries, Result
from lungscope.serving.pacs.queue_entry import STATES, QueueEntry, State
from lungscope.serving.pacs.settings import Backoff, Target

FILE = "queue.sqlite"
_COLUMNS = "key, state, received, attempts, due, reason, model, content, revision"


class Queue:
    """The instances of one spool; several threads may use it.

    Attributes:
        database: the file, durable when a method returns.
        deliveries: results and their deliveries, in the same file.
        conditions: how the parts of the node fare, in the same file.
    """

    def __init__(
        self, path: Path, *, migrate: bool = False, longest: float = Backoff().longest
    ) -> None:
        """Opens or makes the file.

        Args:
            path: the file.
            migrate: whether a file of an earlier version is brought up to date; only for who holds
                `spool.lock_spool`.
            longest: longest delay of an attempt, seconds; what is due later than that is due now,
                because the clock was set back.

        Raises:
            LungscopeError: it can't be written, is locked, damaged, or of another version.
        """
        self.database = Database(path, migrate=migrate)
        self.deliveries = Deliveries(self.database, longest)
        self.conditions = Conditions(self.database, longest)
        self._longest = longest

    def close(self) -> None:
        """Closes the file."""
        self.database.close()

    def add(self, key: str, content: str | None = None) -> None:
        """Adds an instance as received, or resets it to that.

        Args:
            key: key of the instance.
            content: SHA-256 of its data set; one that differs from the last is a new revision.
        """
        with self.database.transaction() as run:
            run.execute(
                "INSERT INTO instances (key, state, received, content) VALUES (?, 'received', ?, ?)"
                " ON CONFLICT (key) DO UPDATE SET state = 'received', "
                "received = excluded.received, attempts = 0, due = 0, claimed = 0, reason = NULL, "
                "model = NULL, revision = revision + (content IS NOT excluded.content), "
                "content = excluded.content",
                (key, time.time(), content),
            )
            self.deliveries.supersede(key)

    def get(self, key: str) -> QueueEntry | None:
        """Returns an instance, or None if it is unknown."""
        return next(iter(self._entries("WHERE key = ?", (key,))), None)

    def find_by_prefix(self, prefix: str) -> list[QueueEntry]:
        """Returns the instances whose key has a prefix, at most three.

        Args:
            prefix: hexadecimal digits.
        """
        return self._entries("WHERE substr(key, 1, ?) = ? LIMIT 3", (len(prefix), prefix))

    def in_state(self, *states: State) -> list[QueueEntry]:
        """Returns the instances in any of some states, oldest first."""
        marks = ", ".join("?" * len(states))
        return self._entries(f"WHERE state IN ({marks}) ORDER BY received", states)

    def claim(self) -> QueueEntry | None:
        """Returns the next instance to classify; no other thread gets it until its state changes.

        The attempt is counted on disk before it begins, so that an instance that crashes the
        process is recognised by its count at the next start; see `release_claims`.
        """
        with self.database.transaction() as run:
            now = time.time()
            found = self._entries(
                "WHERE state = 'received' AND claimed = 0 AND (due <= ? OR due > ?) "
                "ORDER BY due, received LIMIT 1",
                (now, now + self._longest),
            )
            if not found:
                return None
            entry = found[0]
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
        with self.database.transaction() as run:
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
                "WHERE state = 'received' AND (claimed = 1 OR due > 0)"
            )
        return given_up

    def set_classified(
        self, entry: QueueEntry, model: str, results: Sequence[Result], targets: Sequence[Target]
    ) -> bool:
        """Marks a claimed instance as classified, with its results ready to be sent.

        Args:
            entry: the instance as it was claimed.
            model: `result_attributes.fingerprint` of the model that answered.
            results: its results. They are recorded before they are sent, so that a result that
                comes back is recognised.
            targets: where they are to go.

        Returns:
            False if the instance was dropped or corrected since it was claimed; nothing is changed.
        """
        # in one transaction: an archive may send a result back as soon as it has it
        with self.database.transaction() as run:
            changed = run.execute(
                "UPDATE instances SET state = 'classified', reason = NULL, attempts = 0, due = 0, "
                "claimed = 0, model = ? WHERE key = ? AND claimed = 1 AND content IS ?",
                (model, entry.key, entry.content),
            ).rowcount
            if changed:
                self.deliveries.add(entry.key, results, targets, content=entry.content, model=model)
        return changed == 1

    def settle(self, key: str) -> State | None:
        """Marks a classified instance as sent or failed if none of its deliveries waits.

        Returns:
            Its new state; None if it has none.
        """
        with self.database.transaction():
            entry, deliveries = self.get(key), self.deliveries.of(key)
            if entry is None or entry.state != "classified":
                return None
            if any(each.state == "waiting" for each in deliveries):
                return None
            failed = [each.reason or "" for each in deliveries if each.state == "failed"]
            state: State = "failed" if failed else "sent"
            self.set_state(key, state, "; ".join(failed) or None)
        return state

    def set_state(self, key: str, state: State, reason: str | None = None) -> None:
        """Changes the state of an instance and makes it due at once.

        Args:
            key: key of the instance.
            state: the new state.
            reason: why it was refused or failed, one line without identifiers.
        """
        with self.database.transaction() as run:
            run.execute(
                "UPDATE instances SET state = ?, reason = ?, attempts = 0, due = 0, claimed = 0 "
                "WHERE key = ?",
                (state, reason, key),
            )

    def give_up(self, entry: QueueEntry, state: State, reason: str) -> bool:
        """Ends the work on a claimed instance.

        Args:
            entry: the instance as it was claimed.
            state: its new state.
            reason: why, one line without identifiers.

        Returns:
            False if it was dropped or corrected since it was claimed; nothing is changed.
        """
        with self.database.transaction() as run:
            changed = run.execute(
                "UPDATE instances SET state = ?, reason = ?, attempts = 0, due = 0, claimed = 0 "
                "WHERE key = ? AND claimed = 1 AND content IS ?",
                (state, reason, entry.key, entry.content),
            ).rowcount
        return changed == 1

    def reschedule(self, entry: QueueEntry, due: float, reason: str, *, attempts: int) -> None:
        """Schedules the next attempt on a claimed instance, unless it was dropped or corrected.

        Args:
            entry: the instance as it was claimed.
            due: time of the next attempt, in seconds since 1970.
            reason: why the attempt failed, one line without identifiers.
            attempts: added to its count: 0 for an attempt that counts, as it was counted when it
                began; -1 if it shall not count.
        """
        with self.database.transaction() as run:
            run.execute(
                "UPDATE instances SET due = ?, reason = ?, claimed = 0, "
                "attempts = max(0, attempts + ?) WHERE key = ? AND claimed = 1 AND content IS ?",
                (due, reason, attempts, entry.key, entry.content),
            )

    def retry(self, key: str, *, has_image: bool) -> bool:
        """Makes what failed or waits due at once: deliveries, or else the classification.

        Args:
            key: key of the instance.
            has_image: whether its file is there, without which it can't be classified.

        Returns:
            Whether there is something to try.
        """
        with self.database.transaction() as run:
            if self.deliveries.retry(key):
                run.execute(
                    "UPDATE instances SET state = 'classified', reason = NULL WHERE key = ?", (key,)
                )
                return True
            if not has_image:
                return False
            run.execute(
                "UPDATE instances SET state = 'received', attempts = 0, due = 0, reason = NULL "
                "WHERE key = ? AND claimed = 0",
                (key,),
            )
        return True

    def remove(self, key: str) -> None:
        """Removes an instance; its results stay known as ours."""
        with self.database.transaction() as run:
            run.execute("DELETE FROM instances WHERE key = ?", (key,))
            self.deliveries.supersede(key)
            run.execute("UPDATE results SET dropped = 1 WHERE key = ?", (key,))

    def mark(self, name: str) -> int | None:
        """Returns the number that was stored under a name, or None."""
        found = self.database.value("SELECT value FROM marks WHERE name = ?", (name,))
        return None if found is None else int(found)

    def set_mark(self, name: str, value: int | None) -> None:
        """Stores a number under a name, or removes it."""
        with self.database.transaction() as run:
            run.execute("DELETE FROM marks WHERE name = ?", (name,))
            if value is not None:
                run.execute("INSERT INTO marks VALUES (?, ?)", (name, value))

    def counts(self) -> dict[State, int]:
        """Returns the number of instances in every state."""
        found = dict(self.database.rows("SELECT state, count(*) FROM instances GROUP BY state"))
        return {state: int(found.get(state, 0)) for state in STATES}

    def _entries(self, where: str, values: Sequence[object]) -> list[QueueEntry]:
        rows = self.database.rows(
            f"SELECT {_COLUMNS} FROM instances {where}",  # noqa: S608 - `where` is from above
            values,
        )
        return [QueueEntry(*row) for row in rows]
