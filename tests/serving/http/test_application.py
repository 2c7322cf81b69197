import threading

import httpx
import pytest
from http_service import running, until_ready

from lungscope.serving.http.application import create_application
from lungscope.serving.http.settings import Settings


def test_while_the_model_is_loaded_the_service_lives_but_is_not_ready(load, image):
    gate = threading.Event()

    def slowly():
        gate.wait(30)
        return load()

    with (
        running(Settings(port=0, workers=1), slowly, wait=False) as address,
        httpx.Client(base_url=f"http://{address[0]}:{address[1]}", trust_env=False) as client,
    ):
        assert client.get("/healthz").status_code == 200
        for found in (
            client.get("/readyz"),
            client.get("/v1/model"),
            client.post("/v1/predictions", files={"file": image}),
        ):
            assert found.status_code == 503
            assert found.json()["type"] == "urn:lungscope:problem:loading"
            assert found.headers["retry-after"] == "1"
        gate.set()
        until_ready(address)
        assert client.post("/v1/predictions", files={"file": image}).status_code == 200


@pytest.fixture(scope="module")
def description(client):
    return client.get("/openapi.json").json()


def test_the_description_lists_every_path(description):
    assert set(description["paths"]) == {
        "/v1/predictions",
        "/v1/model",
        "/healthz",
        "/readyz",
        "/metrics",
    }


def test_every_problem_in_the_description_is_problem_details(description):
    for path in description["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert list(response["content"]) == ["application/problem+json"]
    assert "HTTPValidationError" not in description["components"]["schemas"]


def test_the_description_has_examples(description):
    row = description["components"]["schemas"]["PredictionRow"]["properties"]
    assert row["probabilities"]["examples"]
    assert row["file"]["examples"]


def test_every_reference_in_the_description_leads_somewhere(description):
    import re

    names = set(re.findall(r"#/components/schemas/(\w+)", str(description)))
    assert names <= set(description["components"]["schemas"])


def test_the_description_asks_for_a_token_only_where_one_is_needed(load, description):
    assert "securitySchemes" not in description["components"]
    found = create_application(Settings(token="t" * 16), load).openapi()
    secured = {path for path, each in found["paths"].items() if "security" in str(each)}
    assert secured == {"/v1/predictions", "/v1/model", "/metrics"}
