"""Classifies the instances in the spool and writes their results there."""

import logging
import time
from collections.abc import Callable
from io import BytesIO
from typing import Protocol

from pydicom import dcmwrite
from pydicom.dataset import Dataset

from lungscope.errors import UnreadableImage
from lungscope.images import CHEST_RADIOGRAPHS, Radiograph, read_content
from lungscope.inference.description import Description
from lungscope.inference.prediction import Prediction
from lungscope.serving.pacs.deliveries import Result
from lungscope.serving.pacs.queue_entry import QueueEntry
from lungscope.serving.pacs.result_attributes import ResultUids, fingerprint
from lungscope.serving.pacs.revisions import ReportPlace, content_hash, split_file
from lungscope.serving.pacs.secondary_capture import explain_answer, secondary_capture
from lungscope.serving.pacs.settings import Backoff, Kind
from lungscope.serving.pacs.source_image import MissingIdentifiers, SourceImage
from lungscope.serving.pacs.spool import key_of
from lungscope.serving.pacs.store import MOST_ATTEMPTS, Store
from lungscope.serving.pacs.structured_report import structured_report

log = logging.getLogger("lungscope.pacs")

_WAIT_FOR_DISK = 30.0


class ImageClassifier(Protocol):
    """Classifies a radiograph, as `inference.classifier.Classifier` does."""

    @property
    def description(self) -> Description:
        """Description of the model."""
        ...

    def classify(self, radiograph: Radiograph) -> Prediction:
        """Returns the prediction for a radiograph."""
        ...


class Classification:
    """Classifies the instances of a store; several threads may `step`.

    An instance that the model is not asked about is refused: another modality, body part or view, a
    colour image, a damaged one, or one without the identifiers that a result must refer to.
    """

    def __init__(
        self,
        classifier: ImageClassifier,
        store: Store,
        backoff: Backoff,
        on_results: Callable[[], None],
        on_answer: Callable[[Prediction, float], None] = lambda *_: None,
    ) -> None:
        """Prepares for `step`.

        Args:
            classifier: classifies the radiographs.
            store: instances to classify.
            backoff: delays after failed attempts.
            on_results: called when there are results to send.
            on_answer: called with each answer and the seconds that it took.
        """
        self._classifier, self._store, self._backoff = classifier, store, backoff
        self._on_results, self._on_answer = on_results, on_answer
        self._model = fingerprint(classifier.description)

    def step(self) -> bool:
        """Classifies the next instance; returns False if there is none.

        Raises:
            sqlite3.Error: the queue cannot be written.
        """
        entry = self._store.queue.claim()
        if entry is None:
            return False
        try:
            self._classify(entry)
        except (UnreadableImage, MissingIdentifiers) as error:
            reason = error.reason if isinstance(error, UnreadableImage) else str(error)
            self._store.refuse(entry, reason)
            log.info("%s refused: %s", entry.key[:12], reason)
        except OSError as error:  # a full disk is not the instance's fault
            if self._is_current(entry):
                self._reschedule(entry, _WAIT_FOR_DISK, error.strerror or "unwritable", attempts=-1)
        # A decoder may panic, which is not an Exception, or run out of memory. Its message may
        # quote the file, so only the name of its class is kept.
        except BaseException as error:
            self._attempt_failed(entry, type(error).__name__)
        return True

    def _classify(self, entry: QueueEntry) -> None:
        started = time.perf_counter()
        content = self._store.spool.image(entry.key).read_bytes()
        # This name is drawn on the Secondary Capture: it is the one in the log and in `status`.
        radiograph = read_content(content, f"instance {entry.key[:12]}", CHEST_RADIOGRAPHS)
        source = SourceImage.of(content)
        if key_of(source.sop_instance) != entry.key:
            raise MissingIdentifiers("its SOP Instance UID differs from that of the request")
        prediction = self._classifier.classify(radiograph)
        explanation = explain_answer(radiograph, prediction)
        spool, deliveries = self._store.spool, self._store.queue.deliveries
        uids = ResultUids.of(
            source.sop_instance,
            source.series,
            self._model,
            content=content_hash(split_file(content)[1]),
            edition=deliveries.edition(entry.key),
        )
        place = ReportPlace(uids.report, uids.report_series, source.study)
        results = [Result(uids.report, "sr", place.seal(source.sop_instance))]
        report = structured_report(
            prediction, source, uids, explanation, self._predecessor(entry, source, uids)
        )
        spool.write_result(uids.report, _encoded(report))
        if explanation is not None and self._is_wanted("picture"):
            capture = secondary_capture(radiograph, explanation, source, uids)
            spool.write_result(uids.capture, _encoded(capture))
            results.append(Result(uids.capture, "picture"))
        if not self._store.queue.set_classified(entry, self._model, results, self._store.targets):
            log.info("%s was dropped or corrected meanwhile; answer discarded", entry.key[:12])
            return
        seconds = time.perf_counter() - started
        log.info("%s classified in %.2f s", entry.key[:12], seconds)
        self._on_answer(prediction, seconds)
        self._store.settle(entry.key)  # no target may take what there is
        self._on_results()

    def _predecessor(
        self, entry: QueueEntry, source: SourceImage, uids: ResultUids
    ) -> ReportPlace | None:
        found = self._store.queue.deliveries.last_report(entry.key, uids.report)
        return None if found is None else ReportPlace.unseal(*found, source.sop_instance)

    def _is_wanted(self, kind: Kind) -> bool:
        return any(kind in target.takes for target in self._store.targets)

    def _is_current(self, entry: QueueEntry) -> bool:
        """Returns whether an instance is neither dropped nor corrected since it was claimed."""
        now = self._store.queue.get(entry.key)
        return now is not None and now.content == entry.content

    def _attempt_failed(self, entry: QueueEntry, what: str) -> None:
        reason = f"classification raised {what}"
        if entry.attempts >= MOST_ATTEMPTS:
            self._store.fail(entry, reason)
            log.error("%s failed: %s, %d times", entry.key[:12], reason, entry.attempts)
        else:
            self._reschedule(entry, self._backoff.delay(entry.attempts), reason, attempts=0)

    def _reschedule(self, entry: QueueEntry, delay: float, reason: str, *, attempts: int) -> None:
        self._store.queue.reschedule(entry, time.time() + delay, reason, attempts=attempts)
        log.warning("%s delayed by %.0f s: %s", entry.key[:12], delay, reason)


def _encoded(made: Dataset) -> bytes:
    buffer = BytesIO()
    dcmwrite(buffer, made, enforce_file_format=True)
    return buffer.getvalue()
