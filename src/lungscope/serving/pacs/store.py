"""Instances kept: a file and its row, one never without the other for longer than a crash."""

import logging
import threading
from collections.abc import Iterable

from lungscope.serving.pacs.queue import Queue
from lungscope.serving.pacs.spool import Spool
from lungscope.serving.pacs.uids import key_of

log = logging.getLogger("lungscope.pacs")

MOST_ATTEMPTS = 5
"""To classify an instance; then it is failed, and kept."""


class NoSpace(OSError):
    """The disk of the spool is nearly full."""


class Store:
    """Takes instances in and lets them go. Several threads may use it, of one process.

    Attributes:
        spool: where the files are.
        queue: where the rows are.
    """

    def __init__(self, spool: Spool, queue: Queue, *, model: str, free: int, keep: bool) -> None:
        """Makes a store and puts in order what a crash left.

        Args:
            spool: of files.
            queue: of rows.
            model: fingerprint of the model that answers; what another one answered may come again.
            free: bytes that stay free on the disk.
            keep: whether files of what is done stay.
        """
        self.spool, self.queue = spool, queue
        self._model, self._free, self._keep = model, free, keep
        self._lock = threading.Lock()
        self._recover()

    def take(self, instance: str, parts: Iterable[bytes | memoryview]) -> bool:
        """Takes an instance in; when this returns it is on disk.

        What is waiting already, or was answered by this model, is not taken again; nor is a result
        of ours. What was refused, failed, or answered by another model, is.

        Args:
            instance: its SOP Instance UID.
            parts: of its file, in order.

        Returns:
            Whether it is to be classified.

        Raises:
            OSError: the disk is full, nearly so (`NoSpace`), or cannot be written.
            sqlite3.Error: the queue cannot be written.
        """
        key = key_of(instance)
        if self._settled(key) or self.queue.is_result(instance):
            return False
        if self.spool.free < self._free:
            raise NoSpace("the disk of the spool is nearly full")
        partial = self.spool.write_partial(parts)
        with self._lock:
            if self._settled(key):  # it came twice at once
                partial.unlink()
                return False
            self.spool.accept(partial, key)
            self.queue.add(key)
        return True

    def known(self, instance: str) -> bool:
        """Whether an instance was ever taken in, or is a result of ours."""
        return self.queue.get(key_of(instance)) is not None or self.queue.is_result(instance)

    def refuse(self, key: str, reason: str) -> None:
        """Notes that no model is asked about an instance, and lets its file go."""
        with self._lock:
            self.queue.moved(key, "refused", reason)
            self._let_go(key)

    def fail(self, key: str, reason: str) -> None:
        """Gives an instance up; its file stays, for someone to find out why."""
        with self._lock:
            self.queue.moved(key, "failed", reason)

    def sent(self, key: str) -> None:
        """Notes that the results are where they belong, and lets the files go."""
        with self._lock:
            self.queue.moved(key, "sent")
            self._let_go(key)

    def _settled(self, key: str) -> bool:
        entry = self.queue.get(key)
        if entry is None:
            return False
        if entry.state in ("received", "classified"):
            return True
        return entry.state == "sent" and entry.model == self._model

    def _let_go(self, key: str) -> None:
        if not self._keep:
            self.spool.remove(key)

    def _recover(self) -> None:
        for key in self.queue.release_claims(MOST_ATTEMPTS):
            log.error("%s failed: lungscope ended %d times over it", key[:12], MOST_ATTEMPTS)
        there = self.spool.keys()
        for key in there:
            entry = self.queue.get(key)
            if entry is None:  # on disk, but its row was not: it was never acknowledged
                self.queue.add(key)
            elif entry.state in ("sent", "refused"):
                self._let_go(key)
        for entry in self.queue.in_state("received"):
            if entry.key not in there:
                self.queue.moved(entry.key, "failed", "its file is gone from the spool")
        for entry in self.queue.in_state("classified"):
            if not self.spool.results(entry.key):
                again = entry.key in there
                self.queue.moved(
                    entry.key,
                    "received" if again else "failed",
                    None if again else "its results are gone from the spool",
                )
