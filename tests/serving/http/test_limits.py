"""What is too much: by size, by number, by time, by memory; and what it is answered with."""

import io
import socket
import struct
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx
import numpy as np
import pytest
from http_service import dicom, form, head, png, received, running
from PIL import Image

from lungscope.serving.http import connection
from lungscope.serving.http.service import Model
from lungscope.serving.http.settings import MIB, Settings


def status_of(answer: bytes) -> int:
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0


def send(address, *pieces: bytes, wait: float = 0) -> bytes:
    with socket.create_connection(address, timeout=20) as sock:
        with suppress(BrokenPipeError, ConnectionResetError):
            for piece in pieces:
                sock.sendall(piece)
                time.sleep(wait)
        return received(sock)


@pytest.fixture
def small(load):
    """A service with limits that are soon met."""
    settings = Settings(
        port=0, workers=1, largest_upload=MIB, upload_timeout=0.5, timeout=5, most_files=3
    )
    with running(settings, load) as address:
        yield address


def test_an_upload_that_is_announced_too_large_is_refused_before_it_is_sent(small):
    with socket.create_connection(small) as sock:
        sock.sendall(head(2 * MIB, b"Expect: 100-continue"))
        assert status_of(sock.recv(4096)) == 413


def test_one_that_is_not_announced_is_refused_once_it_is_too_large(small, monkeypatch):
    chunk = b"%x\r\n" % 65536 + bytes(65536) + b"\r\n"
    lines = head(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    begun = b"--b0undary\r\nContent-Disposition: form-data; name=file; filename=x\r\n\r\n"
    monkeypatch.setattr(connection, "SECONDS", 0.5)
    answer = send(small, lines + b"%x\r\n" % len(begun) + begun + b"\r\n" + chunk * 40)
    assert status_of(answer) == 413
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize("size", [2 * MIB, 16 * MIB])
def test_an_ordinary_client_reads_why_it_was_refused_though_it_sends_all_first(small, size):
    url = f"http://{small[0]}:{small[1]}/v1/predictions"
    found = httpx.post(url, files={"file": bytes(size)}, trust_env=False, timeout=30)
    assert found.status_code == 413
    assert found.json()["detail"].startswith("over the limit of 1 MB")


def test_too_many_files_are_refused(small):
    url = f"http://{small[0]}:{small[1]}/v1/predictions"
    files = [("file", ("x.png", png()))] * 4
    assert httpx.post(url, files=files, trust_env=False).status_code == 413
    assert httpx.post(url, files=files[:3], trust_env=False).status_code == 200


def test_an_upload_that_dribbles_in_is_given_up(small, monkeypatch):
    monkeypatch.setattr(connection, "SECONDS", 0.2)
    body = form(png())
    began = time.monotonic()
    answer = send(small, head(len(body)), *(body[i : i + 1] for i in range(8)), wait=0.1)
    assert status_of(answer) == 408
    assert time.monotonic() - began < 10


def test_the_connection_of_a_client_that_goes_on_sending_is_ended(small, monkeypatch):
    monkeypatch.setattr(connection, "SECONDS", 0.5)
    with socket.create_connection(small) as sock:
        sock.sendall(head(500 * MIB))
        ends = time.monotonic() + 10
        with suppress(BrokenPipeError, ConnectionResetError):
            while time.monotonic() < ends:
                sock.sendall(b"x")
                time.sleep(0.02)
    assert time.monotonic() < ends


def test_dribbling_uploads_keep_nobody_else_from_being_answered(small):
    body = form(png())
    socks = [socket.create_connection(small) for _ in range(50)]
    for sock in socks:
        sock.sendall(head(len(body)) + body[:20])
    assert status_of(send(small, head(len(body), b"Connection: close") + body)) == 200
    for sock in socks:
        sock.close()


def test_all_uploads_together_have_a_limit_and_give_their_room_back(load, monkeypatch):
    monkeypatch.setattr(Settings, "uploads_in_memory", property(lambda _: 3 * MIB))
    settings = Settings(port=0, workers=1, largest_upload=2 * MIB, upload_timeout=3)
    begun = form(bytes(2 * MIB - 1000))[: MIB + MIB // 2]
    with running(settings, load) as address:
        held = [socket.create_connection(address) for _ in range(2)]
        for sock in held:
            sock.sendall(head(2 * MIB - 500) + begun[: MIB + MIB // 4])
        time.sleep(0.5)
        url = f"http://{address[0]}:{address[1]}/v1/predictions"
        refused = httpx.post(url, files={"file": bytes(MIB)}, trust_env=False)
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "1"
        for sock in held:
            sock.close()
        for _ in range(50):
            again = httpx.post(url, files={"file": bytes(MIB)}, trust_env=False)
            if again.status_code == 400:  # taken, and no image
                break
            time.sleep(0.1)
        assert again.status_code == 400


class Slow:
    """A classifier that waits at each image until the test lets it go on."""

    def __init__(self, model: Model) -> None:
        self._classifier = model.classifier
        self.gate = threading.Event()
        self.begun = threading.Semaphore(0)

    def __getattr__(self, name):
        return getattr(self._classifier, name)

    def classify(self, radiograph):
        self.begun.release()
        self.gate.wait(30)
        return self._classifier.classify(radiograph)


@pytest.fixture
def slow(load):
    found = Slow(load())
    yield found
    found.gate.set()


def test_when_the_queue_is_full_clients_are_asked_to_retry_and_the_accepted_are_answered(
    slow, image
):
    settings = Settings(port=0, workers=1, queue=2)
    with (
        running(settings, lambda: Model(slow)) as (host, port),
        ThreadPoolExecutor(8) as clients,
    ):
        url = f"http://{host}:{port}/v1/predictions"

        def ask(_):
            return httpx.post(url, files={"file": ("x.png", image)}, trust_env=False, timeout=30)

        accepted = [clients.submit(ask, n) for n in range(3)]
        assert slow.begun.acquire(timeout=5)
        time.sleep(0.5)
        text = httpx.get(f"http://{host}:{port}/metrics", trust_env=False).text
        assert "lungscope_queued_images 2.0" in text
        refused = [ask(n) for n in range(3)]
        assert {found.status_code for found in refused} == {429}
        assert refused[0].headers["retry-after"] == "1"
        slow.gate.set()
        assert [each.result().status_code for each in accepted] == [200, 200, 200]
        assert ask(0).status_code == 200


def test_an_answer_that_is_not_ready_in_time_is_given_up(slow, image):
    with running(Settings(port=0, workers=1, timeout=0.3), lambda: Model(slow)) as (host, port):
        url = f"http://{host}:{port}/v1/predictions"
        found = httpx.post(url, files={"file": ("x.png", image)}, trust_env=False)
        assert found.status_code == 503
        assert found.json()["type"] == "urn:lungscope:problem:late"
        assert found.headers["retry-after"] == "5"
        slow.gate.set()
        assert httpx.post(url, files={"file": ("x.png", image)}, trust_env=False).status_code == 200


def bomb(side: int) -> bytes:
    """A PNG of a few kilobytes whose header says side x side pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    packed = zlib.compress(bytes((side + 1) * min(side, 4000)), 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


HOSTILE = {
    "a decompression bomb": ("x.png", lambda: bomb(40_000)),
    "a PNG cut short": ("x.png", lambda: cut(png())),
    "a DICOM file cut short": ("x.dcm", lambda: cut(dicom())),
    "a DICOM file with a huge frame": ("x.dcm", lambda: dicom(Rows=60_000, Columns=60_000)),
    "a DICOM file of another modality": ("x.dcm", lambda: dicom(Modality="CT")),
    "an animation": ("x.gif", lambda: b"GIF89a" + bytes(100)),
    "noise": ("x", lambda: np.random.default_rng(0).bytes(5000)),
    "a page": ("x.html", lambda: b"<script>alert(1)</script>"),
    "nothing": ("x", lambda: b""),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_is_refused_and_the_service_goes_on(client, image, what):
    name, content = HOSTILE[what]
    began = time.monotonic()
    found = client.post("/v1/predictions", files={"file": (name, content())})
    assert found.status_code == 400
    assert found.json()["detail"]
    assert time.monotonic() - began < 5
    assert client.post("/v1/predictions", files={"file": ("x.png", image)}).status_code == 200


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "..\\x.png", "CON", "x" * 5000, "\u202ex.png"]
)
def test_a_name_like_a_path_is_repeated_as_a_name(client, image, name):
    found = client.post("/v1/predictions", files={"file": (name, image)})
    if found.status_code == 200:
        text = found.json()["predictions"][0]["file"]
        assert "/" not in text
        assert "\\" not in text
        assert text.isprintable()
        assert len(text) <= 255
    else:
        assert found.status_code == 400


def test_a_name_cannot_add_headers_or_lines(client_of, image, tmp_path):
    client = client_of(audit_log=tmp_path / "audit.jsonl")
    port = client.base_url.port
    name = 'x.png\r\nX-Injected: yes\r\n\r\n{"forged": true}'
    body = form(image, name)
    answer = send(("127.0.0.1", port), head(len(body), b"Connection: close") + body)
    assert b"x-injected" not in answer.lower().partition(b"\r\n\r\n")[0]
    found = client.post(
        "/v1/predictions",
        files={"file": (name, image)},
        headers={"X-Request-ID": "a b"},
    )
    assert "x-injected" not in found.headers
    assert "forged" not in (tmp_path / "audit.jsonl").read_text()


def test_a_16_bit_image_is_read_within_the_limits(client):
    content = io.BytesIO()
    Image.fromarray(np.tile(np.linspace(0, 65535, 3000), (2500, 1)).astype(np.uint16)).save(
        content, "PNG"
    )
    found = client.post("/v1/predictions", files={"file": ("x.png", content.getvalue())})
    assert (found.json()["predictions"][0]["height"], found.status_code) == (2500, 200)


@pytest.mark.parametrize("clients", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_many_clients_at_once_are_answered_or_asked_to_retry(load, image, clients):
    """A bounded load from this machine: one request a connection, all gone after seconds."""
    import asyncio

    body = form(image)
    request = head(len(body), b"Connection: close") + body
    statuses: list[int] = []

    async def one(address) -> None:
        try:
            reader, writer = await asyncio.open_connection(*address)
            writer.write(request)
            await asyncio.sleep(0)
            statuses.append(status_of(await asyncio.wait_for(reader.read(), 60)))
            writer.close()
        except (ConnectionResetError, BrokenPipeError):
            statuses.append(0)

    async def all_of_them(address) -> None:
        await asyncio.gather(*(one(address) for _ in range(clients)))

    with running(Settings(port=0, workers=2, queue=16), load) as address:
        asyncio.run(all_of_them(address))
        url = f"http://{address[0]}:{address[1]}"
        again = httpx.post(
            url + "/v1/predictions", files={"file": ("x.png", image)}, trust_env=False
        )
        assert again.status_code == 200
        text = httpx.get(url + "/metrics", trust_env=False).text
    assert len(statuses) == clients
    assert set(statuses) <= {200, 429, 503}
    assert statuses.count(200) >= 16
    assert "lungscope_queued_images 0.0" in text
    assert "lungscope_upload_bytes 0.0" in text
