"""Metrics of what a model answers, the same for the service and the node."""

from collections.abc import Iterable
from typing import get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from lungscope.about import __version__
from lungscope.inference.abstention import AbstentionCode
from lungscope.inference.prediction import Prediction


class AnswerMetrics:
    """Counters of answers, in a registry of their own that others may be added to.

    Attributes:
        registry: what is exposed.

    Example:
        >>> AnswerMetrics().exposition().decode().splitlines()[0][:6]
        '# HELP'
    """

    def __init__(self) -> None:
        # no gauge beside each counter that says when it was made
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._classes = Counter(
            "lungscope_answers",
            "Images with a predicted class.",
            ("class",),
            registry=self.registry,
        )
        self._abstentions = Counter(
            "lungscope_abstentions",
            "Images without a predicted class, by reason.",
            ("reason",),
            registry=self.registry,
        )
        self._build = Gauge(
            "lungscope_build_info",
            "1; the labels say which version and which model answer.",
            ("version", "model", "model_sha256"),
            registry=self.registry,
        )

    def begin(self, model: str, sha256: str, classes: Iterable[str]) -> None:
        """Sets what is known once the model is; each counter begins with 0, so that none is absent.

        Args:
            model: how it is called.
            sha256: of its weights.
            classes: that it may name.
        """
        self._build.labels(__version__, model, sha256).set(1)
        for name in classes:
            self._classes.labels(name)
        for code in get_args(AbstentionCode):
            self._abstentions.labels(code)

    def count(self, prediction: Prediction) -> None:
        """Counts an answer or an abstention."""
        if prediction.label is not None:
            self._classes.labels(prediction.label).inc()
        else:
            self._abstentions.labels(prediction.abstention).inc()

    def exposition(self) -> bytes:
        """Returns all metrics of the registry in Prometheus' text format."""
        return generate_latest(self.registry)
