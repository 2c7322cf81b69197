"""What a Prometheus and a load balancer see of a running node, and what is made for them."""

import json
import re
import urllib.request
from dataclasses import replace
from pathlib import Path
from urllib.error import HTTPError

import numpy as np
import pytest
import yaml
from pacs_peers import radiograph, send, until
from prometheus_client.parser import text_string_to_metric_families

from lungscope.errors import LungscopeError
from lungscope.serving.pacs.service import Service
from lungscope.serving.pacs.status import Status

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"


@pytest.fixture
def service(settings, classifier):
    made = Service(replace(settings, metrics_port=0), classifier)
    yield made
    made.stop()


def get(service, path):
    url = f"http://127.0.0.1:{service.metrics_port}{path}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def samples(service):
    """The value of each sample, by its name and labels."""
    return {
        (each.name, *sorted(each.labels.values())): each.value
        for family in text_string_to_metric_families(get(service, "/metrics"))
        for each in family.samples
    }


def test_every_metric_is_there_before_the_first_instance(service, settings, classifier):
    found = samples(service)
    assert found["lungscope_pacs_received_total",] == 0
    assert found["lungscope_pacs_instances", "failed"] == 0
    assert found["lungscope_pacs_deliveries", settings.targets[0].name, "waiting"] == 0
    for name in classifier.description.classes:
        assert found["lungscope_answers_total", name] == 0
    assert found["lungscope_abstentions_total", "low-confidence"] == 0
    (build,) = [key for key in found if key[0] == "lungscope_build_info"]
    assert classifier.description.weights_sha256 in build


def test_instances_answers_and_deliveries_are_counted(service, settings, target):
    dark = radiograph(1)
    dark.PixelData = (np.arange(96 * 80) % 2).astype(np.uint16).tobytes()
    send(service.port, radiograph(0, bright="left"), dark)
    until(lambda: samples(service)["lungscope_pacs_instances", "sent"] == 2)
    found = samples(service)
    assert found["lungscope_pacs_received_total",] == 2
    assert found["lungscope_answers_total", "Lung Opacity"] == 1
    assert sum(v for k, v in found.items() if k[0] == "lungscope_abstentions_total") == 1
    assert found["lungscope_pacs_classification_duration_seconds_count",] == 2
    name = settings.targets[0].name
    assert found["lungscope_pacs_deliveries", name, "sent"] == 3
    assert found["lungscope_pacs_target_up", name] == 1
    assert found["lungscope_pacs_oldest_waiting_seconds",] == 0


def test_health_is_that_of_the_status(service, settings):
    assert json.loads(get(service, "/healthz")) == {"healthy": True, "problems": []}
    service._queue.conditions.fail("Orthanc", "status 401", 0)
    with pytest.raises(HTTPError) as caught:
        get(service, "/healthz")
    with caught.value as answer:
        assert answer.code == 503
        assert json.loads(answer.read())["problems"] == Status.of(settings.spool).problems
    with pytest.raises(HTTPError) as caught:
        get(service, "/")
    caught.value.close()


def test_no_label_holds_an_identifier(service):
    send(service.port, radiograph(0, bright="left"))
    until(lambda: samples(service)["lungscope_pacs_instances", "sent"] == 1)
    assert "1.2.826" not in get(service, "/metrics")


def test_a_port_that_is_taken_is_refused(service, settings, classifier):
    other = replace(settings, spool=settings.spool / "other", metrics_port=service.metrics_port)
    with pytest.raises(LungscopeError, match="metrics port"):
        Service(other, classifier)


def test_dashboard_and_alerts_use_metrics_that_there_are(service):
    known = {family.name for family in text_string_to_metric_families(get(service, "/metrics"))}
    known |= {"lungscope_pacs_certificate_expiry_timestamp_seconds"}  # with TLS
    dashboard = json.loads((DEPLOY / "grafana-pacs.json").read_text())
    alerts = yaml.safe_load((DEPLOY / "prometheus-pacs.yml").read_text())
    said = [
        *(target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())),
        *(rule["expr"] for group in alerts["groups"] for rule in group["rules"]),
    ]
    used = {name for text in said for name in re.findall(r"lungscope_\w+", text)}
    assert used
    assert {re.sub("_(total|bucket|count|sum)$", "", name) for name in used} <= known
