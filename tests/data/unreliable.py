"""A server and a disk that fail by a script, and the archive that they are asked for."""

import errno
import hashlib
import io
import socket
import threading
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


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
HALF = len(ARCHIVE) // 2


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


@contextmanager
def serving():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = False  # server_close() waits for the answers under way
    server.closing = threading.Event()
    server.script = []
    server.asked = []
    server.url = f"http://127.0.0.1:{server.server_port}/zip"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


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


def status(code, body=b"", **headers):
    return lambda to: to.send(code, body, Content_Length=len(body), **headers)


def fill_the_disk(patch, mode_of_interest):
    open_path = Path.open

    class Full(io.BytesIO):
        def write(self, *_):
            raise OSError(errno.ENOSPC, "No space left on device")

    def open_or_full(self, mode="r", *args, **keywords):
        return Full() if mode_of_interest in mode else open_path(self, mode, *args, **keywords)

    patch.setattr(Path, "open", open_or_full)
