import httpx
import pytest
from fastapi import FastAPI
from http_service import running

from lungscope.serving.http import application
from lungscope.serving.http import application as application_module
from lungscope.serving.http.settings import Settings


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "page"
    made.mkdir()
    (made / "index.html").write_text("<title>lungscope</title>")
    (made / "main.js").write_text("export {};")
    (tmp_path / "secret.txt").write_text("secret")
    (made / "link.txt").symlink_to(tmp_path / "secret.txt")
    return made


@pytest.fixture
def client(folder, load, monkeypatch):
    add_page = application_module.add_page

    def add(app: FastAPI) -> None:
        add_page(app, folder)

    monkeypatch.setattr(application_module, "add_page", add)
    with (
        running(Settings(port=0, workers=1), load) as (host, port),
        httpx.Client(base_url=f"http://{host}:{port}", trust_env=False) as client,
    ):
        yield client


def test_the_page_and_its_files_are_served_with_their_types(client):
    index, script = client.get("/"), client.get("/page/main.js")
    assert index.text == "<title>lungscope</title>"
    assert index.headers["content-type"] == "text/html; charset=utf-8"
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["x-content-type-options"] == "nosniff"


def test_a_browser_asks_whether_a_file_is_still_the_same_and_is_told_so_without_it(client):
    for path in ("/", "/page/main.js"):
        first = client.get(path)
        assert first.headers["cache-control"] == "no-cache"
    again = client.get("/page/main.js", headers={"If-None-Match": first.headers["etag"]})
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
def test_nothing_beside_the_pages_own_files_is_served(client, path):
    found = client.get(path)
    assert found.status_code == 404
    assert "secret" not in found.text
    assert found.json()["title"] == "Not Found"


def test_the_page_can_only_be_read(client):
    for method in ("POST", "PUT", "DELETE"):
        assert client.request(method, "/page/main.js").status_code == 405


def test_without_a_page_the_service_answers_all_the_same(client, folder):
    (folder / "index.html").unlink()
    assert client.get("/").status_code == 404
    assert client.get("/readyz").status_code == 200


def test_the_package_brings_a_page():
    assert (application.FOLDER / "index.html").is_file()
