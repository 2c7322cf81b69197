import threading

import httpx
import pytest
from fastapi import FastAPI
from http_service import running, until_ready

from lungscope.serving.http import application
from lungscope.serving.http import application as application_module
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


@pytest.fixture
def page_folder(tmp_path):
    made = tmp_path / "page"
    made.mkdir()
    (made / "index.html").write_text("<title>lungscope</title>")
    (made / "main.js").write_text("export {};")
    (tmp_path / "secret.txt").write_text("secret")
    (made / "link.txt").symlink_to(tmp_path / "secret.txt")
    return made


@pytest.fixture
def page_client(page_folder, load, monkeypatch):
    add_page = application_module.add_page

    def add(app: FastAPI) -> None:
        add_page(app, page_folder)

    monkeypatch.setattr(application_module, "add_page", add)
    with (
        running(Settings(port=0, workers=1), load) as (host, port),
        httpx.Client(base_url=f"http://{host}:{port}", trust_env=False) as page_client,
    ):
        yield page_client


def test_the_page_and_its_files_are_served_with_their_types(page_client):
    index, script = page_client.get("/"), page_client.get("/page/main.js")
    assert index.text == "<title>lungscope</title>"
    assert index.headers["content-type"] == "text/html; charset=utf-8"
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["x-content-type-options"] == "nosniff"


def test_an_unchanged_file_is_revalidated_without_being_sent_again(page_client):
    for path in ("/", "/page/main.js"):
        first = page_client.get(path)
        assert first.headers["cache-control"] == "no-cache"
    again = page_client.get("/page/main.js", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""


@pytest.mark.parametrize(
    "path",
    [
        "/page/../../secret.txt",
        "/page/%2e%2e/%2e%2e/secret.txt",
        "/page/..%2f..%2fsecret.txt",
        "/page//etc/passwd",
        "/page/%00",
        "/page/link.txt",
        "/page/",
        "/page/" + "x" * 5000,
        "/page/..\\secret.txt",
    ],
)
def test_nothing_beside_the_pages_own_files_is_served(page_client, path):
    found = page_client.get(path)
    assert found.status_code == 404
    assert "secret" not in found.text
    assert found.json()["title"] == "Not Found"


def test_the_page_can_only_be_read(page_client):
    for method in ("POST", "PUT", "DELETE"):
        assert page_client.request(method, "/page/main.js").status_code == 405


def test_without_a_page_the_service_answers_all_the_same(page_client, page_folder):
    (page_folder / "index.html").unlink()
    assert page_client.get("/").status_code == 404
    assert page_client.get("/readyz").status_code == 200


def test_the_package_brings_a_page():
    assert (application.FOLDER / "index.html").is_file()
