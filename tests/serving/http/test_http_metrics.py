import re

import numpy as np
import pytest
from http_service import png, running
from prometheus_client.parser import text_string_to_metric_families
from scipy.stats import kstest

from lungscope.serving.http.metrics import LEAST, WINDOW, Drift
from lungscope.serving.http.service import Model
from lungscope.serving.http.settings import Settings


def samples(client) -> dict[tuple, float]:
    """Every sample by its name and labels."""
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
    }


def ask(client, content: bytes) -> None:
    client.post("/v1/predictions", files={"file": ("x.png", content)})


def flat(level: int) -> bytes:
    from io import BytesIO

    from PIL import Image

    pixels = np.full((96, 96), level, np.uint8)
    pixels[0, 0] = level - 1  # a single grey level is refused
    content = BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def colourful() -> bytes:
    from io import BytesIO

    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 255, (96, 96, 3)).astype(np.uint8)
    content = BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def test_answers_are_counted_by_class_and_abstentions_by_their_reason(client_of):
    client = client_of()
    contents = [png("left"), png("left"), png("right"), flat(255), colourful(), flat(128), b"?"]
    for content in contents:
        ask(client, content)
    found = samples(client)
    assert found["lungscope_answers_total", "Lung Opacity"] == 2
    assert found["lungscope_answers_total", "Viral Pneumonia"] == 1
    assert found["lungscope_abstentions_total", "out-of-distribution"] == 1
    assert found["lungscope_abstentions_total", "not-a-frontal-chest-radiograph"] == 1
    assert found["lungscope_abstentions_total", "low-confidence"] == 1
    assert found["lungscope_unreadable_total",] == 1
    assert found["lungscope_requests_total", "/v1/predictions", "200"] == 6
    assert found["lungscope_requests_total", "/v1/predictions", "400"] == 1
    assert found["lungscope_request_duration_seconds_count", "/v1/predictions"] == 7
    assert found["lungscope_queued_images",] == 0
    assert found["lungscope_upload_bytes",] == 0
    assert found["process_resident_memory_bytes",] > 1e6


def test_counters_are_there_before_anything_is_counted(client_of, exported_model):
    from lungscope.about import __version__
    from lungscope.inference.classifier import Classifier

    found = samples(client_of())
    for name in Classifier.load(exported_model).classes:
        assert found["lungscope_answers_total", name] == 0
    for code in ("low-confidence", "turned-90", "inverted"):
        assert found["lungscope_abstentions_total", code] == 0
    assert found["lungscope_unreadable_total",] == 0
    assert found["lungscope_requests_total", "/v1/predictions", "200"] == 0
    (build,) = [labels for labels in found if labels[0] == "lungscope_build_info"]
    sha256 = Classifier.load(exported_model).description.weights_sha256
    assert set(build[1:]) == {__version__, "tiny", sha256}
    assert found[build] == 1
    assert not [labels for labels in found if labels[0].endswith("_created")]


def test_no_drift_is_given_of_a_model_without_quantiles(client, image):
    ask(client, image)
    assert ("lungscope_drift",) not in samples(client)


@pytest.mark.parametrize(
    ("quantiles", "low", "high"), [([0.0, 1e-6], 0.99, 1), ([0.0, 1.0], 0, 0.99)]
)
def test_drift_is_given_of_a_model_with_quantiles_once_there_are_enough_images(
    client_of, exported_model, image, quantiles, low, high
):
    from dataclasses import replace

    from lungscope.inference.classifier import Classifier
    from lungscope.inference.exported import ExportedModel

    model = ExportedModel.load(exported_model)
    abstention = model.description.abstention | {"quantiles": quantiles}
    changed = replace(model, description=replace(model.description, abstention=abstention))
    client = client_of(load=lambda: Model(Classifier(changed)))
    for _ in range(LEAST - 1):
        ask(client, image)
    assert ("lungscope_drift",) not in samples(client)
    ask(client, image)
    assert low <= samples(client)["lungscope_drift",] <= high


def drift(quantiles, distances) -> float | None:
    found = Drift(quantiles)
    for each in distances:
        found.add(each)
    return found.statistic()


@pytest.mark.parametrize("seed", range(20))
def test_drift_is_the_statistic_of_kolmogorov_and_smirnov(seed):
    random = np.random.default_rng(seed)
    quantiles = np.sort(random.uniform(0, 100, random.integers(2, 31)))
    distances = random.uniform(-10, 120, random.integers(LEAST, 201))
    distances[: seed * 2] = distances[0]  # ties
    probabilities = np.linspace(0, 1, len(quantiles))
    expected = kstest(
        distances, lambda x: np.interp(x, quantiles, probabilities, left=0, right=1)
    ).statistic
    assert drift(quantiles, distances) == pytest.approx(expected, abs=1e-6)


def test_images_like_those_of_the_validation_have_little_and_others_much():
    random = np.random.default_rng(0)
    quantiles = np.quantile(random.normal(10, 2, 5000), np.linspace(0, 1, 101))
    assert drift(quantiles, random.normal(10, 2, 500)) < 0.08
    assert drift(quantiles, random.normal(13, 2, 500)) > 0.4
    assert drift(quantiles, np.full(500, 1000.0)) == 1


def test_the_same_distance_in_both_is_no_drift():
    assert drift([5.0, 5.0, 5.0], [5.0] * 100) == 0


def test_no_drift_is_given_of_few_images():
    assert drift([0, 1], np.linspace(0, 1, LEAST - 1)) is None
    assert drift([0, 1], np.linspace(0, 1, LEAST)) is not None


def test_old_images_are_forgotten():
    assert drift([0, 1], [50.0] * 1000 + list(np.linspace(0, 1, WINDOW))) < 0.01


def test_a_distance_that_is_infinite_counts_as_far():
    assert drift([0, 1], [float("inf")] * 100) == 1


@pytest.mark.parametrize("wrong", [[], [1.0], [2.0, 1.0], [0.0, float("nan")], [[0.0], [1.0]]])
def test_what_are_no_quantiles_is_refused(wrong):
    with pytest.raises(ValueError, match="quantiles"):
        Drift(wrong)


@pytest.mark.parametrize("given", ["a", "5f1c2f0e", "2026.11_a-B", "x" * 64])
def test_the_id_that_a_client_gives_its_request_is_kept(client, given):
    assert client.get("/healthz", headers={"X-Request-ID": given}).headers["x-request-id"] == given


@pytest.mark.parametrize(
    "given", [None, "", "x" * 65, "a b", "a;b", "é", "<script>", "a%0d%0aX: y"]
)
def test_any_other_is_replaced_by_one_of_ours(client, given):
    headers = {} if given is None else {"X-Request-ID": given.encode("latin-1")}
    found = client.get("/nothing", headers=headers)
    assert re.fullmatch("[0-9a-f]{32}", found.headers["x-request-id"])
    assert found.json()["request_id"] == found.headers["x-request-id"]


def test_a_fault_of_ours_is_a_problem_without_a_word_of_what_went_wrong(client_of, image, caplog):
    class Faulty:
        classes = ("A", "B")

        class description:  # noqa: N801
            abstention = {}  # noqa: RUF012
            architecture = weights_sha256 = "faulty"

        def classify(self, _):
            raise RuntimeError("Kowalczyk^Zenobia")

    client = client_of(load=lambda: Model(Faulty()))
    found = client.post("/v1/predictions", files={"file": ("x.png", image)})
    assert found.status_code == 500
    assert found.json()["type"] == "urn:lungscope:problem:fault"
    assert found.headers["content-security-policy"]
    assert "Kowalczyk" not in found.text + caplog.text
    assert found.json()["request_id"] in caplog.text
    assert "RuntimeError at" in caplog.text
    assert 'route="/v1/predictions",status="500"} 1.0' in client.get("/metrics").text


def test_requests_are_counted_by_their_route_however_many_paths_are_tried(client_of):
    client = client_of()
    for number in range(50):
        client.get(f"/nothing/{number}")
        client.request(f"METHOD{number}", "/healthz")
    text = client.get("/metrics").text
    assert 'lungscope_requests_total{route="other",status="404"} 50.0' in text
    assert 'lungscope_requests_total{route="/healthz",status="405"} 50.0' in text


def test_two_services_in_one_process_count_apart(load, image):
    import httpx

    settings = Settings(port=0, workers=1)
    with running(settings, load) as one, running(settings, load) as other:
        url = f"http://{one[0]}:{one[1]}"
        httpx.post(url + "/v1/predictions", files={"file": image}, trust_env=False)
        text = httpx.get(f"http://{other[0]}:{other[1]}/metrics", trust_env=False).text
    assert 'lungscope_requests_total{route="/v1/predictions",status="200"} 0.0' in text
