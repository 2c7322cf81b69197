import io
import socket

import pytest
import requests
from filelock import FileLock
from unreliable import (
    ARCHIVE,
    HALF,
    cut,
    fill_the_disk,
    hung_up,
    in_chunks,
    serving,
    silent,
    stalled,
    status,
    whole,
    without_length,
)

from lungscope.data import download as module
from lungscope.data.download import downloaded
from lungscope.errors import LungscopeError
from lungscope.progress import ignore

ONWARD = "download this address in a browser and unpack the file with unpack_record"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.001)
    with serving() as server:
        yield server


@pytest.fixture
def get(server, tmp_path):
    """Downloads from a server that follows the script, and moves the archive out of the folder."""

    def get(*script, url=None, on_progress=ignore, timeout=5, attempts=3):
        server.script = script
        server.asked.clear()
        folder = tmp_path / "partial"
        with downloaded(
            url or server.url, folder, on_progress, timeout=timeout, attempts=attempts
        ) as path:
            path.replace(tmp_path / "archive.zip")

    return get


@pytest.fixture
def fails(get, server, tmp_path):
    """Expects one line of refusal, and that nothing is left."""

    def fails(match, *script, **keywords):
        with pytest.raises(LungscopeError, match=match) as refusal:
            get(*script, **keywords)
        assert "\n" not in str(refusal.value)
        assert str(refusal.value).startswith(server.url)
        assert not list(tmp_path.iterdir())

    return fails


def assert_in_place(tmp_path, expected=ARCHIVE):
    assert (tmp_path / "archive.zip").read_bytes() == expected
    assert [path.name for path in tmp_path.iterdir()] == ["archive.zip"]


@pytest.mark.parametrize(
    "answer",
    [whole(), without_length(), in_chunks()],
    ids=["length", "no length", "chunked"],
)
def test_the_archive_is_in_place_whatever_the_server_says_of_the_length(get, tmp_path, answer):
    get(answer)
    assert_in_place(tmp_path)


def test_a_cut_download_starts_again(get, server, tmp_path):
    get(cut(), whole())

    assert len(server.asked) == 2
    assert_in_place(tmp_path)


def test_a_stalled_download_is_given_up_and_starts_again(get, server, tmp_path):
    get(stalled(), whole(), timeout=0.2)

    assert len(server.asked) == 2
    assert_in_place(tmp_path)


def test_a_redirect_is_followed(get, server, tmp_path):
    def onward(to):
        if to.path == "/zip":
            return to.send(302, Location=server.url + "/store", Content_Length=0)
        return whole()(to)

    get(onward)
    assert_in_place(tmp_path)


def test_redirects_in_a_ring_end(fails, server):
    fails("without end", lambda to: to.send(302, Location=server.url, Content_Length=0))


@pytest.mark.parametrize("onward", ["http://127.0.0.1/zip", "http://example.com/zip"])
def test_https_is_never_left(onward):
    answer = requests.Response()
    answer.status_code, answer.url = 302, "https://example.com/zip"
    answer.headers["Location"] = onward
    with pytest.raises(module._Refused, match="not https"):
        module._Receiver(io.BytesIO(), ignore).answer(answer)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "no network"),
        (requests.exceptions.SSLError("self-signed"), "certificate is not trusted"),
    ],
)
def test_what_waiting_does_not_change_is_said_at_once(get, monkeypatch, error, reason):
    def fail(*_, **__):
        raise error

    if isinstance(error, socket.gaierror):
        monkeypatch.setattr(socket, "getaddrinfo", fail)
    else:
        monkeypatch.setattr(requests.Session, "send", fail)
    monkeypatch.setattr(module.time, "sleep", lambda _: pytest.fail("waited"))
    with pytest.raises(LungscopeError, match=f"{reason}.*{ONWARD}"):
        get(whole(), url="http://localhost:1/zip")


def test_a_disk_that_fills_while_downloading_leaves_nothing(get, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        fill_the_disk(patch, "w")
        with pytest.raises(LungscopeError, match="cannot be written: No space left on device"):
            get(whole())
    assert list(tmp_path.iterdir()) == []


def test_a_finished_download_is_not_asked_for_again(get, server, tmp_path):
    server.script = [whole()]
    with (
        pytest.raises(KeyboardInterrupt),
        downloaded(server.url, tmp_path / "partial", ignore, timeout=5, attempts=1),
    ):
        raise KeyboardInterrupt

    get(status(404))
    assert server.asked == []
    assert_in_place(tmp_path)


def test_the_pauses_double(get, fails, monkeypatch):
    pauses = []
    monkeypatch.setattr(module, "_FIRST_PAUSE", 1.0)
    monkeypatch.setattr(module.time, "sleep", pauses.append)
    fails("503 Service Unavailable, 5 times", status(503), attempts=5)
    assert pauses == [1, 2, 4, 8]


def test_a_server_that_recovers_is_waited_for(get, server, tmp_path):
    get(status(500), hung_up, status(429), whole(), attempts=4)
    assert_in_place(tmp_path)


@pytest.mark.parametrize(
    ("answer", "reason", "requests"),
    [
        (status(404), "answered 404 Not Found; download", 1),
        (status(403, b"<html>secret"), "answered 403 Forbidden", 1),
        (status(500), "answered 500 Internal Server Error, 2 times", 2),
        (status(204), "only a piece of a zip archive", 1),
        (status(599, b"\x1b[2J"), "answered 599;", 1),
        (whole(b"<html>secret</html>"), "something other than a zip archive", 1),
        (whole(ARCHIVE[:HALF]), "only a piece of a zip archive", 1),
        (hung_up, "connection was cut or could not be made", 2),
        (in_chunks(ARCHIVE[:HALF], end=b""), "connection was cut", 2),
        (without_length(ARCHIVE[:HALF]), "the connection was cut", 2),
        (status(302, Location="http://example.com/zip"), "not https", 1),
        (status(302, Location="ftp://127.0.0.1/zip"), "not https", 1),
        (status(302, Location="file:///etc/passwd"), "not https", 1),
        (status(302), "only a piece of a zip archive", 1),
        (lambda to: to.wfile.write(b"secret \x00\r\n\r\n"), "was cut or could not", 2),
    ],
)
def test_what_the_server_does_wrong_is_told_in_our_words(fails, server, answer, reason, requests):
    fails(reason, answer, attempts=2)

    assert len(server.asked) == requests


def test_a_server_that_stays_silent_is_given_up(fails, server):
    fails("fell silent, 2 times", silent, attempts=2, timeout=0.2)
    assert len(server.asked) == 2


def test_every_failure_says_how_to_go_on_by_hand(fails):
    fails(f"{ONWARD}$", status(404))


def test_nothing_that_the_server_wrote_is_shown(get, server):
    for answer in (status(404, b"secret"), whole(b"secret"), lambda to: to.wfile.write(b"secret")):
        with pytest.raises(LungscopeError) as refusal:
            get(answer, attempts=1)
        assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a.zip",
        "http://127.0.0.1.example.com/a.zip",
        "ftp://127.0.0.1/a.zip",
        "file:///etc/passwd",
        "/etc/passwd",
        "https://",
        "https://[::1/a.zip",
        "",
    ],
)
def test_an_address_that_is_not_https_is_refused_before_anything_else(tmp_path, url):
    with (
        pytest.raises(LungscopeError, match=r"only https|valid address"),
        downloaded(url, tmp_path / "partial", ignore, timeout=5, attempts=1),
    ):
        pytest.fail("downloaded")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["a b", "a\nb", "\u00e9"])
def test_an_address_with_forbidden_characters_is_refused(fails, server, get, tmp_path, path):
    with pytest.raises(LungscopeError, match="valid address"):
        get(whole(), url=f"{server.url}/{path}")


def test_a_closed_port_is_told_after_all_attempts(tmp_path, get, server):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    with pytest.raises(LungscopeError, match="could not be made, 2 times"):
        get(whole(), url=f"http://127.0.0.1:{port}/", attempts=2)


def test_an_archive_over_the_limit_is_refused_unread(fails, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", len(ARCHIVE) - 1)
    seen = []
    fails("larger than", whole(), on_progress=lambda *done: seen.append(done))
    assert seen == []


def test_an_archive_that_outgrows_the_limit_is_refused(fails, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", len(ARCHIVE) - 1)
    fails("larger than", without_length())


def test_progress_rises_to_the_size_even_if_it_starts_anew(get, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 1000)
    seen = []
    get(cut(), whole(), on_progress=lambda done, total: seen.append((done, total)))

    dones = [done for done, _ in seen]
    assert dones == sorted(dones)
    assert seen[-1] == (len(ARCHIVE), len(ARCHIVE))
    assert {total for _, total in seen} == {len(ARCHIVE)}


def test_progress_has_no_total_while_the_server_says_none(get):
    seen = []
    get(without_length(), on_progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(ARCHIVE), 0)


def test_a_second_process_on_the_same_target_is_refused(get, server, tmp_path):
    folder = tmp_path / "partial"
    folder.mkdir()
    with FileLock(folder / "lock"):
        with pytest.raises(LungscopeError, match="another process downloads here"):
            get(whole())
        assert folder.is_dir()
    assert server.asked == []


def test_a_place_that_cannot_be_written_is_told(get, tmp_path):
    (tmp_path / "partial").write_text("a file where the folder should be")
    with pytest.raises(LungscopeError, match="cannot be written: File exists"):
        get(whole())
