import errno
import hashlib
import io
import json
import re
import socket
import ssl
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType

import pytest
from filelock import FileLock

from lungscope.data import fetch as module
from lungscope.data.archive import ArchiveError
from lungscope.data.fetch import PAPER_SET, Fetched, Record, fetch, unpack_record
from lungscope.errors import LungscopeError

ONWARD = "lungscope data fetch --archive FILE"


def zipped(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def pixels(seed):
    return hashlib.shake_128(bytes([seed])).digest(20_000)


IMAGES = {
    "Lung X-Ray Image/Lung_Opacity/1.jpg": pixels(1),
    "Lung X-Ray Image/Normal/1.jpg": pixels(2),
    "Lung X-Ray Image/Normal/2.jpg": pixels(3),
    "Lung X-Ray Image/viral-pneumonia/1.jpg": pixels(4),
}
ARCHIVE = zipped(IMAGES)
OTHER = zipped(IMAGES | {"Lung X-Ray Image/Normal/2.jpg": pixels(5)})
HALF = len(ARCHIVE) // 2
COUNTS = {"Lung_Opacity": 1, "Normal": 2, "Viral Pneumonia": 1}


class Answering(BaseHTTPRequestHandler):
    """Answers each request by the next step of the server's script; the last one repeats."""

    def do_GET(self):
        script, asked = self.server.script, self.server.asked
        asked.append(dict(self.headers))
        script[min(len(asked), len(script)) - 1](self)

    def log_message(self, *_):
        pass

    def send(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)


def whole(content=ARCHIVE, etag='"one"'):
    return lambda to: to.send(200, content, Content_Length=len(content), ETag=etag)


def without_length(content=ARCHIVE, **headers):
    return lambda to: to.send(200, content, **headers)


def in_chunks(content=ARCHIVE, end=b"0\r\n\r\n"):
    body = b"%x\r\n%b\r\n" % (len(content), content) + end

    def answer(to):
        to.protocol_version = "HTTP/1.1"
        to.send(200, body, Transfer_Encoding="chunked", Connection="close")

    return answer


def cut(at=HALF, content=ARCHIVE, **headers):
    """Promises all and closes the connection before the end."""
    headers = headers or {"ETag": '"one"'}
    return lambda to: to.send(200, content[:at], Content_Length=len(content), **headers)


def stalled(at=HALF):
    def answer(to):
        cut(at)(to)
        to.wfile.flush()
        to.server.closing.wait(5)

    return answer


def silent(to):
    to.server.closing.wait(5)


def hung_up(to):
    to.connection.shutdown(socket.SHUT_RDWR)


def rest(content=ARCHIVE, etag='"one"', total=None, shift=0):
    """The part that was asked for, or all of it if the archive is another one by now."""

    def answer(to):
        if "Range" not in to.headers or to.headers["If-Range"] != etag:
            return whole(content, etag)(to)
        start = int(re.fullmatch(r"bytes=(\d+)-", to.headers["Range"])[1]) + shift
        total_ = len(content) if total is None else total
        span = f"bytes {start}-{len(content) - 1}/{total_}"
        body = content[start:]
        return to.send(206, body, Content_Range=span, Content_Length=len(body), ETag=etag)

    return answer


def status(code, body=b"", **headers):
    return lambda to: to.send(code, body, Content_Length=len(body), **headers)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.001)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = False  # server_close() waits for the answers under way
    server.closing = threading.Event()
    server.asked = []
    server.url = f"http://127.0.0.1:{server.server_port}/zip"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.closing.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def get(server, tmp_path):
    """Fetches into an empty folder from a server that follows the script."""

    def get(*script, attempts=3, **keywords):
        server.script = script
        server.asked.clear()
        record = Record("set", server.url, MappingProxyType(COUNTS), "10.1/x", "any")
        return fetch(tmp_path / "images", record, attempts=attempts, timeout=0.2, **keywords)

    return get


@pytest.fixture
def fails(get, server, tmp_path):
    """Expects one line of refusal, no images, and says which files are kept."""

    def fails(match, *script, **keywords):
        with pytest.raises(LungscopeError, match=match) as refusal:
            get(*script, **keywords)
        assert "\n" not in str(refusal.value)
        assert str(refusal.value).startswith(server.url)
        assert not (tmp_path / "images").exists()
        assert not list(tmp_path.glob(".*"))
        return {
            path.name: path.stat().st_size
            for path in tmp_path.glob("*.partial-download/*")
            if path.name != "lock"
        }

    return fails


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def assert_in_place(tmp_path, expected=IMAGES):
    assert files(tmp_path / "images") == expected
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


def test_the_paper_set_is_the_paper_s():
    assert sum(PAPER_SET.counts.values()) == 3475
    assert PAPER_SET.url.startswith("https://data.mendeley.com/")
    with pytest.raises(TypeError):
        PAPER_SET.counts["Normal"] = 0


@pytest.mark.parametrize(
    "answer",
    [whole(), without_length(), in_chunks(), rest(), without_length(ETag='W/"weak"')],
    ids=["length", "no length", "chunked", "ranges", "weak etag"],
)
def test_the_images_are_in_place_whatever_the_server_says_of_the_length(get, tmp_path, answer):
    fetched = get(answer)

    assert fetched == Fetched(tmp_path / "images", COUNTS, COUNTS, ())
    assert fetched.complete
    assert_in_place(tmp_path)


def test_a_difference_from_the_record_is_told_and_no_error(get):
    members = {
        "set/NORMAL/1.jpg": b"1",
        "set/normal/masks/1.jpg": b"1",
        "set/Lung Opacity/a/1.jpg": b"1",
        "set/Lung Opacity/a/2.jpg": b"1",
        "set/COVID/1.jpg": b"1",
        "set/tool.exe": b"1",
    }
    fetched = get(whole(zipped(members)))

    assert fetched.counts == {
        "Lung_Opacity": 2,
        "Normal": 1,
        "Viral Pneumonia": 0,
        "set/COVID": 1,
    }
    assert fetched.expected == COUNTS
    assert fetched.skipped == ("set/tool.exe",)
    assert not fetched.complete


def test_a_cut_download_goes_on_where_it_was_cut(get, server, tmp_path):
    get(cut(), rest())

    assert "Range" not in server.asked[0]
    assert server.asked[1]["Range"] == f"bytes={HALF}-"
    assert server.asked[1]["If-Range"] == '"one"'
    assert_in_place(tmp_path)


def test_a_date_serves_where_there_is_no_etag(get, server, tmp_path):
    date = "Tue, 24 Oct 2023 10:00:00 GMT"
    get(cut(Last_Modified=date), rest(etag=date))

    assert server.asked[1]["If-Range"] == date
    assert_in_place(tmp_path)


@pytest.mark.parametrize("etag", ['W/"weak"', '"\u00e9"', '"a\x01b"'])
def test_without_a_usable_validator_it_starts_anew(get, server, tmp_path, etag):
    get(cut(ETag=etag), rest(etag=etag))

    assert "Range" not in server.asked[1]
    assert_in_place(tmp_path)


def test_a_stalled_download_is_given_up_and_goes_on(get, server, tmp_path):
    get(stalled(), rest())

    assert server.asked[1]["Range"] == f"bytes={HALF}-"
    assert_in_place(tmp_path)


def test_a_server_that_ignores_ranges_is_read_anew(get, server, tmp_path):
    get(cut(), whole())

    assert len(server.asked) == 2
    assert_in_place(tmp_path)


def test_an_archive_that_changed_meanwhile_is_read_anew(get, server, tmp_path):
    get(cut(), rest(OTHER, '"two"'))

    assert len(server.asked) == 2
    assert (tmp_path / "images" / "Lung X-Ray Image/Normal/2.jpg").read_bytes() in OTHER


@pytest.mark.parametrize(
    "wrong",
    [
        rest(shift=1),
        rest(shift=-1),
        rest(total=len(ARCHIVE) + 1),
        lambda to: to.send(206, OTHER[HALF:], ETag='"one"'),
        lambda to: to.send(206, OTHER[HALF:], Content_Range="bytes x-y/z", ETag='"one"'),
        lambda to: to.send(
            206,
            OTHER[HALF:],
            Content_Range=f"bytes {HALF}-{len(OTHER) - 1}/{len(OTHER)}",
            ETag='"two"',
        ),
        status(416, Content_Range=f"bytes */{HALF}"),
    ],
    ids=["later", "earlier", "other total", "no range", "no numbers", "other etag", "416"],
)
def test_a_part_that_does_not_fit_is_thrown_away(get, server, tmp_path, wrong):
    get(cut(), wrong, rest())

    assert "Range" not in server.asked[2]
    assert_in_place(tmp_path)


def test_a_range_without_a_total_is_taken(get, tmp_path):
    get(cut(), rest(total="*"))
    assert_in_place(tmp_path)


def test_a_later_call_goes_on_from_an_earlier_one(get, fails, server, tmp_path):
    kept = fails("the connection was cut, 1 times; fetch again to go on", cut(), attempts=1)
    assert kept["archive.zip"] == HALF

    get(rest())
    assert server.asked[0]["Range"] == f"bytes={HALF}-"
    assert_in_place(tmp_path)


def test_a_finished_download_is_not_asked_for_again(get, server, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "unpack_record", killed)
        with pytest.raises(KeyboardInterrupt):
            get(whole())

    get(status(404))
    assert server.asked == []
    assert_in_place(tmp_path)


def test_a_download_of_another_address_is_not_gone_on_with(get, server, tmp_path, fails):
    fails("cut", cut(), attempts=1)
    get(rest(), url=server.url + "/other")

    assert "Range" not in server.asked[0]
    assert_in_place(tmp_path)


@pytest.mark.parametrize("note", ["", "[]", '{"url": 1}', "\xff", None])
def test_a_spoilt_note_starts_anew(get, fails, server, tmp_path, note):
    fails("cut", cut(), attempts=1)
    path = tmp_path / "images.partial-download" / "origin.json"
    path.unlink() if note is None else path.write_text(note, encoding="latin-1")

    get(rest())
    assert "Range" not in server.asked[0]
    assert_in_place(tmp_path)


def test_the_note_says_what_was_begun(fails, server, tmp_path):
    fails("cut", cut(), attempts=1)
    note = json.loads((tmp_path / "images.partial-download" / "origin.json").read_text())
    assert note == {"url": server.url, "validator": '"one"', "size": len(ARCHIVE)}


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
        (status(404), "answered 404 Not Found; or download", 1),
        (status(403, b"<html>secret"), "answered 403 Forbidden", 1),
        (status(500), "answered 500 Internal Server Error, 2 times", 2),
        (status(204), "only a piece of a zip archive", 1),
        (status(599, b"\x1b[2J"), "answered 599;", 1),
        (whole(b"<html>secret</html>"), "something other than a zip archive", 1),
        (whole(ARCHIVE[:HALF]), "only a piece of a zip archive", 1),
        (silent, "fell silent, 2 times", 2),
        (hung_up, "connection was cut or could not be made", 2),
        (in_chunks(ARCHIVE[:HALF], end=b""), "connection was cut", 2),
        (without_length(ARCHIVE[:HALF]), "the connection was cut", 2),
        (status(302, Location="http://example.com/zip"), "not https", 1),
        (status(302, Location="ftp://127.0.0.1/zip"), "not https|302", 1),
        (status(302, Location="file:///etc/passwd"), "302", 1),
        (status(302), "302", 1),
        (lambda to: to.wfile.write(b"secret \x00\r\n\r\n"), "was cut or could not", 2),
    ],
)
def test_what_the_server_does_wrong_is_told_in_our_words(fails, server, answer, reason, requests):
    kept = fails(reason, answer, attempts=2)

    assert len(server.asked) == requests
    assert set(kept) == ({"archive.zip", "origin.json"} if reason.endswith("was cut") else set())


def test_every_failure_says_how_to_go_on_by_hand(fails):
    fails(rf"download this address in a browser and continue with: {ONWARD}$", status(404))


def test_nothing_that_the_server_wrote_is_shown(get, server):
    for answer in (status(404, b"secret"), whole(b"secret"), lambda to: to.wfile.write(b"secret")):
        with pytest.raises(LungscopeError) as refusal:
            get(answer, attempts=1)
        assert "secret" not in str(refusal.value)


def test_a_redirect_is_followed_and_keeps_the_range(get, server, tmp_path):
    def onward(to):
        if to.path == "/zip":
            return to.send(302, Location=server.url + "/store")
        return rest()(to)

    get(cut(), onward)

    assert server.asked[2]["Range"] == f"bytes={HALF}-"
    assert_in_place(tmp_path)


def test_redirects_in_a_ring_end(fails, server):
    fails("302", lambda to: to.send(302, Location=server.url))


def test_https_is_never_left():
    request = module.urllib.request.Request("https://example.com/zip")
    body = io.BytesIO()
    with pytest.raises(module._Refused, match="not https"):
        module._SafeRedirects().redirect_request(request, body, 302, "", {}, "http://127.0.0.1/zip")
    assert body.closed


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
    record = Record("set", url, COUNTS, "10.1/x", "any")
    with pytest.raises(LungscopeError, match=r"only https|not an address"):
        fetch(tmp_path / "images", record)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["a b", "a\nb", "\u00e9"])
def test_an_address_with_forbidden_characters_is_refused(fails, server, get, tmp_path, path):
    with pytest.raises(LungscopeError, match="valid address"):
        get(whole(), url=f"{server.url}/{path}")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "no network"),
        (ssl.SSLCertVerificationError(1, "self-signed"), "certificate is not trusted"),
    ],
)
def test_what_waiting_does_not_mend_is_told_at_once(get, monkeypatch, error, reason):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    monkeypatch.setattr(module.time, "sleep", lambda _: pytest.fail("waited"))
    with pytest.raises(LungscopeError, match=f"{reason}.*{ONWARD}"):
        get(whole())


def test_a_closed_port_is_told_after_all_attempts(tmp_path, get, server):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    with pytest.raises(LungscopeError, match="could not be made, 2 times"):
        get(whole(), url=f"http://127.0.0.1:{port}/", attempts=2)


def test_an_archive_over_the_limit_is_refused_unread(fails, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", len(ARCHIVE) - 1)
    seen = []
    assert fails("larger than", whole(), on_progress=lambda *done: seen.append(done)) == {}
    assert seen == []


def test_an_archive_that_outgrows_the_limit_is_refused(fails, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", len(ARCHIVE) - 1)
    assert fails("larger than", without_length()) == {}


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


def test_a_hostile_archive_is_refused_and_removed(get, fails, tmp_path):
    hostile = zipped({"Normal/1.jpg": b"1", "../../1.jpg": b"2"})
    assert fails("leads out of the folder; the download is removed", whole(hostile)) == {}


def test_a_damaged_archive_is_removed_and_read_anew_the_next_time(get, fails, tmp_path):
    at = ARCHIVE.index(IMAGES["Lung X-Ray Image/Normal/1.jpg"])
    damaged = ARCHIVE[:at] + bytes([ARCHIVE[at] ^ 1]) + ARCHIVE[at + 1 :]
    with pytest.raises(ArchiveError, match=r"Normal/1\.jpg' is damaged"):
        get(whole(damaged))

    get(whole())
    assert_in_place(tmp_path)


def test_a_disk_that_fills_while_unpacking_keeps_the_download(get, server, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        fill_the_disk(patch, "x")
        with pytest.raises(LungscopeError, match="No space left on device") as refusal:
            get(whole())
    assert "\n" not in str(refusal.value)
    assert [path.name for path in tmp_path.iterdir()] == ["images.partial-download"]

    get(status(404))
    assert_in_place(tmp_path)


def test_a_disk_that_fills_while_downloading_keeps_what_came(
    get, server, tmp_path, monkeypatch, fails
):
    fails("cut", cut(), attempts=1)
    with monkeypatch.context() as patch:
        fill_the_disk(patch, "a")
        with pytest.raises(LungscopeError, match="No space left on device; what came is kept"):
            get(rest())

    get(rest())
    assert server.asked[0]["Range"] == f"bytes={HALF}-"
    assert_in_place(tmp_path)


def fill_the_disk(patch, mode_of_interest):
    open_path = Path.open

    class Full(io.BytesIO):
        def write(self, *_):
            raise OSError(errno.ENOSPC, "No space left on device")

    def open_or_full(self, mode="r", *args, **keywords):
        return Full() if mode_of_interest in mode else open_path(self, mode, *args, **keywords)

    patch.setattr(Path, "open", open_or_full)


def test_a_target_in_use_is_refused_before_the_network_is_touched(get, server, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "mine.txt").write_text("mine")
    with pytest.raises(LungscopeError, match="exists already"):
        get(whole())
    assert server.asked == []
    assert files(tmp_path) == {"images/mine.txt": b"mine"}


def test_a_second_process_on_the_same_target_is_refused(get, server, tmp_path):
    folder = tmp_path / "images.partial-download"
    folder.mkdir()
    with FileLock(folder / "lock"):
        with pytest.raises(LungscopeError, match="another process downloads here"):
            get(whole())
        assert folder.is_dir()
    assert server.asked == []


def test_a_place_that_cannot_be_written_is_told(get, tmp_path):
    (tmp_path / "images.partial-download").write_text("a file where the folder should be")
    with pytest.raises(LungscopeError, match="cannot be written: File exists"):
        get(whole())


def test_an_archive_from_a_browser_gives_the_same_images_and_stays(tmp_path):
    path = tmp_path / "Downloads" / "9d55cttn5h-1.zip"
    path.parent.mkdir()
    path.write_bytes(ARCHIVE)

    fetched = unpack_record(path, tmp_path / "images")

    assert files(fetched.folder) == IMAGES
    assert fetched.counts == COUNTS
    assert fetched.expected == PAPER_SET.counts
    assert path.read_bytes() == ARCHIVE


def test_a_set_zipped_once_more_by_the_repository_is_found(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(zipped({"Lung X-Ray Image.zip": ARCHIVE}))
    assert unpack_record(path, tmp_path / "images").counts == COUNTS
