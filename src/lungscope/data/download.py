"""Downloads a zip archive: over https, of bounded size, whole or not at all.

The record's server makes its archive on the fly, so that neither its hash nor its length is known
beforehand. pooch and requests download; what is refused, and in which words, is decided here.
"""

import hashlib
import http.client
import shutil
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urljoin, urlsplit

import pooch
import requests
import urllib3.exceptions
from filelock import FileLock, Timeout

from lungscope.about import __version__
from lungscope.errors import Inaccessible, InUse, InvalidData, InvalidSetting
from lungscope.network_address import is_loopback
from lungscope.progress import OnProgress

LARGEST = 4 << 30
"""Bytes of the longest archive that is downloaded."""

_CHUNK = 1 << 18
_FIRST_PAUSE = 1.0  # seconds
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})


@contextmanager
def downloaded(
    url: str, folder: Path, on_progress: OnProgress, *, timeout: float, attempts: int
) -> Iterator[Path]:
    """Yields a zip archive that is whole on disk, downloaded if it is not there yet.

    Args:
        url: the archive's address; https, or http on this machine.
        folder: where the archive is kept, locked against other processes until the block ends. It
            is removed if the block removed the archive; else the same call finds it there.
        on_progress: called with bytes (done, total); total is 0 while the server doesn't say.
        timeout: seconds without a byte after which the connection is given up.
        attempts: connections to try, >= 1, with pauses of 1, 2, 4, ... seconds between them.

    Raises:
        InvalidSetting: the address is not a valid https address.
        InvalidData: what the server has is not a zip archive, or a too large one.
        Inaccessible: no network, a server that fails, a full disk.
        InUse: another process downloads into the folder.
    """
    if reason := _unsafe(url):
        raise InvalidSetting(f"{url}: {reason}")
    archive = folder / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}.zip"
    with _held(folder, archive):
        _download(url, archive, _rising(on_progress), timeout, attempts)
        yield archive


class _Interrupted(Exception):
    """The connection ended before the archive did: worth another attempt."""


class _Refused(Exception):
    """Another attempt would end the same way."""


class _Unfit(_Refused):
    """What the server has is not the archive."""


class _Receiver:
    """Takes what pooch writes to a file, counts it, and refuses what cannot be the archive."""

    def __init__(self, file: IO[bytes], on_progress: OnProgress) -> None:
        self._file = file
        self._on_progress = on_progress
        self._done = self._total = 0
        self.said_its_size = False

    def answer(self, response: requests.Response, *_: Any, **__: Any) -> None:
        """Looks at each answer of the server, redirects among them, before it is followed."""
        if response.is_redirect:
            onward = urljoin(response.url, response.headers["Location"])
            if _unsafe(onward) or (response.url.startswith("https:") and onward[:6] != "https:"):
                raise _Refused("the server redirects to an address that is not https")
            return
        length = response.headers.get("Content-Length", "")
        self.said_its_size = length.isdecimal() and len(length) < 20
        self._total = int(length) if self.said_its_size else 0
        if response.ok and self._total > LARGEST:
            raise _Unfit(f"the archive is larger than {LARGEST:,} bytes")

    def write(self, chunk: bytes) -> None:
        if self._done == 0 and not chunk.startswith(b"PK"):
            raise _Unfit("the server sent something other than a zip archive")
        self._done += len(chunk)
        if self._done > LARGEST:
            raise _Unfit(f"the archive is larger than {LARGEST:,} bytes")
        self._file.write(chunk)
        self._on_progress(self._done, self._total)

    def flush(self) -> None:
        """Does nothing: pooch calls it after every chunk, and the file is flushed at its end."""


def _download(
    url: str, archive: Path, on_progress: OnProgress, timeout: float, attempts: int
) -> None:
    reason = ""
    kind: type[Inaccessible | InvalidData] = Inaccessible
    for attempt in range(attempts):
        if attempt:
            time.sleep(_FIRST_PAUSE * 2 ** (attempt - 1))
        try:
            _attempt(url, archive, on_progress, timeout)
        except _Interrupted as interruption:
            reason = f"{interruption}, {attempts} times; try again later"
        except _Refused as refusal:
            reason = str(refusal)
            kind = InvalidData if isinstance(refusal, _Unfit) else Inaccessible
            break
        else:
            return
    raise kind(f"{url}: {reason}", remedy="archive")


def _attempt(url: str, archive: Path, on_progress: OnProgress, timeout: float) -> None:
    def download(url: str, output: str, owner: object) -> None:
        with Path(output).open("wb") as file:
            receiver = _Receiver(file, on_progress)
            pooch.HTTPDownloader(
                chunk_size=_CHUNK,
                timeout=timeout,
                headers={"User-Agent": f"lungscope/{__version__}"},
                hooks={"response": receiver.answer},
            )(url, receiver, owner)
        if not _ends_as_zip(output):
            if receiver.said_its_size:
                raise _Unfit("the server sent only a piece of a zip archive as the whole")
            raise _Interrupted("the connection was cut")

    pooch.get_logger().setLevel("WARNING")  # it would print the hash of what came
    with _network():
        # The hash is not known beforehand: an archive that is there came whole, by this function.
        pooch.retrieve(url, None, archive.name, archive.parent, downloader=download)


def _ends_as_zip(path: str) -> bool:
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:
        return False


@contextmanager
def _held(folder: Path, archive: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "lock", timeout=0)
        lock.acquire()
        try:
            yield
        finally:
            lock.release()
            if not archive.is_file():
                shutil.rmtree(folder, ignore_errors=True)
    except Timeout as error:
        raise InUse(f"{folder}: another process downloads here; wait until it is done") from error
    except OSError as error:
        raise Inaccessible(f"{folder}: cannot be written: {error.strerror or error}") from error


def _rising(on_progress: OnProgress) -> OnProgress:
    most = 0

    def report(done: int, total: int) -> None:
        # A second attempt begins at nothing, which an OnProgress must not see.
        nonlocal most
        most = max(most, done)
        on_progress(most, max(most, total) if total else 0)

    return report


def _unsafe(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return "is not a valid address"
    if not url.isascii() or not url.isprintable() or " " in url:
        return "is not a valid address"
    if (parts.scheme == "https" and host) or (parts.scheme == "http" and is_loopback(host)):
        return None
    return "only https addresses are fetched"


@contextmanager
def _network() -> Iterator[None]:
    # Says what went wrong in words of ours: what the server wrote is never shown.
    try:
        yield
    except requests.HTTPError as error:
        code = error.response.status_code if error.response is not None else 0
        kind = _Interrupted if code in _TRANSIENT else _Refused
        phrase = http.client.responses.get(code, "")
        raise kind(f"the server answered {code} {phrase}".rstrip()) from error
    except requests.RequestException as error:
        raise _failure(error) from error


def _failure(error: requests.RequestException) -> Exception:
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", None) or cause
    if isinstance(reason, urllib3.exceptions.NameResolutionError):
        return _Refused("no network, or none that knows this address")
    if isinstance(error, requests.exceptions.SSLError):
        return _Refused("the server's certificate is not trusted here")
    if isinstance(error, requests.Timeout) or isinstance(
        reason, urllib3.exceptions.ReadTimeoutError
    ):
        return _Interrupted("the server fell silent")
    if isinstance(error, requests.TooManyRedirects):
        return _Refused("the server redirects without end")
    if isinstance(error, ValueError):  # an address that requests cannot use
        return _Refused("is not a valid address")
    return _Interrupted("the connection was cut or could not be made")
