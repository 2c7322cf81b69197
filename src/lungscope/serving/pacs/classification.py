"""From an instance in the spool to its results in the spool."""

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
from lungscope.serving.pacs.entry import QueueEntry
from lungscope.serving.pacs.secondary_capture import secondary_capture
from lungscope.serving.pacs.settings import Backoff
from lungscope.serving.pacs.source_image import MissingIdentifiers, SourceImage
from lungscope.serving.pacs.spool import PICTURE, REPORT
from lungscope.serving.pacs.store import MOST_ATTEMPTS, Store
from lungscope.serving.pacs.structured_report import structured_report
from lungscope.serving.pacs.uids import ResultUids, fingerprint, key_of

log = logging.getLogger("lungscope.pacs")

_WAIT_FOR_DISK = 30.0


class ImageClassifier(Protocol):
    """What answers for a radiograph; `inference.classifier.Classifier` does."""

    @property
    def description(self) -> Description:
        """Of the model."""
        ...

    def judge(self, radiograph: Radiograph) -> Prediction:
        """Answers."""
        ...


class Classification:
    """Classifies what is in a store; several threads may `step`.

    An instance of which no model is asked is refused: another modality, body part or view, colour,
    damaged, or nothing that a result can be filed beside.
    """

    def __init__(
        self, judge: ImageClassifier, store: Store, backoff: Backoff, on_results: Callable[[], None]
    ) -> None:
        """Takes what answers, where from, and whom to tell that there are results to send."""
        self._judge, self._store, self._backoff = judge, store, backoff
        self._on_results = on_results
        self._model = fingerprint(judge.description)

    def step(self) -> bool:
        """Classifies the next instance; False where there is none.

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
            self._store.refuse(entry.key, reason)
            log.info("%s refused: %s", entry.key[:12], reason)
        except OSError as error:  # a full disk will be emptied, and is not the instance's fault
            self._put_off(entry, _WAIT_FOR_DISK, f"{error.strerror or 'unwritable'}", attempts=-1)
        # A decoder may panic, which is no Exception, or run out of memory. Its words may quote
        # the file, so only the name of the class is told.
        except BaseException as error:
            self._attempt_failed(entry, type(error).__name__)
        return True

    def _classify(self, entry: QueueEntry) -> None:
        started = time.perf_counter()
        content = self._store.spool.image(entry.key).read_bytes()
        # The name is drawn into the picture: it is that of log and status.
        radiograph = read_content(content, f"instance {entry.key[:12]}", CHEST_RADIOGRAPHS)
        source = SourceImage.of(content)
        if key_of(source.sop_instance) != entry.key:
            raise MissingIdentifiers("its SOP Instance UID is not the one that it came under")
        uids = ResultUids.of(source.sop_instance, source.series, self._model)
        prediction = self._judge.judge(radiograph)
        report = structured_report(prediction, source, uids)
        picture = secondary_capture(radiograph, prediction, source, uids)
        spool, queue = self._store.spool, self._store.queue
        spool.remove_results(entry.key)  # of an attempt that did not end
        if picture is not None:
            spool.write_result(entry.key, PICTURE, _encoded(picture))
        spool.write_result(entry.key, REPORT, _encoded(report))
        queue.classified(entry.key, self._model, [uids.report, uids.picture])
        log.info("%s classified in %.2f s", entry.key[:12], time.perf_counter() - started)
        self._on_results()

    def _attempt_failed(self, entry: QueueEntry, what: str) -> None:
        reason = f"classifying it raised {what}"
        if entry.attempts >= MOST_ATTEMPTS:
            self._store.fail(entry.key, reason)
            log.error("%s failed: %s, %d times", entry.key[:12], reason, entry.attempts)
        else:
            self._put_off(entry, self._backoff.delay(entry.attempts), reason, attempts=0)

    def _put_off(self, entry: QueueEntry, delay: float, reason: str, *, attempts: int) -> None:
        self._store.queue.put_off([entry.key], time.time() + delay, reason, attempts=attempts)
        log.warning("%s put off by %.0f s: %s", entry.key[:12], delay, reason)


def _encoded(made: Dataset) -> bytes:
    buffer = BytesIO()
    dcmwrite(buffer, made, enforce_file_format=True)
    return buffer.getvalue()
