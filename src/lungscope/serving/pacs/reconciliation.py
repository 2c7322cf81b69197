"""What came to Orthanc while this node was down: its changes, read from where they were left."""

import logging
import time

from lungscope.errors import LungscopeError
from lungscope.serving.pacs.node import STORED
from lungscope.serving.pacs.orthanc import Changes, OrthancClient, OrthancUnavailable, TooLarge
from lungscope.serving.pacs.settings import Backoff, Settings
from lungscope.serving.pacs.source_image import is_uid
from lungscope.serving.pacs.store import Store
from lungscope.serving.pacs.uids import key_of

log = logging.getLogger("lungscope.pacs")

MARK, LAST_CHANGE = "orthanc", "orthanc-last-change"
MODALITIES = ("CR", "DR", "DX")


class Reconciliation:
    """Fetches what an Orthanc has and this node has not; one thread may `step`."""

    def __init__(self, settings: Settings, store: Store) -> None:
        """Takes the Orthanc from the settings.

        Raises:
            LungscopeError: there is none in them, or its address is none.
        """
        if settings.orthanc is None:
            raise LungscopeError("--orthanc: give the address to reconcile with")
        self._client = OrthancClient(settings.orthanc, settings.limits.instance)
        self._store, self._own_title = store, settings.ae_title
        self._seconds, self._backfill = settings.orthanc.seconds, settings.orthanc.backfill
        self._backoff: Backoff = settings.backoff
        if self._backfill and store.queue.mark(MARK) is not None:
            log.warning(
                "--backfill does nothing: Orthanc's changes were read from this spool before"
            )
        self._failures, self._not_before = 0, 0.0

    def close(self) -> None:
        """Closes the connections to Orthanc."""
        self._client.close()

    def step(self) -> bool:
        """Asks if it is time to; False where nothing was taken in.

        Raises:
            OSError: the spool cannot be written; what was not taken in is asked for again.
            sqlite3.Error: as well.
        """
        if time.monotonic() < self._not_before:
            return False
        try:
            taken, done = self._page()
        except OrthancUnavailable as error:
            self._failures += 1
            delay = max(self._seconds, self._backoff.delay(self._failures))
            self._not_before = time.monotonic() + delay
            log.warning("Orthanc: %s; again in %.0f s", error, delay)
            return False
        self._failures = 0
        self._not_before = time.monotonic() + (self._seconds if done else 0)
        return taken > 0

    def _page(self) -> tuple[int, bool]:
        """Reads a page of changes: how many instances were taken in, and whether it is the last."""
        queue = self._store.queue
        since = queue.mark(MARK)
        if since is None:
            since = 0
            if self._backfill:
                queue.set_mark(MARK, since)
            else:
                since = self._noted(self._client.latest(), since)
        elif self._counts_anew(since):
            log.warning("Orthanc counts its changes anew: all of them are read")
            since = 0
        page = self._client.changes(since)
        taken = sum(self._taken(identifier) for identifier in page.new_instances)
        # Only now: what is fetched twice is taken once, and what is skipped is lost.
        self._noted(page, since)
        return taken, page.done

    def _noted(self, page: Changes, since: int) -> int:
        """Keeps how far the changes are read, and by what the last one is known again."""
        last = max(page.last, since)
        self._store.queue.set_mark(MARK, last)
        if page.fingerprint is not None:
            self._store.queue.set_mark(LAST_CHANGE, page.fingerprint)
        return last

    def _counts_anew(self, since: int) -> bool:
        """Whether its changes are not those of before: another database, or it was emptied."""
        if self._client.latest().last < since:
            return True
        before, now = self._store.queue.mark(LAST_CHANGE), self._client.fingerprint(since)
        return before is not None and now is not None and before != now

    def _taken(self, identifier: str) -> bool:
        arrival = self._client.arrival(identifier)
        if arrival is None or arrival.sender == self._own_title:
            return False
        if arrival.sop_class not in STORED or arrival.modality not in MODALITIES:
            return False
        if not is_uid(arrival.instance) or self._store.known(arrival.instance):
            return False
        key = key_of(arrival.instance)[:12]
        try:
            content = self._client.file(identifier)
        except TooLarge as error:
            log.warning("%s not fetched from Orthanc: %s", key, error)
            return False
        if content is None or not self._store.take(arrival.instance, [content]):
            return False
        log.info("%s fetched from Orthanc", key)
        return True
