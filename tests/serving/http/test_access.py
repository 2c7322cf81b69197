import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungscope.errors import LungscopeError
from lungscope.serving.http.access import SECURITY, presents, read_token

TOKEN = "correct-horse-battery-staple"  # noqa: S105 - of the tests alone


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:8080", "localhost", "localhost:9", "[::1]", "[::1]:8080", "LOCALHOST"],
)
def test_without_a_token_this_machine_is_answered_under_its_own_names(client, host):
    assert client.get("/v1/model", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "[::1].evil.example",
        "evil.example:127.0.0.1",
        "::1:8080",
        "127.0.0.1:80:80",
        "",
    ],
)
def test_without_a_token_no_other_name_is_answered_so_that_rebinding_is_of_no_use(client, host):
    found = client.get("/v1/model", headers={"Host": host})
    assert found.status_code == 421
    assert found.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "Via", "X-Real-IP"]
)
def test_without_a_token_no_proxy_is_answered_whatever_host_it_names(client, header):
    found = client.get("/v1/model", headers={"Host": "127.0.0.1:8080", header: "10.0.0.7"})
    assert found.status_code == 403
    assert found.json()["type"] == "urn:lungscope:problem:proxy-without-token"
    assert "--token-file" in found.json()["detail"]
    assert client.get("/healthz", headers={header: "10.0.0.7"}).status_code == 200


def test_a_request_that_comes_from_a_page_of_another_site_is_not_followed(client, image):
    for site, status in (("cross-site", 403), ("same-origin", 200), ("none", 200)):
        found = client.post(
            "/v1/predictions", files={"file": image}, headers={"Sec-Fetch-Site": site}
        )
        assert found.status_code == status


def test_no_answer_lets_pages_of_other_sites_read_it(client):
    found = client.options(
        "/v1/predictions",
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
    )
    assert found.status_code == 405
    assert not [name for name in found.headers if name.startswith("access-control")]


@pytest.fixture(scope="module")
def guarded(load):
    from http_service import running

    from lungscope.serving.http.settings import Settings

    with running(Settings(port=0, workers=1, token=TOKEN), load) as (host, port):
        yield f"http://{host}:{port}"


@pytest.mark.parametrize("path", ["/v1/model", "/v1/predictions", "/metrics", "/v1/nothing"])
@pytest.mark.parametrize("header", [None, "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN])
def test_without_the_right_token_every_guarded_path_is_401(guarded, path, header):
    import httpx

    headers = {} if header is None else {"Authorization": header}
    found = httpx.get(guarded + path, headers=headers, trust_env=False)
    assert found.status_code == 401
    assert found.headers["www-authenticate"].startswith("Bearer")
    assert found.json()["type"] == "urn:lungscope:problem:token-required"
    assert TOKEN not in found.text


def test_with_a_token_who_presents_it_is_answered_under_any_name(guarded, image):
    import httpx

    headers = {"Authorization": f"Bearer {TOKEN}", "Host": "xray.hospital.example"}
    with httpx.Client(base_url=guarded, headers=headers, trust_env=False) as client:
        assert client.get("/v1/model").status_code == 200
        assert client.get("/v1/model", headers={"Via": "1.1 proxy"}).status_code == 200
        assert client.get("/metrics").status_code == 200
        assert client.post("/v1/predictions", files={"file": image}).status_code == 200


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_other_methods_need_the_token_as_well(guarded, method):
    import httpx

    for path in ("/metrics", "/v1/model"):
        assert httpx.request(method, guarded + path, trust_env=False).status_code == 401


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json"])
def test_the_health_checks_and_the_description_need_no_token(guarded, path):
    import httpx

    assert httpx.get(guarded + path, trust_env=False).status_code == 200


def test_no_spelling_of_a_path_goes_round_the_token(guarded):
    import httpx

    for path in ("//v1/model", "/V1/model", "/v1%2fmodel", "/./v1/model", "/page/../v1/model"):
        found = httpx.get(guarded + path, trust_env=False)
        assert found.status_code in {401, 404}, path


SHORT_TOKEN = "0123456789abcdef"  # noqa: S105 - of the tests alone
TOKENS = st.from_regex(r"\A[A-Za-z0-9._~+/-]{16,40}\Z")


def test_there_is_none_unless_one_is_given():
    assert read_token(None, {}) is None
    assert read_token(None, {"LUNGSCOPE_TOKEN": ""}) is None


def test_it_comes_from_the_environment():
    assert read_token(None, {"LUNGSCOPE_TOKEN": SHORT_TOKEN}) == SHORT_TOKEN


def test_it_comes_from_a_file_without_the_white_space_around_it(tmp_path):
    file = tmp_path / "token"
    file.write_text(f"  {SHORT_TOKEN}\n")
    assert read_token(file, {}) == SHORT_TOKEN


def test_two_of_them_are_refused(tmp_path):
    with pytest.raises(LungscopeError, match="give the token once"):
        read_token(tmp_path / "token", {"LUNGSCOPE_TOKEN": SHORT_TOKEN})


def test_a_file_that_is_not_there_is_refused_by_its_name(tmp_path):
    with pytest.raises(LungscopeError, match="token: No such file"):
        read_token(tmp_path / "token", {})


@pytest.mark.parametrize(
    "content", ["", "too-brief", "two words and more", "zażółć" * 4, "x\0" * 16]
)
def test_a_token_that_is_short_or_no_header_can_carry_is_refused_unrepeated(content, tmp_path):
    file = tmp_path / "file"
    file.write_text(content)
    with pytest.raises(LungscopeError, match="openssl rand -hex 32") as error:
        read_token(file, {})
    assert not content or content not in str(error.value)


@given(TOKENS)
def test_who_presents_the_token_is_let_in(token):
    assert presents(f"Bearer {token}".encode(), token)
    assert presents(f"bearer  {token} ".encode(), token)


@given(TOKENS, TOKENS)
def test_who_presents_another_is_not(token, other):
    assert presents(f"Bearer {other}".encode(), token) == (token == other)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"Bearer",
        b"Bearer ",
        SHORT_TOKEN.encode(),
        b"Basic " + SHORT_TOKEN.encode(),
        b"Bearer \xff\xfe",
        f"Bearer {SHORT_TOKEN}x".encode(),
        f"Bearer {SHORT_TOKEN[:-1]}".encode(),
    ],
)
def test_what_is_no_bearer_token_lets_nobody_in(header):
    assert not presents(header, SHORT_TOKEN)


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
