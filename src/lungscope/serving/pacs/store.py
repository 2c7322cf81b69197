"""Stored instances: a file in the spool and a row in the queue, made consistent after a crash."""

import logging
import threading
from collections.abc import Sequence

from lungscope.serving.pacs.queue import Queue
from lungscope.serving.pacs.queue_entry import QueueEntry
from lungscope.serving.pacs.revisions import content_hash
from lungscope.serving.pacs.settings import Target
from lungscope.serving.pacs.spool import Spool, key_of

log = logging.getLogger("lungscope.pacs")

MOST_ATTEMPTS = 5
"""Attempts to classify an instance before it is marked as failed; its file is kept."""


class NoSpace(OSError):
    """The disk of the spool is nearly full."""


class Store:
    """Receives instances and removes them when they are done; threads of one process may share it.

    A file is put in place or removed within the transaction that changes its row, so that
    `pacs drop` in another process and this one never undo each other's work.

    Attributes:
        spool: the files.
        queue: the rows.
        targets: where results are to go.
    """

    def __init__(
        self,
        spool: Spool,
        queue: Queue,
        *,
        model: str,
        targets: tuple[Target, ...],
        free: int,
        keep: bool,
    ) -> None:
        """Makes a store; `recovery.recover` repairs what a crash left behind.

        Args:
            spool: the files, of a spool whose lock this process holds.
            queue: the rows.
            model: fingerprint of the classifying model; instances that another model answered are
                received again.
            targets: where results are to go.
            free: bytes to keep free on the disk.
            keep: whether the files of finished instances stay.
        """
        self.spool, self.queue, self.targets = spool, queue, targets
        self.keep = keep
        self._model, self._free = model, free
        self._lock = threading.Lock()

    def receive(self, instance: str, parts: Sequence[bytes | memoryview]) -> bool:
        """Stores an instance; when this returns it is on disk.

        The same data set under a known UID is not stored again while it waits or when this model
        has answered it, nor is one of our own results. Another data set under a known UID is a
        correction: it takes the place of the first, whose results are no longer sent.

        Args:
            instance: SOP Instance UID.
            parts: pieces of its file, in order; the last is its data set.

        Returns:
            Whether it will be classified; if not, or if it is a correction, the log says so.

        Raises:
            OSError: the disk is full, nearly so (`NoSpace`), or cannot be written.
            sqlite3.Error: the queue cannot be written.
        """
        key = key_of(instance)
        if self.queue.deliveries.is_result(instance):
            log.info("%s is a result of this node; not classified", key[:12])
            return False
        content = content_hash(parts[-1])
        if self._is_settled(key, content):
            return False
        if self.spool.free < self._free:
            raise NoSpace("the disk of the spool is nearly full")
        partial = self.spool.write_partial(parts)
        try:
            # Between the first look and this one, another association may have brought the same
            # instance; the slow part, writing, is done without the lock.
            with self._lock, self.queue.database.transaction():
                if self._is_settled(key, content):
                    return False
                earlier = self.queue.get(key)
                self.spool.accept(partial, key)
                self.queue.add(key, content)
        finally:
            partial.unlink(missing_ok=True)
        if earlier is not None and earlier.content not in (None, content):
            log.warning(
                "%s: the image has changed under its SOP Instance UID (revision %d); it is "
                "answered anew, under new UIDs",
                key[:12],
                earlier.revision + 1,
            )
        return True

    def is_known(self, instance: str) -> bool:
        """Returns whether an instance was ever stored, or is one of our own results."""
        found = self.queue.get(key_of(instance))
        return found is not None or self.queue.deliveries.is_result(instance)

    def refuse(self, entry: QueueEntry, reason: str) -> None:
        """Marks an instance as refused, which no model is asked about, and removes its file."""
        with self.queue.database.transaction():
            if self.queue.give_up(entry, "refused", reason):
                self._remove_files(entry.key)

    def fail(self, entry: QueueEntry, reason: str) -> None:
        """Marks an instance as failed; its file stays, so that someone can find out why."""
        self.queue.give_up(entry, "failed", reason)

    def settle(self, key: str) -> None:
        """Finishes an instance if none of its deliveries waits; files of what is sent go."""
        with self.queue.database.transaction():
            if self.queue.settle(key) == "sent":
                self._remove_files(key)

    def remove_finished(self, key: str) -> None:
        """Removes the files of a finished instance, unless they are to be kept."""
        with self.queue.database.transaction():
            self._remove_files(key)

    def _is_settled(self, key: str, content: str) -> bool:
        entry = self.queue.get(key)
        if entry is None or entry.content != content:
            return False
        if entry.state in ("received", "classified"):
            log.info("%s came again and is waiting already", key[:12])
            return True
        if entry.state == "sent" and entry.model == self._model:
            log.info("%s came again and is already answered", key[:12])
            return True
        return False

    def _remove_files(self, key: str) -> None:
        if not self.keep:
            self.spool.remove(key, self.queue.deliveries.results(key))
