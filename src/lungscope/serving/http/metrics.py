"""Metrics of the service for Prometheus: its requests, its answers, and the drift of its images."""

import logging
import re
import time
import traceback
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lungscope.serving.answer_metrics import AnswerMetrics
from lungscope.serving.http.problems import FAULT, Problem, response

SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
"""Upper limits of the latency histogram."""


ROUTES = ("/v1/predictions", "/v1/model", "/healthz", "/readyz", "/metrics")
"""Routes whose counters are there from the start."""


class Metrics:
    """Counters of one service, in a registry of their own.

    Attributes:
        answers: what the model answers.
        requests, seconds, unreadable: counters of requests, of their seconds, and of refused files.

    Example:
        >>> metrics = Metrics()
        >>> metrics.unreadable.inc()
    """

    def __init__(self) -> None:
        self.answers = AnswerMetrics()
        self._registry = self.answers.registry
        self.requests = Counter(
            "lungscope_requests",
            "Answered requests.",
            ("route", "status"),
            registry=self._registry,
        )
        self.seconds = Histogram(
            "lungscope_request_duration_seconds",
            "Seconds from the head of a request to the end of its response.",
            ("route",),
            buckets=SECONDS,
            registry=self._registry,
        )
        self.unreadable = Counter(
            "lungscope_unreadable",
            "Files that could not be read as a radiograph.",
            registry=self._registry,
        )
        for route in ROUTES:
            self.requests.labels(route, 200)
            self.seconds.labels(route)

    def watch(self, name: str, help_text: str, value: Callable[[], float | None]) -> None:
        """Adds a gauge whose value is computed at each scrape.

        Args:
            name: name of the gauge without the prefix "lungscope_".
            help_text: description of the gauge.
            value: called at each scrape; None leaves the gauge out.
        """
        self._registry.register(_ComputedGauge(f"lungscope_{name}", help_text, value))

    def exposition(self) -> bytes:
        """Returns all metrics in Prometheus' text format."""
        return self.answers.exposition()


class _ComputedGauge(Collector):
    def __init__(self, name: str, help_text: str, value: Callable[[], float | None]) -> None:
        self._name, self._help, self._value = name, help_text, value

    def describe(self) -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily(self._name, self._help)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        value = self._value()
        if value is not None:
            yield GaugeMetricFamily(self._name, self._help, value)


WINDOW = 500
"""Number of most recent images that are compared."""

LEAST = 50
"""Fewest images for which a statistic is given: with fewer, chance alone makes it large."""


class Drift:
    """The Kolmogorov-Smirnov distance between recent images and the validation images.

    What is compared is the distance of an image's features from those of the training images,
    one number an image. Between two samples of n and m images of one kind the statistic exceeds
    1.36 sqrt(1/n + 1/m) one time in twenty (Smirnov, 1948): 0.10 for 500 recent images and 300 of
    validation.
    """

    def __init__(self, quantiles: Sequence[float]) -> None:
        """Begins without images.

        Args:
            quantiles: of the validation images' distances, at evenly spaced probabilities from 0
                to 1; at least two, finite, in ascending order.

        Raises:
            ValueError: fewer than two, not finite, or not in ascending order.
        """
        self._quantiles: NDArray[np.float64] = np.asarray(quantiles, np.float64)
        rising = np.isfinite(self._quantiles).all() and (np.diff(self._quantiles) >= 0).all()
        if self._quantiles.ndim != 1 or self._quantiles.size < 2 or not rising:
            raise ValueError("quantiles: give two or more finite numbers in ascending order")
        self._recent: deque[float] = deque(maxlen=WINDOW)

    def add(self, distance: float) -> None:
        """Takes a new image's distance; beyond `WINDOW` images the oldest is forgotten."""
        self._recent.append(distance)

    def statistic(self) -> float | None:
        """The largest difference of the two distribution functions, in [0, 1], or None."""
        found = np.sort(np.fromiter(tuple(self._recent), np.float64))
        if found.size < LEAST:
            return None
        expected_above = self._proportion(found, "right")
        expected_below = self._proportion(found, "left")
        steps = np.arange(found.size + 1) / found.size
        above = (steps[1:] - expected_above).max()
        below = (expected_below - steps[:-1]).max()
        return float(max(above, below, 0.0))

    def _proportion(self, at: NDArray[np.float64], side: str) -> NDArray[np.float64]:
        """The proportion of validation images at or below (right) or below (left) a distance.

        Between quantiles the proportion rises evenly; where several quantiles are equal, it
        jumps there.
        """
        quantiles, last = self._quantiles, self._quantiles.size - 1
        after = np.searchsorted(quantiles, at, "right" if side == "right" else "left")
        low, high = np.clip(after - 1, 0, last), np.clip(after, 0, last)
        width = quantiles[high] - quantiles[low]
        part = np.divide(at - quantiles[low], width, out=np.zeros_like(at), where=width > 0)
        proportion: NDArray[np.float64] = (low + part * (high - low)) / last
        return np.where(after == 0, 0.0, np.where(after > last, 1.0, proportion))


log = logging.getLogger("lungscope.serving")

REQUEST_ID = "X-Request-ID"
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Observation:
    """Middleware that gives every request an id and measures it; it answers errors of ours."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = _request_id(Headers(scope=scope).get(REQUEST_ID))
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID] = request_id
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except Exception as error:
            # Not `exception`: its traceback would end with words that may quote a file.
            log.error("request %s: %s", request_id, _where(error))  # noqa: TRY400
            if status:
                raise ConnectionAbortedError from None  # half an answer cannot be taken back
            problem = Problem(
                FAULT, "internal error; please report it with the request id and the service's log"
            )
            await response(problem, request_id)(scope, receive, sent)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(route, status or "none").inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - began)


def _request_id(given: str | None) -> str:
    if given is not None and _ID.fullmatch(given):
        return given
    return uuid.uuid4().hex


def _where(error: BaseException) -> str:
    """An error's class and the lines that it came by; not its words, which may quote a file."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames))
    cause = error.__cause__
    return f"{type(error).__name__} at {lines}" + (f"; from {_where(cause)}" if cause else "")
