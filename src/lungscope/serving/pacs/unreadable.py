"""Instances that Orthanc has and cannot give: tried again by themselves, in the end given up."""

import logging
import time

from lungscope.serving.pacs.database import Database
from lungscope.serving.pacs.orthanc_answers import NewInstance
from lungscope.serving.pacs.settings import Backoff

log = logging.getLogger("lungscope.pacs")

MOST_READS = 10
"""Attempts to read an instance before it is given up: within an hour or two."""

_AT_ONCE = 10


class UnreadableInstances:
    """Instances that were passed over, in the file of a queue."""

    def __init__(self, database: Database, backoff: Backoff) -> None:
        """Takes an open file.

        Args:
            database: the file.
            backoff: delays between attempts.
        """
        self._database, self._backoff = database, backoff

    def due(self) -> list[NewInstance]:
        """Returns some of those that are due."""
        now = time.time()
        rows = self._database.rows(
            "SELECT identifier, stored FROM unreadable WHERE attempts < ? "
            "AND (due <= ? OR due > ?) ORDER BY due LIMIT ?",
            (MOST_READS, now, now + self._backoff.longest, _AT_ONCE),
        )
        return [NewInstance(*row) for row in rows]

    def note(self, new: NewInstance, reason: str) -> None:
        """Notes a failed attempt, and logs it with Orthanc's identifier of the instance."""
        with self._database.transaction() as run:
            query = "SELECT attempts FROM unreadable WHERE identifier = ?"
            attempts = 1 + (self._database.value(query, (new.identifier,)) or 0)
            delay = self._backoff.delay(attempts)
            run.execute(
                "INSERT OR REPLACE INTO unreadable VALUES (?, ?, ?, ?, ?)",
                (new.identifier, new.stored, attempts, time.time() + delay, reason),
            )
        if attempts >= MOST_READS:
            log.error(
                "Orthanc cannot give instance %s: %s; given up after %d attempts",
                *(new.identifier, reason, attempts),
            )
        else:
            log.warning(
                "Orthanc cannot give instance %s: %s; passed over, retrying in %.0f s",
                *(new.identifier, reason, delay),
            )

    def forget(self, identifier: str) -> None:
        """Removes an instance that is read, or no longer there."""
        query = "SELECT 1 FROM unreadable WHERE identifier = ?"
        if self._database.value(query, (identifier,)) is None:
            return
        with self._database.transaction() as run:
            run.execute("DELETE FROM unreadable WHERE identifier = ?", (identifier,))

    def retry_now(self) -> None:
        """Makes all due, also those that were given up."""
        with self._database.transaction() as run:
            run.execute("UPDATE unreadable SET attempts = 0, due = 0")

    def counts(self) -> tuple[int, int]:
        """Returns how many are tried again, and how many were given up."""
        rows = self._database.rows(
            "SELECT attempts >= ?, count(*) FROM unreadable GROUP BY 1", (MOST_READS,)
        )
        found = {bool(given_up): int(count) for given_up, count in rows}
        return found.get(False, 0), found.get(True, 0)
