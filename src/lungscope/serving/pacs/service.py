"""Runs the DICOM node and its workers: classification, sending and reconciliation."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

from lungscope.serving.pacs.classification import Classification, ImageClassifier
from lungscope.serving.pacs.conditions import LISTENER, ORTHANC
from lungscope.serving.pacs.database import unusable_queue
from lungscope.serving.pacs.metrics import MetricsServer, NodeMetrics
from lungscope.serving.pacs.node import Node
from lungscope.serving.pacs.queue import FILE, Queue
from lungscope.serving.pacs.reconciliation import Reconciliation
from lungscope.serving.pacs.recovery import recover
from lungscope.serving.pacs.result_attributes import fingerprint
from lungscope.serving.pacs.sending import Sending
from lungscope.serving.pacs.settings import Settings
from lungscope.serving.pacs.spool import Spool, lock_spool
from lungscope.serving.pacs.status import CERTIFICATE_DAYS, Status
from lungscope.serving.pacs.store import Store

log = logging.getLogger("lungscope.pacs")

_IDLE = 1.0
"""Seconds after which an idle worker looks again, since nothing wakes it when a delay is over."""

_LONGEST_STOP = 20.0
"""Seconds that the workers have to finish their steps: a target may hang."""

_AFTER_TROUBLE, _HEARTBEAT = 5.0, 15.0


class Service:
    """A node with its workers, which runs from its construction until it is stopped.

    The workers share nothing but the queue: each does what is due there and wakes the next. So
    whatever ends the process, the next one continues where it stopped.
    """

    def __init__(self, settings: Settings, classifier: ImageClassifier) -> None:
        """Starts the node and the workers.

        Args:
            settings: configuration of the node.
            classifier: classifies the radiographs.

        Raises:
            LungscopeError: the spool is another process's or cannot be written, the port is
                taken, or certificates or an address cannot be used.
        """
        try:
            self._begin(settings, classifier)
        except sqlite3.Error as error:
            raise unusable_queue(settings.spool / FILE, error) from error

    def _begin(self, settings: Settings, classifier: ImageClassifier) -> None:
        with ExitStack() as undo:  # if a later step fails
            # before anything else: another process may be writing the files of this spool
            self._lock = lock_spool(settings.spool)
            undo.callback(self._lock.release)
            spool = Spool(settings.spool)
            self._queue = Queue(
                settings.spool / FILE, migrate=True, longest=settings.backoff.longest
            )
            undo.callback(self._queue.close)
            store = Store(
                spool,
                self._queue,
                model=fingerprint(classifier.description),
                targets=settings.targets,
                free=settings.limits.free,
                keep=settings.keep,
            )
            recover(store)
            self._stopping = threading.Event()
            self._arrived = threading.Event()
            self._finished = {target: threading.Event() for target in settings.targets}
            self._closing: list[Callable[[], None]] = []
            self._metrics = NodeMetrics(classifier.description, self._read_status)
            self._metrics_server = None
            if settings.metrics_port is not None:
                self._metrics_server = MetricsServer(
                    settings.metrics_port, self._metrics, self._read_status
                )
                undo.callback(self._metrics_server.close)
            self._threads = self._workers(settings, classifier, store)
            self._node = Node(settings, store, self._note_arrival)
            self._queue.conditions.describe(
                LISTENER,
                ae_title=settings.ae_title,
                address=f"{settings.host} port {self._node.port}",
                certificate_expires=_check_certificate(settings),
            )
            undo.pop_all()
        for thread in self._threads:
            thread.start()

    def _workers(
        self, settings: Settings, classifier: ImageClassifier, store: Store
    ) -> list[threading.Thread]:
        classification = Classification(
            classifier,
            store,
            settings.backoff,
            self._wake_sending,
            self._metrics.count_answer,
        )
        parts = [
            self._thread(f"classifying-{number}", classification.step, self._arrived)
            for number in range(settings.workers)
        ]
        # One thread for each target: none waits for another that hangs.
        parts.extend(
            self._thread(f"sending to {target.name}", Sending(settings, target, store).step, wake)
            for target, wake in self._finished.items()
        )
        parts.append(self._thread("watching", self._watch, threading.Event()))
        if settings.orthanc is None:
            self._queue.conditions.forget(ORTHANC)
        else:
            reconciliation = Reconciliation(settings, store)
            self._closing.append(reconciliation.close)
            fetched = self._announcing(reconciliation.step)
            parts.append(self._thread("reconciling", fetched, threading.Event()))
        return parts

    @property
    def port(self) -> int:
        """TCP port that the node listens on."""
        return self._node.port

    @property
    def metrics_port(self) -> int | None:
        """TCP port of the metrics; None without."""
        return None if self._metrics_server is None else self._metrics_server.port

    def stop(self) -> None:
        """Stops listening, finishes the steps in progress, and leaves the rest on disk.

        It takes half a minute at most; a step that hangs is left behind.
        """
        self._node.stop()
        self._stopping.set()
        self._arrived.set()
        self._wake_sending()
        until = time.monotonic() + _LONGEST_STOP
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():  # what is on disk goes on at the next start, as after a crash
                log.warning("%s does not end and is left behind", thread.name)
        if self._metrics_server is not None:
            self._metrics_server.close()
        for close in self._closing:
            close()
        self._queue.close()
        self._lock.release()

    def _watch(self) -> bool:
        """Notes whether the node listens, for `pacs status`."""
        if self._node.is_listening:
            self._queue.conditions.succeed(LISTENER)
        else:
            self._queue.conditions.fail(LISTENER, "it accepts no connections", 0)
        self._stopping.wait(_HEARTBEAT)
        return True

    def _wake_sending(self) -> None:
        for event in self._finished.values():
            event.set()

    def _note_arrival(self, count: int = 1) -> None:
        self._metrics.received.inc(count)
        self._arrived.set()

    def _read_status(self) -> Status:
        return Status.read(self._queue, running=True)

    def _announcing(self, step: Callable[[], int]) -> Callable[[], bool]:
        def announced() -> bool:
            taken = step()
            if taken:
                self._note_arrival(taken)
            return taken > 0

        return announced

    def _thread(
        self, name: str, step: Callable[[], bool], called: threading.Event
    ) -> threading.Thread:
        def work() -> None:
            while not self._stopping.is_set():
                if self._idle_after(step, name) and not self._stopping.is_set():
                    called.wait(_IDLE)
                    called.clear()

        return threading.Thread(target=work, name=name, daemon=True)

    def _idle_after(self, step: Callable[[], bool], name: str) -> bool:
        """Takes a step, waits after an error, and returns whether there is nothing to do now."""
        try:
            return not step()
        except (OSError, sqlite3.Error) as error:  # a disk that is full or gone
            log.warning("%s: waiting after %s", name, type(error).__name__)
        # Only the class is logged: the message may quote a file.
        except Exception as error:
            log.critical("%s: internal error: %s", name, type(error).__name__)
        self._stopping.wait(_AFTER_TROUBLE)
        return False


def _check_certificate(settings: Settings) -> float | None:
    """Logs until when the node's certificate is good, and returns it; None without TLS."""
    tls = settings.tls or settings.send_tls
    if tls is None:
        return None
    days = (tls.expires - time.time()) / 86400
    when = time.strftime("%Y-%m-%d", time.localtime(tls.expires))
    if days <= 0:
        log.error("TLS: the certificate of this node expired on %s; peers refuse it", when)
    elif days < CERTIFICATE_DAYS:
        log.warning("TLS: the certificate of this node expires on %s, in %.0f days", when, days)
    else:
        log.info("TLS: the certificate of this node is good until %s", when)
    return tls.expires
