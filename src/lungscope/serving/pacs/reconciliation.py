"""Fetches instances that reached Orthanc while this node was down, from its change log."""

import logging
import time

from lungscope.errors import InvalidSetting
from lungscope.serving.pacs.node import STORED
from lungscope.serving.pacs.orthanc import Changes, OrthancClient, OrthancUnavailable, TooLarge
from lungscope.serving.pacs.revisions import split_file
from lungscope.serving.pacs.settings import Backoff, Settings
from lungscope.serving.pacs.source_image import is_uid
from lungscope.serving.pacs.spool import key_of
from lungscope.serving.pacs.store import Store

log = logging.getLogger("lungscope.pacs")

MARK, LAST_CHANGE = "orthanc", "orthanc-last-change"
MODALITIES = ("CR", "DR", "DX")


class Reconciliation:
    """Fetches instances that an Orthanc has and this node has not; one thread may `step`."""

    def __init__(self, settings: Settings, store: Store) -> None:
        """Prepares to query the Orthanc of the settings.

        Raises:
            InvalidSetting: the settings name none, or a bad address.
        """
        if settings.orthanc is None:
            raise InvalidSetting("Orthanc: give the address to reconcile with")
        self._client = OrthancClient(settings.orthanc, settings.limits.instance)
        self._store, self._own_title = store, settings.ae_title
        self._seconds, self._backfill = settings.orthanc.seconds, settings.orthanc.backfill
        self._backoff: Backoff = settings.backoff
        if self._backfill and store.queue.mark(MARK) is not None:
            log.warning(
                "--backfill has no effect: Orthanc's changes were already read into this spool"
            )
        self._failures, self._not_before = 0, 0.0

    def close(self) -> None:
        """Closes the connections to Orthanc."""
        self._client.close()

    def step(self) -> bool:
        """Reads a page of changes if it is time to; returns False if nothing was fetched.

        Raises:
            OSError: the spool cannot be written; what was not stored is fetched again.
            sqlite3.Error: the queue cannot be written; as above.
        """
        if time.monotonic() < self._not_before:
            return False
        try:
            fetched, done = self._read_page()
        except OrthancUnavailable as error:
            self._failures += 1
            delay = max(self._seconds, self._backoff.delay(self._failures))
            self._not_before = time.monotonic() + delay
            log.warning("Orthanc: %s; retrying in %.0f s", error, delay)
            return False
        self._failures = 0
        self._not_before = time.monotonic() + (self._seconds if done else 0)
        return fetched > 0

    def _read_page(self) -> tuple[int, bool]:
        """Returns how many instances of the next page were fetched, and whether it is the last."""
        queue = self._store.queue
        since = queue.mark(MARK)
        if since is None:
            since = 0
            # A new spool: without --backfill only what arrives from now on is fetched, or years of
            # an archive would be classified.
            if self._backfill:
                queue.set_mark(MARK, since)
            else:
                since = self._save_position(self._client.latest(), since)
        elif self._was_reset(since):
            log.warning("Orthanc's change log was reset; re-reading all changes")
            since = 0
        page = self._client.changes(since)
        fetched = sum(self._fetch(identifier) for identifier in page.new_instances)
        # Only now: what is fetched twice is stored once, but what is skipped is lost.
        self._save_position(page, since)
        return fetched, page.done

    def _save_position(self, page: Changes, since: int) -> int:
        """Stores how far the changes are read, and the fingerprint of the last one."""
        last = max(page.last, since)
        self._store.queue.set_mark(MARK, last)
        if page.fingerprint is not None:
            self._store.queue.set_mark(LAST_CHANGE, page.fingerprint)
        return last

    def _was_reset(self, since: int) -> bool:
        """Returns whether the change log is of another database, or of one that was emptied."""
        # Numbers begin again in a new database, so ours may lie beyond its end, or be that of
        # another change.
        if self._client.latest().last < since:
            return True
        before, now = self._store.queue.mark(LAST_CHANGE), self._client.fingerprint(since)
        return before is not None and now is not None and before != now

    def _fetch(self, identifier: str) -> bool:
        arrival = self._client.arrival(identifier)
        if arrival is None or arrival.sender == self._own_title:
            return False
        if arrival.sop_class not in STORED or arrival.modality not in MODALITIES:
            return False
        if not is_uid(arrival.instance) or self._store.is_known(arrival.instance):
            return False
        key = key_of(arrival.instance)[:12]
        try:
            content = self._client.file(identifier)
        except TooLarge as error:
            log.warning("%s not fetched from Orthanc: %s", key, error)
            return False
        if content is None or not self._store.receive(arrival.instance, split_file(content)):
            return False
        log.info("%s fetched from Orthanc", key)
        return True
