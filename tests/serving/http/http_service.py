"""What the tests of `lungscope serve` send, and a server to send it to."""

import asyncio
import socket
import threading
import time
from contextlib import contextmanager, suppress
from io import BytesIO

import httpx
import numpy as np
from PIL import Image

from dicom_files import dataset, written
from lungscope.serving.http.application import create_application
from lungscope.serving.http.server import Server, configuration, listening
from lungscope.serving.http.settings import Settings


def dicom(**elements) -> bytes:
    """A DX image of a chest with everybody's identifiers in it."""
    samples = np.tile(np.linspace(3500, 400, 96), (80, 1)).astype(np.uint16)
    values = {
        "ViewPosition": "PA",
        "ImageType": ["ORIGINAL", "PRIMARY"],
        "PresentationIntentType": "FOR PRESENTATION",
    }
    return written(dataset(samples, 12, **values | elements))


def png(side: str = "left", size: int = 96) -> bytes:
    """A grey image that is bright on one side: by the tiny model an opacity left, viral right."""
    ramp = np.linspace(230, 30, size)
    pixels = np.tile(ramp if side == "left" else ramp[::-1], (size, 1)).astype(np.uint8)
    content = BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


@contextmanager
def running(settings: Settings, load, *, wait: bool = True):
    """A server in a thread of this process; yields its address once images are answered."""
    with listening(settings) as sock:
        app = create_application(settings, load)
        server = Server(configuration(app, settings), app.state.service)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([sock])))
        thread.start()
        address = sock.getsockname()[:2]
        try:
            if wait:
                until_ready(address)
            yield address
        finally:
            server.should_exit = True
            thread.join(60)
            assert not thread.is_alive()


def until_ready(address) -> None:
    for _ in range(500):
        with suppress(httpx.TransportError):
            url = f"http://{address[0]}:{address[1]}/readyz"
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        time.sleep(0.02)
    raise AssertionError("the service is never ready")


def form(content: bytes, name: str = "x.png", boundary: bytes = b"b0undary") -> bytes:
    return (
        b"--" + boundary + b'\r\nContent-Disposition: form-data; name="file"; filename="'
        + name.encode() + b'"\r\n\r\n' + content + b"\r\n--" + boundary + b"--\r\n"
    )  # fmt: skip


def head(length: int, *more: bytes) -> bytes:
    lines = (
        b"POST /v1/predictions HTTP/1.1",
        b"Host: 127.0.0.1",
        b"Content-Type: multipart/form-data; boundary=b0undary",
        b"Content-Length: %d" % length,
        *more,
    )
    return b"\r\n".join(lines) + b"\r\n\r\n"


def received(sock: socket.socket, seconds: float = 10) -> bytes:
    """Everything until the other end closes, or for so long."""
    sock.settimeout(seconds)
    found = b""
    with suppress(TimeoutError, ConnectionResetError):
        while piece := sock.recv(65536):
            found += piece
    return found
