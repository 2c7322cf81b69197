import re

import pytest
from http_service import running

from lungscope.serving.http.observation import SECURITY
from lungscope.serving.http.settings import Settings


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


@pytest.mark.parametrize("path", ["/healthz", "/v1/model", "/metrics", "/nothing", "/page/nothing"])
def test_every_answer_has_the_headers_that_keep_a_browser_safe(client, path):
    found = client.get(path)
    for name, value in SECURITY.items():
        assert found.headers[name] == value
    assert found.headers["cache-control"] == "no-store"
    assert "server" not in found.headers


def test_pages_may_load_nothing_from_elsewhere_and_run_nothing_inline():
    policy = dict(each.split(" ", 1) for each in SECURITY["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert "unsafe" not in str(policy)
    assert "http" not in str(policy)


def test_a_fault_of_ours_is_a_problem_without_a_word_of_what_went_wrong(client_of, image, caplog):
    from lungscope.serving.http.model import Model

    class Faulty:
        classes = ("A", "B")

        class description:  # noqa: N801
            abstention = {}  # noqa: RUF012

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
    told = client.get("/metrics").text
    assert 'lungscope_requests_total{route="other",status="404"} 50.0' in told
    assert 'lungscope_requests_total{route="/healthz",status="405"} 50.0' in told


def test_two_services_in_one_process_count_apart(load, image):
    import httpx

    settings = Settings(port=0, workers=1)
    with running(settings, load) as one, running(settings, load) as other:
        url = f"http://{one[0]}:{one[1]}"
        httpx.post(url + "/v1/predictions", files={"file": image}, trust_env=False)
        told = httpx.get(f"http://{other[0]}:{other[1]}/metrics", trust_env=False).text
    assert 'route="/v1/predictions"' not in told
