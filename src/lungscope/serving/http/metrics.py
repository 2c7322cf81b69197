"""What the service tells Prometheus: how much it does, how fast, and what it answers."""

from collections.abc import Callable, Iterator

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
            "Requests that were answered.",
            ("route", "status"),
            registry=self._registry,
        )
        self.seconds = Histogram(
            "lungscope_request_seconds",
            "Time from the head of a request to the end of its response.",
            ("route",),
            buckets=SECONDS,
            registry=self._registry,
        )
        self.classes = Counter(
            "lungscope_answers",
            "Images for which a class was named.",
            ("class",),
            registry=self._registry,
        )
        self.abstentions = Counter(
            "lungscope_abstentions",
            "Images for which none was named, by why.",
            ("reason",),
            registry=self._registry,
        )
        self.unreadable = Counter(
            "lungscope_unreadable",
            "Files that were no radiograph that can be read.",
            registry=self._registry,
        )

    def watch(self, name: str, told: str, value: Callable[[], float | None]) -> None:
        """Adds a gauge that is asked when it is read; None leaves it out.

        Args:
            name: of the gauge, after "lungscope_".
            told: what it is.
            value: asked at each reading.
        """
        self._registry.register(_Asked(f"lungscope_{name}", told, value))

    def exposition(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self._registry)


class _Asked(Collector):
    def __init__(self, name: str, told: str, value: Callable[[], float | None]) -> None:
        self._name, self._told, self._value = name, told, value

    def describe(self) -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily(self._name, self._told)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        value = self._value()
        if value is not None:
            yield GaugeMetricFamily(self._name, self._told, value)
