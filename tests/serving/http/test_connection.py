import io
import json
import socket
import time
from contextlib import suppress

import httpx
import numpy as np
import pytest
from http_service import form, head, png, received, running
from PIL import Image

from lungscope.serving.http import connection
from lungscope.serving.http.settings import Settings


@pytest.fixture
def impatient(load, monkeypatch):
    monkeypatch.setattr(connection, "PATIENCE", 0.4)
    with running(Settings(port=0, workers=1), load) as address:
        yield address


def answer(sock: socket.socket) -> bytes:
    sock.settimeout(10)
    found = b""
    while not found.endswith(b'not for diagnosis."}'):
        found += sock.recv(65536)
    return found


def closed_within(sock: socket.socket, seconds: float) -> bool:
    began = time.monotonic()
    received(sock, seconds)
    return time.monotonic() - began < seconds


def test_a_connection_on_which_nothing_comes_is_closed(impatient):
    with socket.create_connection(impatient) as sock:
        assert closed_within(sock, 5)


@pytest.mark.parametrize("before", [b"", head(len(form(png()))) + form(png())])
def test_a_head_that_dribbles_in_is_cut_off_also_after_a_request(impatient, before):
    with socket.create_connection(impatient) as sock:
        sock.sendall(before)
        if before:
            assert answer(sock).startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        sock.settimeout(0.01)
        ended = False
        for letter in b"GET /healthz HTTP/1.1\r\nX-Padding: " + b"x" * 1000:
            try:
                sock.sendall(bytes([letter]))
                ended = sock.recv(10) == b""
            except TimeoutError:
                time.sleep(0.02)
            except (BrokenPipeError, ConnectionResetError):
                ended = True
            if ended:
                break
        assert ended
        assert time.monotonic() - began < 5


def test_a_connection_is_kept_for_the_next_request(impatient):
    request = head(len(form(png()))) + form(png())
    with socket.create_connection(impatient) as sock:
        for _ in range(3):
            sock.sendall(request)
            assert answer(sock).startswith(b"HTTP/1.1 200")
            time.sleep(0.6)  # longer than a head may take


def test_requests_sent_at_once_are_answered_one_after_the_other(impatient):
    request = head(len(form(png()))) + form(png())
    with socket.create_connection(impatient) as sock:
        sock.sendall(request * 3)
        assert received(sock, 2).count(b"HTTP/1.1 200") == 3


def test_a_client_that_takes_no_answer_is_dropped(load, monkeypatch):
    monkeypatch.setattr(connection, "PATIENCE", 0.4)
    noise = np.random.default_rng(0).integers(0, 256, (1024, 1024)).astype(np.uint8)
    content = io.BytesIO()
    Image.fromarray(noise).save(content, "PNG")
    body = form(content.getvalue())
    request = head(len(body)).replace(b"/predictions", b"/predictions?preview=true") + body
    with running(Settings(port=0, workers=1), load) as address, socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        sock.connect(address)
        sock.settimeout(3)
        with suppress(OSError):  # 30 answers of 1.4 MB are more than sockets hold
            sock.sendall(request * 30)
        time.sleep(1)
        assert received(sock, 5).count(b"HTTP/1.1 200") < 30
        url = f"http://{address[0]}:{address[1]}/metrics"
        assert "lungscope_upload_bytes 0.0" in httpx.get(url, trust_env=False).text


def test_what_is_no_http_is_a_problem(served):
    with socket.create_connection(served) as sock:
        sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 is TLS\r\n\r\n")
        top, _, content = received(sock).partition(b"\r\n\r\n")
    assert top.startswith(b"HTTP/1.1 400")
    assert b"application/problem+json" in top
    assert json.loads(content)["type"] == "urn:lungscope:problem:malformed-request"


@pytest.mark.parametrize(
    "attack",
    [
        b"POST /v1/predictions HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n",
        b"POST /v1/predictions HTTP/1.1\r\nHost: a\r\nContent-Length: -4\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\nInjected: b\x00\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 100_000,
        b"GET " + b"/" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_heads_that_mean_two_things_or_too_much_are_refused(served, attack):
    with socket.create_connection(served) as sock:
        sock.sendall(attack)
        answers = received(sock, 3)
    assert b"HTTP/1.1 5" not in answers
    assert answers.count(b"HTTP/1.1 2") == 0
    assert b"python_info" not in answers


def test_there_is_a_limit_to_connections(load, monkeypatch):
    monkeypatch.setattr(connection, "MOST", 5)
    with running(Settings(port=0, workers=1), load) as address:
        time.sleep(0.3)
        socks = [socket.create_connection(address) for _ in range(12)]
        time.sleep(0.3)
        closed = 0
        for sock in socks:
            sock.settimeout(0.05)
            try:
                closed += sock.recv(1) == b""
            except TimeoutError:
                pass
            except ConnectionResetError:
                closed += 1
        for sock in socks:
            sock.close()
        assert closed == 7
        with socket.create_connection(address) as sock:
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert received(sock).startswith(b"HTTP/1.1 200")
