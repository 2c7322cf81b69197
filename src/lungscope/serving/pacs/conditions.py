"""How the parts of a node fare: each target and reconciliation, as `pacs status` shows it."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lungscope.serving.pacs.database import Database

LISTENER, ORTHANC = "listener", "Orthanc"
PARTS = (LISTENER, ORTHANC)
"""Parts of a node other than its targets, which have the names of theirs."""

_COLUMNS = "name, good, bad, error, due, details"


@dataclass(frozen=True)
class Condition:
    """How a part fares.

    Attributes:
        name: the part.
        good: time of its last success, in seconds since 1970; None before the first.
        bad: since when it fails; None if its last attempt succeeded.
        error: why the last attempt failed, one line without identifiers.
        due: earliest time of the next attempt, in seconds since 1970.
        details: what else is known of it.
    """

    name: str
    good: float | None
    bad: float | None
    error: str | None
    due: float
    details: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object, without the name."""
        return {
            "last_success": self.good,
            "failing_since": self.bad,
            "error": self.error,
            **self.details,
        }


class Conditions:
    """Conditions in the file of a queue."""

    def __init__(self, database: Database, longest: float) -> None:
        """Takes an open file.

        Args:
            database: the file.
            longest: longest delay of an attempt, seconds.
        """
        self._database, self._longest = database, longest

    def describe(self, name: str, **details: Any) -> None:
        """Notes facts about a part."""
        with self._database.transaction() as run:
            known = self.of(name)
            merged = {**(known.details if known else {}), **details}
            run.execute(
                "INSERT INTO conditions (name, details) VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET details = excluded.details",
                (name, json.dumps(merged)),
            )

    def succeed(self, name: str) -> None:
        """Notes a success."""
        with self._database.transaction() as run:
            run.execute(
                "INSERT INTO conditions (name, good) VALUES (?, ?) ON CONFLICT (name) DO UPDATE "
                "SET good = excluded.good, bad = NULL, error = NULL, due = 0",
                (name, time.time()),
            )

    def fail(self, name: str, error: str, due: float) -> None:
        """Notes a failure.

        Args:
            name: the part.
            error: why, one line without identifiers.
            due: earliest time of the next attempt, in seconds since 1970.
        """
        with self._database.transaction() as run:
            run.execute(
                "INSERT INTO conditions (name, bad, error, due) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (name) DO UPDATE SET bad = coalesce(bad, excluded.bad), "
                "error = excluded.error, due = excluded.due",
                (name, time.time(), error, due),
            )

    def may_try(self, name: str) -> bool:
        """Returns whether the next attempt of a part is due."""
        known, now = self.of(name), time.time()
        return known is None or known.due <= now or known.due > now + self._longest

    def retry_now(self) -> None:
        """Makes the next attempt of every part due."""
        with self._database.transaction() as run:
            run.execute("UPDATE conditions SET due = 0 WHERE due > 0")

    def forget(self, name: str) -> None:
        """Removes a part that there is no longer."""
        with self._database.transaction() as run:
            run.execute("DELETE FROM conditions WHERE name = ?", (name,))

    def of(self, name: str) -> Condition | None:
        """Returns the condition of a part; None if nothing is known."""
        return self.all().get(name)

    def all(self) -> dict[str, Condition]:
        """Returns all conditions, by name."""
        rows = self._database.rows(f"SELECT {_COLUMNS} FROM conditions ORDER BY name")  # noqa: S608
        return {
            name: Condition(name, good, bad, error, due, json.loads(details))
            for name, good, bad, error, due, details in rows
        }
