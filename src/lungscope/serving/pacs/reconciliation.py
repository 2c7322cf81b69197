"""Fetches instances that reached Orthanc while this node was down, from its change log."""

import logging
import time
from collections import OrderedDict

from lungscope.errors import InvalidSetting
from lungscope.serving.pacs.conditions import ORTHANC
from lungscope.serving.pacs.node import STORED
from lungscope.serving.pacs.orthanc import OrthancClient, OrthancUnavailable, Unreadable
from lungscope.serving.pacs.orthanc_answers import Changes, NewInstance
from lungscope.serving.pacs.revisions import split_file
from lungscope.serving.pacs.settings import Backoff, Settings, Since
from lungscope.serving.pacs.source_image import is_uid
from lungscope.serving.pacs.spool import key_of
from lungscope.serving.pacs.store import Store
from lungscope.serving.pacs.unreadable import UnreadableInstances

log = logging.getLogger("lungscope.pacs")

MARK, LAST_CHANGE = "orthanc", "orthanc-last-change"
MODALITIES = ("CR", "DR", "DX")

_REMEMBERED = 100_000
"""Instances of other modalities that are remembered, so that a series is asked for once."""

_LATER = 60.0
"""Seconds after which a known instance that Orthanc stores anew is taken for a correction."""


class Reconciliation:
    """Fetches instances that an Orthanc has and this node has not; one thread may `step`.

    An instance that Orthanc cannot give is noted and tried again by itself; the others go on.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        """Prepares to query the Orthanc of the settings.

        Raises:
            InvalidSetting: the settings name none, or a bad address.
        """
        if settings.orthanc is None:
            raise InvalidSetting("Orthanc: give the address to reconcile with")
        self._client = OrthancClient(settings.orthanc, settings.limits.instance)
        self._store, self._own_title = store, settings.ae_title
        self._unreadable = UnreadableInstances(store.queue.database, settings.backoff)
        self._seconds, self._since = settings.orthanc.seconds, settings.orthanc.since
        self._backoff: Backoff = settings.backoff
        self._others: OrderedDict[str, None] = OrderedDict()
        self._failures, self._not_before, self._begun = 0, 0.0, False

    def close(self) -> None:
        """Closes the connections to Orthanc."""
        self._client.close()

    def step(self) -> int:
        """Reads a page of changes if it is time to; returns how many instances were fetched.

        Raises:
            OSError: the spool cannot be written; what was not stored is fetched again.
            sqlite3.Error: the queue cannot be written; as above.
        """
        conditions = self._store.queue.conditions
        if time.monotonic() < self._not_before or not conditions.may_try(ORTHANC):
            return 0
        try:
            if not self._begun:
                self._begin()
            again = sum(self._try_fetch(each) for each in self._unreadable.due())
            fetched, done = self._read_page()
        except OrthancUnavailable as error:
            self._failures += 1
            delay = max(self._seconds, self._backoff.delay(self._failures))
            conditions.fail(ORTHANC, str(error), time.time() + delay)
            log.warning("Orthanc: %s; retrying in %.0f s", error, delay)
            return 0
        self._failures = 0
        conditions.succeed(ORTHANC)
        self._not_before = time.monotonic() + (self._seconds if done else 0)
        return fetched + again

    def _begin(self) -> None:
        """Finds where to go on, or to begin at the first run, and says so."""
        queue = self._store.queue
        known, last = queue.mark(MARK), queue.conditions.of(ORTHANC)
        given = str(self._since) if self._since else None
        # What is given counts once: in a unit file it is given at every start.
        used = given is None or (last is not None and last.details.get("since") == given)
        if self._since is not None and not used:
            begin = self._first_change(self._since)
            queue.set_mark(LAST_CHANGE, self._client.fingerprint(begin))
            queue.set_mark(MARK, begin)
            log.info("Orthanc: begins after change %d (--since %s)", begin, self._since)
        elif known is not None:
            log.info("Orthanc: goes on after change %d", known)
        else:
            # A new spool: without --since only what arrives from now on is fetched, or years of
            # an archive would be classified.
            begin = self._save_position(self._client.latest(), 0)
            log.warning(
                "Orthanc: begins after change %d, which is now; what came before is not fetched "
                "(--since TIME or CHANGE, --backfill)",
                begin,
            )
        queue.conditions.describe(ORTHANC, since=given)
        self._begun = True

    def _first_change(self, since: Since) -> int:
        return self._client.change_at(since.time) if since.change is None else since.change

    def _read_page(self) -> tuple[int, bool]:
        """Returns how many instances of the next page were fetched, and whether it is the last."""
        since = self._store.queue.mark(MARK) or 0
        if self._was_reset(since):
            log.warning("Orthanc's change log was reset; re-reading all changes")
            since = 0
        page = self._client.changes(since)
        fetched = sum(self._try_fetch(each) for each in page.new_instances)
        # Only now: what is fetched twice is stored once, but what is skipped is lost.
        self._save_position(page, since)
        return fetched, page.done

    def _save_position(self, page: Changes, since: int) -> int:
        """Stores how far the changes are read, and the fingerprint of the last one."""
        last = max(page.last, since)
        if last != self._store.queue.mark(MARK):
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

    def _try_fetch(self, new: NewInstance) -> bool:
        """Fetches an instance if it is wanted; notes one that Orthanc cannot give."""
        try:
            fetched = self._fetch(new)
        except Unreadable as error:
            self._unreadable.note(new, str(error))
            return False
        self._unreadable.forget(new.identifier)
        return fetched

    def _fetch(self, new: NewInstance) -> bool:
        identifier = new.identifier
        if identifier in self._others:
            return False
        instance = self._client.instance(identifier)
        if instance is None or not is_uid(instance.uid) or self._is_current(instance.uid, new):
            return False
        if self._is_of_another_modality(identifier, instance.series):
            return False
        origin = self._client.origin(identifier)
        if origin.sender == self._own_title or origin.sop_class not in (*STORED, ""):
            return False
        content = self._client.file(identifier)
        if content is None or not self._store.receive(instance.uid, split_file(content)):
            return False
        log.info("%s fetched from Orthanc", key_of(instance.uid)[:12])
        return True

    def _is_current(self, uid: str, new: NewInstance) -> bool:
        """Returns whether an instance is known, and was not stored anew since it came."""
        if self._store.queue.deliveries.is_result(uid):
            return True
        entry = self._store.queue.get(key_of(uid))
        return entry is not None and new.stored < entry.received + _LATER

    def _is_of_another_modality(self, identifier: str, series: str) -> bool:
        """Returns whether a series is of no interest; then all its instances are passed over."""
        found = self._client.series(series)
        if found is None or found.modality in MODALITIES:
            return found is None
        for each in (identifier, *found.instances):
            self._others[each] = None
        while len(self._others) > _REMEMBERED:
            self._others.popitem(last=False)
        return True
