"""Metrics of the service for Prometheus, and the drift of its images."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
"""Upper limits of the latency histogram."""


class Metrics:
    """Counters of one service, in a registry of their own.

    Example:
        >>> metrics = Metrics()
        >>> metrics.classes.labels("Normal").inc()
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self.requests = Counter(
            "lungscope_requests",
            "Answered requests.",
            ("route", "status"),
            registry=self._registry,
        )
        self.seconds = Histogram(
            "lungscope_request_seconds",
            "Seconds from the head of a request to the end of its response.",
            ("route",),
            buckets=SECONDS,
            registry=self._registry,
        )
        self.classes = Counter(
            "lungscope_answers",
            "Images with a predicted class.",
            ("class",),
            registry=self._registry,
        )
        self.abstentions = Counter(
            "lungscope_abstentions",
            "Images without a predicted class, by reason.",
            ("reason",),
            registry=self._registry,
        )
        self.unreadable = Counter(
            "lungscope_unreadable",
            "Files that could not be read as a radiograph.",
            registry=self._registry,
        )

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
        return generate_latest(self._registry)


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
                to 1, at least two, not falling.

        Raises:
            ValueError: they are not such.
        """
        self._quantiles: NDArray[np.float64] = np.asarray(quantiles, np.float64)
        rising = np.isfinite(self._quantiles).all() and (np.diff(self._quantiles) >= 0).all()
        if self._quantiles.ndim != 1 or self._quantiles.size < 2 or not rising:
            raise ValueError("quantiles: give two or more finite numbers that do not fall")
        self._recent: deque[float] = deque(maxlen=WINDOW)

    def add(self, distance: float) -> None:
        """Takes a new image's distance; beyond `WINDOW` images the oldest is forgotten."""
        self._recent.append(distance)

    def statistic(self) -> float | None:
        """The largest difference of the two distribution functions, in [0, 1], or None."""
        found = np.sort(np.fromiter(tuple(self._recent), np.float64))
        if found.size < LEAST:
            return None
        expected_above = self._share(found, "right")
        expected_below = self._share(found, "left")
        steps = np.arange(found.size + 1) / found.size
        above = (steps[1:] - expected_above).max()
        below = (expected_below - steps[:-1]).max()
        return float(max(above, below, 0.0))

    def _share(self, at: NDArray[np.float64], side: str) -> NDArray[np.float64]:
        """The proportion of validation images at or below (right) or below (left) a distance.

        Between quantiles the proportion rises evenly; where several quantiles are equal, it
        jumps there.
        """
        quantiles, last = self._quantiles, self._quantiles.size - 1
        after = np.searchsorted(quantiles, at, "right" if side == "right" else "left")
        low, high = np.clip(after - 1, 0, last), np.clip(after, 0, last)
        width = quantiles[high] - quantiles[low]
        part = np.divide(at - quantiles[low], width, out=np.zeros_like(at), where=width > 0)
        share: NDArray[np.float64] = (low + part * (high - low)) / last
        return np.where(after == 0, 0.0, np.where(after > last, 1.0, share))
