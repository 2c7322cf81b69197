"""What the requests share: the model, its workers, the metrics and the audit log."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

from lungscope.about import DISCLAIMER, __version__
from lungscope.errors import LungscopeError, ModelDamaged
from lungscope.inference.classifier import Classifier
from lungscope.inference.prediction import Prediction
from lungscope.serving.http.audit_log import AuditLog, AuditLogUnwritable
from lungscope.serving.http.intake import Intake, Upload
from lungscope.serving.http.metrics import Drift, Metrics
from lungscope.serving.http.pool import Full, Late, Pool
from lungscope.serving.http.problems import BUSY, LATE, LOADING, NO_MEMORY, NOT_RECORDED, Problem
from lungscope.serving.http.settings import Settings
from lungscope.serving.http.upload import RequestOptions, UploadResult, classify_upload

log = logging.getLogger("lungscope.serving")

CARD = "model_card.md"
_LARGEST_CARD = 2**20


@dataclass(frozen=True, eq=False)
class Model:
    """A classifier and its model card.

    Attributes:
        classifier: classifies the radiographs.
        card: the model card in Markdown, or None if there is none.
    """

    classifier: Classifier
    card: str | None = None

    @classmethod
    def load(cls, folder: Path) -> "Model":
        """Reads an exported model.

        Raises:
            LungscopeError: missing, damaged or changed files.
        """
        return cls(Classifier.load(folder), _card(folder / CARD))

    @property
    def quantiles(self) -> Sequence[float]:
        """Quantiles of the validation images' distances; empty if the model has none."""
        return [float(each) for each in self.classifier.description.abstention.get("quantiles", ())]

    def to_json(self) -> dict[str, Any]:
        """Returns the description of the model for clients."""
        description = self.classifier.description
        return {
            "name": description.architecture,
            "sha256": description.weights_sha256,
            "classes": list(description.classes),
            "input_size": description.preprocessing.size,
            "temperature": description.temperature,
            "abstention": dict(description.abstention),
            "precision": description.export.precision if description.export else None,
            "card": self.card,
            "version": __version__,
            "disclaimer": DISCLAIMER,
        }


class Service:
    """What all requests share.

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
        self._audit_log = (
            AuditLog(settings.audit_log, settings.audit_log_size, settings.audit_log_kept)
            if settings.audit_log
            else None
        )
        self.metrics.watch(
            "queued_images", "Images waiting for a worker.", lambda: self._pool.waiting
        )
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
            description = model.classifier.description
            self.metrics.answers.begin(
                description.architecture, description.weights_sha256, model.classifier.classes
            )
            self.loaded = model
        except (LungscopeError, ValueError, OSError) as error:
            self.failure = error

    async def close(self) -> None:
        """Waits until all that was accepted is done."""
        await asyncio.to_thread(self._pool.close)
        if self._audit_log is not None:
            self._audit_log.close()

    def reopen_audit_log(self) -> None:
        """Has the audit log opened anew before its next line; a signal handler may call it."""
        if self._audit_log is not None:
            self._audit_log.reopen()

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
        """Returns if a request would be answered.

        Raises:
            Problem: the model is not loaded yet, or answers cannot be recorded.
        """
        assert self.model  # noqa: S101 - it raises itself
        try:
            if self._audit_log is not None:
                self._audit_log.check()
        except AuditLogUnwritable as error:
            raise Problem(
                NOT_RECORDED, "answers cannot be recorded; the disk may be full"
            ) from error

    def check_room(self) -> None:
        """Returns if one more image would be accepted.

        Raises:
            Problem: the queue is full.
        """
        if self._pool.full:
            raise _busy()

    async def classify(
        self, uploads: list[Upload], options: RequestOptions, request_id: str
    ) -> list[UploadResult]:
        """Classifies uploads and returns their results in order.

        Raises:
            Problem: the queue is full, the answers were not ready in time, or cannot be recorded.
        """
        classifier = self.model.classifier
        work = [
            partial(self._classify, classifier, upload, options, request_id) for upload in uploads
        ]
        try:
            found = await self._pool.run(work, self.settings.timeout)
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

    def _classify(
        self, classifier: Classifier, upload: Upload, options: RequestOptions, request_id: str
    ) -> UploadResult:
        """Classifies an upload in a worker thread; no answer is given that can't be recorded."""
        answered = classify_upload(
            classifier, upload, options, fingerprint=self._audit_log is not None
        )
        if self._audit_log is not None:
            self._audit_log.record(_record(answered, request_id))
        return answered

    def _count(self, answered: UploadResult) -> None:
        outcome = answered.outcome
        if not isinstance(outcome, Prediction):
            self.metrics.unreadable.inc()
            return
        self.metrics.answers.count(outcome)
        if self._drift is not None:
            self._drift.add(outcome.distance)


def _record(answered: UploadResult, request_id: str) -> dict[str, object]:
    """Returns a line of the audit log, without file names and refusals, which may hold one."""
    outcome = answered.outcome
    line: dict[str, object] = {
        "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        "request_id": request_id,
        "readable": isinstance(outcome, Prediction),
    }
    if isinstance(outcome, Prediction):
        line |= {
            "pixels_sha256": answered.pixels_sha256,
            "model": outcome.model,
            "model_sha256": outcome.model_sha256,
            "predicted": outcome.label,
            "probabilities": dict(outcome.probabilities),
            "abstention": outcome.abstention,
            "reason": outcome.reason,
            "warnings": list(outcome.warnings),
            "distance": outcome.distance,
        }
    return line


def _busy() -> Problem:
    return Problem(BUSY, "the queue is full; retry later")


def _card(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_CARD).decode("utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelDamaged(f"{path}: {error.strerror}") from error
