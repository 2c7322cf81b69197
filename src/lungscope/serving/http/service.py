"""What the requests share: the model, its workers, the metrics and the audit log."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timezone
from functools import partial

from lungscope.errors import LungscopeError
from lungscope.inference.classifier import Classifier
from lungscope.inference.prediction import Prediction
from lungscope.serving.http.answer import RequestOptions, UploadResult, answer_upload
from lungscope.serving.http.audit_log import AuditLog, AuditLogUnwritable
from lungscope.serving.http.intake import Intake
from lungscope.serving.http.metrics import Drift, Metrics
from lungscope.serving.http.model import Model
from lungscope.serving.http.multipart import Upload
from lungscope.serving.http.pool import Full, Late, Pool
from lungscope.serving.http.problems import BUSY, LATE, LOADING, NO_MEMORY, NOT_RECORDED, Problem
from lungscope.serving.http.settings import Settings

log = logging.getLogger("lungscope.serving")


class Service:
    """The model and what all requests share.

    Attributes:
        settings: configuration of the service.
        intake: receives uploads.
        metrics: counters and gauges.
        loaded: the model after it was loaded, else None.
        failure: why the model could not be loaded, else None.
    """

    def __init__(self, settings: Settings, load: Callable[[], Model]) -> None:
        """Prepares a service; `load` it, and `close` it at the end.

        Args:
            settings: how it runs.
            load: gives the model; may take its time.

        Raises:
            LungscopeError: the audit log cannot be opened.
        """
        self.settings = settings
        self.intake = Intake(settings)
        self.metrics = Metrics()
        self.loaded: Model | None = None
        self.failure: Exception | None = None
        self._load = load
        self._drift: Drift | None = None
        self._pool = Pool(settings.workers, settings.queue)
        self._audit_log = AuditLog(settings.audit_log) if settings.audit_log else None
        self.metrics.watch("queue", "Images that wait for a worker.", lambda: self._pool.waiting)
        self.metrics.watch("upload_bytes", "Bytes of uploads in memory.", lambda: self.intake.held)
        self.metrics.watch(
            "drift",
            "Kolmogorov-Smirnov distance between the feature distances of recent and of "
            "validation images.",
            lambda: None if self._drift is None else self._drift.statistic(),
        )

    async def load(self) -> None:
        """Loads the model; on failure, says why in `failure`."""
        try:
            model = await asyncio.to_thread(self._load)
            if model.quantiles:
                self._drift = Drift(model.quantiles)
            self.loaded = model
        except (LungscopeError, ValueError, OSError) as error:
            self.failure = error

    async def close(self) -> None:
        """Waits until all that was accepted is done."""
        await asyncio.to_thread(self._pool.close)
        if self._audit_log is not None:
            self._audit_log.close()

    @property
    def model(self) -> Model:
        """The model.

        Raises:
            Problem: it is not loaded yet.
        """
        if self.loaded is None:
            raise Problem(LOADING, "the model is being loaded; ask again in a second")
        return self.loaded

    def check_ready(self) -> None:
        """Passes where a request would be answered.

        Raises:
            Problem: the model is not loaded yet, or answers cannot be recorded.
        """
        assert self.model  # noqa: S101 - it raises itself
        if self._audit_log is not None and self._audit_log.failed:
            raise Problem(NOT_RECORDED, "answers cannot be recorded; the disk may be full")

    def check_room(self) -> None:
        """Passes where one more image would be accepted.

        Raises:
            Problem: the queue is full.
        """
        if self._pool.full:
            raise _busy()

    async def answers(
        self, uploads: list[Upload], wishes: RequestOptions, request_id: str
    ) -> list[UploadResult]:
        """Has uploads classified, in their order.

        Raises:
            Problem: the queue is full, the answers were not ready in time, or cannot be recorded.
        """
        classifier = self.model.classifier
        work = [
            partial(self._answered, classifier, upload, wishes, request_id) for upload in uploads
        ]
        try:
            found = await self._pool.done(work, self.settings.timeout)
        except Full as error:
            raise _busy() from error
        except Late as error:
            raise Problem(
                LATE, f"not ready after {self.settings.timeout:g} seconds; retry later"
            ) from error
        except AuditLogUnwritable as error:
            log.error("%s", error)  # noqa: TRY400 - it is no fault of ours to be traced
            raise Problem(NOT_RECORDED, "the answer cannot be recorded; none is given") from error
        except MemoryError as error:
            raise Problem(NO_MEMORY, "the image is too large for this machine") from error
        for each in found:
            self._count(each)
        return found

    def _answered(
        self, classifier: Classifier, upload: Upload, wishes: RequestOptions, request_id: str
    ) -> UploadResult:
        """Answers for an upload, in a worker thread; an answer that is not recorded is none."""
        answered = answer_upload(
            classifier, upload, wishes, fingerprint=self._audit_log is not None
        )
        if self._audit_log is not None:
            self._audit_log.record(_record(answered, request_id))
        return answered

    def _count(self, answered: UploadResult) -> None:
        outcome = answered.outcome
        if not isinstance(outcome, Prediction):
            self.metrics.unreadable.inc()
            return
        if outcome.label is not None:
            self.metrics.classes.labels(outcome.label).inc()
        else:
            self.metrics.abstentions.labels(outcome.abstention).inc()
        if self._drift is not None:
            self._drift.add(outcome.distance)


def _record(answered: UploadResult, request_id: str) -> dict[str, object]:
    """A line of the audit log: no name of a file, and no reason of a refusal, which may have it."""
    outcome = answered.outcome
    told: dict[str, object] = {
        "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        "request_id": request_id,
        "readable": isinstance(outcome, Prediction),
    }
    if isinstance(outcome, Prediction):
        told |= {
            "pixels_sha256": answered.pixels_sha256,
            "model": outcome.model,
            "model_sha256": outcome.model_sha256,
            "label": outcome.label,
            "probabilities": dict(outcome.probabilities),
            "abstention": outcome.abstention,
            "reason": outcome.reason,
            "distance": outcome.distance,
        }
    return told


def _busy() -> Problem:
    return Problem(BUSY, "the queue is full; retry later")
