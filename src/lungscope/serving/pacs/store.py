"""Stored instances: a file in the spool and a row in the queue, made consistent after a crash."""

import logging
import threading
from collections.abc import Iterable

from lungscope.serving.pacs.queue import Queue
from lungscope.serving.pacs.spool import Spool, key_of

log = logging.getLogger("lungscope.pacs")

MOST_ATTEMPTS = 5
"""Attempts to classify an instance before it is marked as failed; its file is kept."""


class NoSpace(OSError):
    """The disk of the spool is nearly full."""


class Store:
    """Receives instances and removes them when they are done; threads of one process may share it.

    Attributes:
        spool: the files.
        queue: the rows.
    """

    def __init__(self, spool: Spool, queue: Queue, *, model: str, free: int, keep: bool) -> None:
        """Makes a store and repairs what a crash left behind.

        Args:
            spool: the files, of a spool whose lock this process holds.
            queue: the rows.
            model: fingerprint of the classifying model; instances that another model answered are
                received again.
            free: bytes to keep free on the disk.
            keep: whether the files of finished instances stay.
        """
        self.spool, self.queue = spool, queue
        self._model, self._free, self._keep = model, free, keep
        self._lock = threading.Lock()
        self._recover()

    def receive(self, instance: str, parts: Iterable[bytes | memoryview]) -> bool:
        """Stores an instance; when this returns it is on disk.

        An instance that is waiting or was answered by this model is not stored again, nor is one of
        our own results. One that was refused, failed or answered by another model is.

        Args:
            instance: SOP Instance UID.
            parts: pieces of its file, in order.

        Returns:
            Whether it will be classified.

        Raises:
            OSError: the disk is full, nearly so (`NoSpace`), or cannot be written.
            sqlite3.Error: the queue cannot be written.
        """
        key = key_of(instance)
        if self._is_settled(key) or self.queue.is_result(instance):
            return False
        if self.spool.free < self._free:
            raise NoSpace("the disk of the spool is nearly full")
        partial = self.spool.write_partial(parts)
        with self._lock:
            # Between the first look and this one, another association may have brought the same
            # instance; the slow part, writing, is done without the lock.
            if self._is_settled(key):
                partial.unlink()
                return False
            self.spool.accept(partial, key)
            self.queue.add(key)
        return True

    def is_known(self, instance: str) -> bool:
        """Returns whether an instance was ever stored, or is one of our own results."""
        return self.queue.get(key_of(instance)) is not None or self.queue.is_result(instance)

    def refuse(self, key: str, reason: str) -> None:
        """Marks an instance as refused, which no model is asked about, and removes its file."""
        with self._lock:
            self.queue.set_state(key, "refused", reason)
            self._remove_files(key)

    def fail(self, key: str, reason: str) -> None:
        """Marks an instance as failed; its file stays, so that someone can find out why."""
        with self._lock:
            self.queue.set_state(key, "failed", reason)

    def mark_sent(self, key: str) -> None:
        """Marks the results of an instance as sent, and removes its files."""
        with self._lock:
            self.queue.set_state(key, "sent")
            self._remove_files(key)

    def _is_settled(self, key: str) -> bool:
        entry = self.queue.get(key)
        if entry is None:
            return False
        if entry.state in ("received", "classified"):
            return True
        return entry.state == "sent" and entry.model == self._model

    def _remove_files(self, key: str) -> None:
        if not self._keep:
            self.spool.remove(key)

    def _recover(self) -> None:
        self.spool.remove_partials()
        for key in self.queue.release_claims(MOST_ATTEMPTS):
            log.error("%s failed: its classification crashed %d times", key[:12], MOST_ATTEMPTS)
        there = self.spool.keys()
        for key in there:
            entry = self.queue.get(key)
            if entry is None:  # on disk, but its row was not: it was never acknowledged
                self.queue.add(key)
            elif entry.state in ("sent", "refused"):
                self._remove_files(key)
        for entry in self.queue.in_state("received"):
            if entry.key not in there:
                self.queue.set_state(entry.key, "failed", "its file is missing from the spool")
        for entry in self.queue.in_state("classified"):
            if not self.spool.results(entry.key):
                again = entry.key in there
                self.queue.set_state(
                    entry.key,
                    "received" if again else "failed",
                    None if again else "its results are missing from the spool",
                )
