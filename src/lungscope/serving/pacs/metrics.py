"""Metrics of the node for Prometheus: what it received and answered, and how its parts fare."""

import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from lungscope.errors import InvalidSetting
from lungscope.inference.description import Description
from lungscope.inference.prediction import Prediction
from lungscope.serving.answer_metrics import AnswerMetrics
from lungscope.serving.pacs.conditions import PARTS
from lungscope.serving.pacs.status import Status

log = logging.getLogger("lungscope.pacs")

SECONDS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
"""Upper limits of the histogram of classification."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_DELIVERY_STATES = ("waiting", "sent", "failed")


class NodeMetrics:
    """Counters of one node, in a registry of their own; threads may share it."""

    def __init__(self, description: Description, read_status: Callable[[], Status]) -> None:
        """Begins every counter with 0, so that none is absent.

        Args:
            description: of the model.
            read_status: is called at each scrape.
        """
        self._answers = AnswerMetrics()
        self._answers.begin(description.identity, description.weights_sha256, description.classes)
        registry = self._answers.registry
        registry.register(_StatusCollector(read_status))
        self.received = Counter(
            "lungscope_pacs_received",
            "Instances that were stored to be classified, by C-STORE or from Orthanc.",
            registry=registry,
        )
        self._seconds = Histogram(
            "lungscope_pacs_classification_duration_seconds",
            "Seconds from reading an instance to its results.",
            buckets=SECONDS,
            registry=registry,
        )

    def count_answer(self, prediction: Prediction, seconds: float) -> None:
        """Counts an answer or an abstention.

        Args:
            prediction: what the model said.
            seconds: that it took, results included.
        """
        self._seconds.observe(seconds)
        self._answers.count(prediction)

    def exposition(self) -> bytes:
        """Returns all metrics in Prometheus' text format."""
        return self._answers.exposition()


class _StatusCollector(Collector):
    """What `pacs status` shows, as gauges."""

    def __init__(self, read_status: Callable[[], Status]) -> None:
        self._read_status = read_status

    def describe(self) -> Iterator[GaugeMetricFamily]:
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        found = self._read_status()
        yield _gauge("healthy", "1 if nothing needs attention.", float(not found.problems))
        instances = _gauge("instances", "Instances by state.", labels=("state",))
        for state, count in found.counts.items():
            instances.add_metric([state], count)
        yield instances
        waiting = 0.0 if found.oldest is None else found.oldest
        yield _gauge("oldest_waiting_seconds", "Age of the oldest waiting instance.", waiting)
        deliveries = _gauge(
            "deliveries", "Results by target and state.", labels=("target", "state")
        )
        up = _gauge("target_up", "1 if the last association succeeded.", labels=("target",))
        for name, known in found.conditions.items():
            if name in PARTS:
                continue
            up.add_metric([name], float(known.bad is None))
            for each in _DELIVERY_STATES:
                deliveries.add_metric([name, each], found.targets.get(name, {}).get(each, 0))
        yield from (deliveries, up)
        good = _gauge(
            "last_success_timestamp_seconds",
            "When a part last succeeded: a target, Orthanc, the listener.",
            labels=("part",),
        )
        for name, known in found.conditions.items():
            good.add_metric([name], known.good or 0.0)
        yield good
        unreadable = _gauge(
            "orthanc_unreadable", "Instances that Orthanc cannot give.", labels=("state",)
        )
        for state_name, count in zip(("retried", "given-up"), found.unreadable, strict=True):
            unreadable.add_metric([state_name], count)
        yield unreadable
        if found.certificate_expires is not None:
            yield _gauge(
                "certificate_expiry_timestamp_seconds",
                "When the node's TLS certificate expires.",
                found.certificate_expires,
            )


def _gauge(
    name: str, words: str, value: float | None = None, labels: tuple[str, ...] = ()
) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"lungscope_pacs_{name}", words, value, labels or None)


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Logs one line instead of a traceback."""
        log.warning("metrics: a request failed (%s)", type(sys.exc_info()[1]).__name__)


class MetricsServer:
    """Answers `/metrics` and `/healthz` on this machine alone, until it is closed.

    Attributes:
        port: TCP port that it listens on.
    """

    def __init__(self, port: int, metrics: NodeMetrics, read_status: Callable[[], Status]) -> None:
        """Starts to listen on 127.0.0.1.

        Raises:
            InvalidSetting: the port is taken.
        """

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                if path == "/metrics":
                    self._answer(200, CONTENT_TYPE, metrics.exposition())
                elif path == "/healthz":
                    problems = read_status().problems
                    content = json.dumps({"healthy": not problems, "problems": problems})
                    self._answer(503 if problems else 200, "application/json", content.encode())
                else:
                    self._answer(404, "text/plain", b"/metrics or /healthz\n")

            do_HEAD = do_GET  # noqa: N815

            def _answer(self, status: int, kind: str, content: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        try:
            self._server = _Server(("127.0.0.1", port), Handler)
        except OSError as error:
            raise InvalidSetting(
                f"metrics port {port}: cannot be bound ({error.strerror or error}); give another"
            ) from error
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.25,), name="metrics", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
