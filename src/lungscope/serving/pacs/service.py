"""The whole of it: a node, classification, sending and reconciliation, started and stopped."""

import logging
import sqlite3
import threading
from collections.abc import Callable
from contextlib import ExitStack

from lungscope.serving.pacs.classification import Classification, ImageClassifier
from lungscope.serving.pacs.node import Node
from lungscope.serving.pacs.queue import FILE, Queue, unusable_queue
from lungscope.serving.pacs.reconciliation import Reconciliation
from lungscope.serving.pacs.sending import Sending
from lungscope.serving.pacs.settings import Settings
from lungscope.serving.pacs.spool import Spool, lock_spool
from lungscope.serving.pacs.store import Store
from lungscope.serving.pacs.uids import fingerprint

log = logging.getLogger("lungscope.pacs")

_IDLE = 1.0
"""Seconds until someone who was not called looks again: what was put off comes due uncalled."""

_AFTER_TROUBLE = 5.0


class Service:
    """Runs from when it is made until it is stopped.

    Each part works by itself on what the queue says, and calls the next; whatever ends the
    process, they find everything there again.
    """

    def __init__(self, settings: Settings, judge: ImageClassifier) -> None:
        """Starts all parts.

        Raises:
            LungscopeError: the spool is another process's or cannot be written, the port is
                taken, or certificates or an address cannot be used.
        """
        try:
            self._begin(settings, judge)
        except sqlite3.Error as error:
            raise unusable_queue(settings.spool / FILE, error) from error

    def _begin(self, settings: Settings, judge: ImageClassifier) -> None:
        spool = Spool(settings.spool)
        with ExitStack() as undo:  # of what fails half-way
            self._lock = lock_spool(settings.spool)
            undo.callback(self._lock.release)
            self._queue = Queue(settings.spool / FILE)
            undo.callback(self._queue.close)
            store = Store(
                spool,
                self._queue,
                model=fingerprint(judge.description),
                free=settings.limits.free,
                keep=settings.keep,
            )
            self._stopping = threading.Event()
            self._arrived, self._finished = threading.Event(), threading.Event()
            self._closing: list[Callable[[], None]] = []
            self._threads = self._parts(settings, judge, store)
            self._node = Node(settings, store, self._arrived.set)
            undo.pop_all()
        for thread in self._threads:
            thread.start()

    def _parts(
        self, settings: Settings, judge: ImageClassifier, store: Store
    ) -> list[threading.Thread]:
        classification = Classification(judge, store, settings.backoff, self._finished.set)
        parts = [
            self._thread(f"classifying-{number}", classification.step, self._arrived)
            for number in range(settings.workers)
        ]
        parts.append(self._thread("sending", Sending(settings, store).step, self._finished))
        if settings.orthanc is not None:
            reconciliation = Reconciliation(settings, store)
            self._closing.append(reconciliation.close)
            fetched = self._announcing(reconciliation.step)
            parts.append(self._thread("reconciling", fetched, threading.Event()))
        return parts

    @property
    def port(self) -> int:
        """Where the node listens."""
        return self._node.port

    def stop(self) -> None:
        """Stops to listen, ends what is in the middle of a step, and leaves the rest on disk."""
        self._node.stop()
        self._stopping.set()
        self._arrived.set()
        self._finished.set()
        for thread in self._threads:
            thread.join()
        for close in self._closing:
            close()
        self._queue.close()
        self._lock.release()

    def _announcing(self, step: Callable[[], bool]) -> Callable[[], bool]:
        def announced() -> bool:
            taken = step()
            if taken:
                self._arrived.set()
            return taken

        return announced

    def _thread(
        self, name: str, step: Callable[[], bool], called: threading.Event
    ) -> threading.Thread:
        def work() -> None:
            while not self._stopping.is_set():
                if self._idle_after(step, name) and not self._stopping.is_set():
                    called.wait(_IDLE)
                    called.clear()

        return threading.Thread(target=work, name=name)

    def _idle_after(self, step: Callable[[], bool], name: str) -> bool:
        """Takes a step, and waits after trouble; whether there is nothing to do now."""
        try:
            return not step()
        except (OSError, sqlite3.Error) as error:  # a disk that is full, or gone
            log.warning("%s waits: %s", name, type(error).__name__)
        # Told by its class alone, for its words may quote a file.
        except Exception as error:
            log.critical("%s met a fault of lungscope itself: %s", name, type(error).__name__)
        self._stopping.wait(_AFTER_TROUBLE)
        return False
