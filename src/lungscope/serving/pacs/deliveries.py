"""The results of instances and their deliveries: one row for each result and target."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from lungscope.serving.pacs.database import Database
from lungscope.serving.pacs.settings import KINDS, Kind, Target

DeliveryState: TypeAlias = Literal["waiting", "sent", "failed", "superseded"]
"""waiting -> sent; or failed (refused for good); or superseded (a corrected image came before)."""

_COLUMNS = "uid, target, key, kind, state, attempts, refusals, due, reason"


@dataclass(frozen=True)
class Result:
    """A result of an instance.

    Attributes:
        uid: its SOP Instance UID.
        kind: what it is.
        place: where it lies, for the one that replaces it; see `revisions.ReportPlace`.
    """

    uid: str
    kind: Kind
    place: str = ""


@dataclass(frozen=True)
class Delivery:
    """A result on its way to a target.

    Attributes:
        uid: SOP Instance UID of the result.
        target: name of the target.
        key: key of the instance that the result is of.
        kind: what the result is.
        state: progress.
        attempts: attempts to send it.
        refusals: attempts that the target answered with a permanent refusal.
        due: earliest time of the next attempt, in seconds since 1970.
        reason: why the last attempt failed, one line without identifiers.
    """

    uid: str
    target: str
    key: str
    kind: Kind
    state: DeliveryState
    attempts: int
    refusals: int
    due: float
    reason: str | None

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object, without the UID."""
        return {
            "key": self.key,
            "kind": self.kind,
            "target": self.target,
            "state": self.state,
            "attempts": self.attempts,
            "due": self.due or None,
            "reason": self.reason,
        }


class Deliveries:
    """Results and deliveries in the file of a queue."""

    def __init__(self, database: Database, longest: float) -> None:
        """Takes an open file.

        Args:
            database: the file.
            longest: longest delay of an attempt, seconds.
        """
        self._database, self._longest = database, longest

    def add(
        self,
        key: str,
        results: Sequence[Result],
        targets: Sequence[Target],
        *,
        content: str | None,
        model: str | None,
    ) -> None:
        """Records the results of an instance and their deliveries, before anything is sent.

        Args:
            key: key of the instance.
            results: its results; what is left of earlier ones is superseded.
            targets: where they are to go.
            content: hash of the instance.
            model: fingerprint of the model.
        """
        now = time.time()
        with self._database.transaction() as run:
            self.supersede(key)
            run.executemany(
                "INSERT INTO results (uid, key, kind, content, model, place, made) "
                "VALUES (?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (uid) DO UPDATE SET key = excluded.key, kind = excluded.kind, "
                "content = excluded.content, model = excluded.model, place = excluded.place",
                [(each.uid, key, each.kind, content, model, each.place, now) for each in results],
            )
            run.executemany(
                "INSERT INTO deliveries (uid, target, key, kind, state, made) "
                "VALUES (?, ?, ?, ?, 'waiting', ?) ON CONFLICT (uid, target) DO UPDATE SET "
                "state = 'waiting', refusals = 0, due = 0, reason = NULL WHERE state != 'sent'",
                [
                    (each.uid, target.name, key, each.kind, now)
                    for each in results
                    for target in targets
                    if each.kind in target.takes
                ],
            )

    def supersede(self, key: str) -> None:
        """Gives up what of an instance is not sent yet."""
        with self._database.transaction() as run:
            run.execute(
                "UPDATE deliveries SET state = 'superseded' "
                "WHERE key = ? AND state IN ('waiting', 'failed')",
                (key,),
            )

    def due(self, target: str, most: int) -> list[Delivery]:
        """Returns the deliveries to a target that are due, oldest first, at most `most`."""
        now = time.time()
        return self._find(
            # beyond the longest delay: the clock was set back since
            "WHERE target = ? AND state = 'waiting' AND (due <= ? OR due > ?) "
            "ORDER BY due, made, key, kind DESC LIMIT ?",
            (target, now, now + self._longest, most),
        )

    def of(self, key: str) -> list[Delivery]:
        """Returns the deliveries of an instance that are not superseded."""
        return self._find("WHERE key = ? AND state != 'superseded' ORDER BY target, kind", (key,))

    def in_state(self, *states: DeliveryState) -> list[Delivery]:
        """Returns the deliveries in any of some states, oldest first."""
        marks = ", ".join("?" * len(states))
        return self._find(f"WHERE state IN ({marks}) ORDER BY made, key, kind", states)

    def mark_sent(self, delivery: Delivery) -> None:
        """Marks a delivery as sent, even if it was superseded in the meantime."""
        with self._database.transaction() as run:
            run.execute(
                "UPDATE deliveries SET state = 'sent', reason = NULL, attempts = attempts + 1 "
                "WHERE uid = ? AND target = ?",
                (delivery.uid, delivery.target),
            )

    def fail(self, delivery: Delivery, reason: str) -> None:
        """Marks a delivery as failed, unless it was superseded in the meantime."""
        with self._database.transaction() as run:
            run.execute(
                "UPDATE deliveries SET state = 'failed', reason = ?, attempts = attempts + 1, "
                "refusals = refusals + 1 WHERE uid = ? AND target = ? AND state = 'waiting'",
                (reason, delivery.uid, delivery.target),
            )

    def delay(
        self, deliveries: Iterable[Delivery], due: float, reason: str, *, refused: bool = False
    ) -> None:
        """Schedules the next attempt after a failed one.

        Args:
            deliveries: what was not sent.
            due: time of the next attempt, in seconds since 1970.
            reason: why, one line without identifiers.
            refused: whether it was a permanent refusal.
        """
        with self._database.transaction() as run:
            run.executemany(
                "UPDATE deliveries SET due = ?, reason = ?, attempts = attempts + 1, "
                "refusals = refusals + ? WHERE uid = ? AND target = ?",
                [(due, reason, int(refused), each.uid, each.target) for each in deliveries],
            )

    def retry(self, key: str) -> int:
        """Makes due what of an instance waits or has failed; returns how many results that are."""
        with self._database.transaction() as run:
            return run.execute(
                "UPDATE deliveries SET state = 'waiting', due = 0, refusals = 0, reason = NULL "
                "WHERE key = ? AND state IN ('waiting', 'failed')",
                (key,),
            ).rowcount

    def readdress(self, targets: Sequence[Target]) -> int:
        """Fits what waits to the targets that there are now; all of it is due at once.

        Returns:
            How many deliveries to targets that are no longer there were given up. Their results go
            to the targets that there are.
        """
        now, names = time.time(), [target.name for target in targets]
        with self._database.transaction() as run:
            kept = ", ".join("?" * len(names))
            gone = run.execute(
                f"DELETE FROM deliveries WHERE state = 'waiting' AND target NOT IN ({kept})",  # noqa: S608
                names,
            ).rowcount
            for target in targets:
                run.executemany(
                    "DELETE FROM deliveries WHERE state = 'waiting' AND target = ? AND kind = ?",
                    [(target.name, kind) for kind in KINDS if kind not in target.takes],
                )
                run.executemany(
                    "INSERT OR IGNORE INTO deliveries (uid, target, key, kind, state, made) "
                    "SELECT r.uid, ?, r.key, r.kind, 'waiting', ? FROM results r JOIN instances i "
                    "ON i.key = r.key WHERE i.state = 'classified' AND r.kind = ? "
                    "AND r.content IS i.content AND r.model IS i.model AND r.dropped = 0",
                    [(target.name, now, kind) for kind in target.takes],
                )
            run.execute("UPDATE deliveries SET due = 0 WHERE state = 'waiting' AND due > 0")
        return gone

    def results(self, key: str) -> list[str]:
        """Returns the UIDs of all results of an instance."""
        found = self._database.rows("SELECT uid FROM results WHERE key = ?", (key,))
        return [str(uid) for (uid,) in found]

    def last_report(self, key: str, new: str) -> tuple[str, str] | None:
        """Returns UID and place of the last report of an instance that a target may have.

        Args:
            key: key of the instance.
            new: UID of the report that replaces it.
        """
        found = self._database.rows(
            "SELECT uid, place FROM results WHERE key = ? AND kind = 'sr' AND uid != ? AND EXISTS "
            "(SELECT 1 FROM deliveries WHERE deliveries.uid = results.uid AND attempts > 0) "
            "ORDER BY made DESC LIMIT 1",
            (key, new),
        )
        return (str(found[0][0]), str(found[0][1])) if found else None

    def edition(self, key: str) -> int:
        """Returns how many reports of an instance were dropped."""
        return int(
            self._database.value(
                "SELECT count(*) FROM results WHERE key = ? AND kind = 'sr' AND dropped = 1", (key,)
            )
        )

    def is_result(self, uid: str) -> bool:
        """Returns whether a SOP Instance UID is that of one of our own results."""
        return self._database.value("SELECT 1 FROM results WHERE uid = ?", (uid,)) is not None

    def counts(self) -> dict[str, dict[str, int]]:
        """Returns the number of deliveries by target and state."""
        found: dict[str, dict[str, int]] = {}
        for target, state, count in self._database.rows(
            "SELECT target, state, count(*) FROM deliveries GROUP BY target, state"
        ):
            found.setdefault(target, {})[state] = int(count)
        return found

    def _find(self, where: str, values: Sequence[object]) -> list[Delivery]:
        rows = self._database.rows(f"SELECT {_COLUMNS} FROM deliveries {where}", values)  # noqa: S608
        return [Delivery(*row) for row in rows]
