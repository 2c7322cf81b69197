"""Gets the paper's images from their public record: a download that survives cuts, then unpacked.

The record's server makes the archive on the fly, so its length, its ETag and its support for
ranges may all be missing; each is used where it is there.
"""

import http.client
import ipaddress
import json
import re
import shutil
import socket
import ssl
import time
import urllib.error
import urllib.request
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import IO
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from lungscope import __version__, atomic
from lungscope.data import archive, classes
from lungscope.data.index import IGNORED_FOLDERS, SUFFIXES
from lungscope.errors import LungscopeError
from lungscope.progress import OnProgress, ignore

LARGEST = 4 << 30
"""Bytes of the longest archive that is downloaded."""

_CHUNK = 1 << 18
_FIRST_PAUSE = 1.0  # seconds
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-\d{1,19}/(\d{1,19}|\*)")


@dataclass(frozen=True)
class Record:
    """A public set of labelled images.

    Attributes:
        name: the set's title.
        url: address of a zip of all its files.
        counts: images of each class, by class name; spellings are compared loosely.
        doi: identifier of the version that `url` gives.
        licence: the terms of use, in words.
    """

    name: str
    url: str
    counts: Mapping[str, int]
    doi: str
    licence: str


PAPER_SET = Record(
    name="Lung X-Ray Image",
    url="https://data.mendeley.com/public-api/zip/9d55cttn5h/download/1",
    counts=MappingProxyType({"Lung_Opacity": 1125, "Normal": 1250, "Viral Pneumonia": 1100}),
    doi="10.17632/9d55cttn5h.1",
    licence="the terms shown at https://doi.org/10.17632/9d55cttn5h.1",
)
"""The images of arXiv 2408.13180, section III-A."""


@dataclass(frozen=True)
class Fetched:
    """A record's images on disk.

    Attributes:
        folder: where they are.
        counts: images found of each of the record's classes, and of every other folder with
            images by its name.
        expected: images of each class by the record.
        skipped: names of the archive's members that are neither images nor text.
    """

    folder: Path
    counts: Mapping[str, int]
    expected: Mapping[str, int]
    skipped: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether exactly the record's images were found."""
        return dict(self.counts) == dict(self.expected)


def fetch(
    target: Path,
    record: Record = PAPER_SET,
    on_progress: OnProgress = ignore,
    *,
    url: str | None = None,
    timeout: float = 30.0,
    attempts: int = 5,
) -> Fetched:
    """Downloads a record's archive and unpacks it into a new folder.

    What has come is kept in `<target>.partial-download/` until the images are in place: after a
    cut, a kill or a full disk the same call goes on from there, if the server allows it and has
    the same archive still.

    Args:
        target: the folder to make; it may exist if it is empty.
        record: what to get.
        on_progress: called with bytes (done, total); total is 0 while the server doesn't say.
        url: another address of the same archive (a mirror); https, or http on this machine.
        timeout: seconds without a byte after which the connection is given up.
        attempts: connections to try, >= 1, with pauses of 1, 2, 4, ... seconds between them.

    Returns:
        The folder and what was found in it; a count other than the record's is no error.

    Raises:
        LungscopeError: `target` is in use, no network, not an archive, a full disk, ...
        ArchiveError: the archive is damaged or hostile; it is removed.
    """
    archive.refuse_used(target)
    url = url or record.url
    if reason := _unsafe(url):
        raise LungscopeError(f"{url}: {reason}")
    whole = target.resolve()
    part = _Part(whole.with_name(whole.name + ".partial-download"))
    with part.held():
        _download(url, part, _rising(on_progress), timeout, attempts)
        try:
            fetched = unpack_record(part.file, target, record)
        except archive.ArchiveError as error:
            part.discard()
            raise archive.ArchiveError(
                url, f"{error.reason}; the download is removed, fetch again or tell its owners"
            ) from error
        part.discard()
    return fetched


def unpack_record(path: Path, target: Path, record: Record = PAPER_SET) -> Fetched:
    """Unpacks an archive that was downloaded by other means, e.g. in a browser.

    Args:
        path: the record's zip; it is left as it is.
        target: the folder to make; it may exist if it is empty.
        record: what the archive should hold.

    Raises:
        ArchiveError: the archive is damaged or hostile.
        LungscopeError: `target` is in use, or the disk is full.
    """
    unpacked = archive.unpack(path, target)
    return Fetched(target, _counted(target, record), record.counts, unpacked.skipped)


def _counted(folder: Path, record: Record) -> dict[str, int]:
    names = {classes.key(name): name for name in record.counts}
    found = Counter(dict.fromkeys(record.counts, 0))
    for path in folder.rglob("*"):
        above = path.relative_to(folder).parts[:-1]
        if path.suffix.lower() in SUFFIXES and not IGNORED_FOLDERS & {p.lower() for p in above}:
            known = [names[classes.key(part)] for part in above if classes.key(part) in names]
            found[known[-1] if known else "/".join(above) or "."] += 1
    return dict(found)


class _Interrupted(Exception):  # noqa: N818
    """The connection ended before the archive did: worth another attempt."""


class _Changed(_Interrupted):
    """The server has another archive than the one that was begun."""


class _Refused(Exception):  # noqa: N818
    """Another attempt would end the same way."""


class _Unfit(_Refused):
    """What the server has is not the archive: what came of it is thrown away."""


@dataclass(frozen=True)
class _Origin:
    """Which archive a partial download is a part of.

    Attributes:
        url: the address asked for, before redirects.
        validator: ETag or date for If-Range; without one the server can't be asked to go on.
        size: bytes of the whole archive, if the server said.
    """

    url: str
    validator: str | None
    size: int | None


@dataclass(frozen=True)
class _Part:
    """A download on disk that may be unfinished."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "archive.zip"

    @property
    def note(self) -> Path:
        return self.folder / "origin.json"

    @property
    def size(self) -> int:
        return self.file.stat().st_size if self.file.is_file() else 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps other processes out of the folder; removes it if nothing is left in it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / "lock", timeout=0)
            lock.acquire()
            try:
                yield
            finally:
                lock.release()
                if not self.size:
                    shutil.rmtree(self.folder, ignore_errors=True)
        except Timeout as error:
            raise LungscopeError(
                f"{self.folder}: another process downloads here; wait until it is done"
            ) from error
        except OSError as error:
            raise LungscopeError(
                f"{self.folder}: cannot be written: {error.strerror or error}; what came is kept"
            ) from error

    def origin(self, url: str) -> _Origin | None:
        """What is known of the archive, if it is the one at `url`."""
        try:
            known = json.loads(self.note.read_bytes())
            if known["url"] == url:
                return _Origin(url, known["validator"], known["size"])
        except (OSError, ValueError, TypeError, KeyError):
            pass  # none, or one that a kill or a stranger spoilt: the download starts anew
        return None

    def is_whole(self, origin: _Origin) -> bool:
        if origin.size is not None:
            return self.size == origin.size
        return _ends_as_zip(self.file)

    def begin(self, origin: _Origin) -> None:
        # In this order a kill in between leaves an empty archive, never one of another origin.
        self.file.write_bytes(b"")
        atomic.write_json(self.note, asdict(origin))

    def discard(self) -> None:
        self.file.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def _download(
    url: str, part: _Part, on_progress: OnProgress, timeout: float, attempts: int
) -> None:
    reason = ""
    for attempt in range(attempts):
        if attempt:
            time.sleep(_FIRST_PAUSE * 2 ** (attempt - 1))
        try:
            _attempt(url, part, on_progress, timeout)
        except _Interrupted as interruption:
            if isinstance(interruption, _Changed):
                part.discard()
            reason = f"{interruption}, {attempts} times; fetch again to go on"
        except _Refused as refusal:
            if isinstance(refusal, _Unfit):
                part.discard()
            reason = str(refusal)
            break
        else:
            return
    raise LungscopeError(
        f"{url}: {reason}; or download this address in a browser and continue with: "
        "lungscope data fetch --archive FILE"
    )


def _attempt(url: str, part: _Part, on_progress: OnProgress, timeout: float) -> None:
    origin = part.origin(url)
    if origin and part.is_whole(origin):
        return
    have = part.size
    headers = {"User-Agent": f"lungscope/{__version__}"}
    if origin and origin.validator and have:
        headers |= {"Range": f"bytes={have}-", "If-Range": origin.validator}
    with _answer(urllib.request.Request(url, headers=headers), timeout) as response:  # noqa: S310
        if response.status == http.client.PARTIAL_CONTENT:
            origin = _continued(response, origin, have)
        else:
            origin = _Origin(url, _validator(response), response.length)
            part.begin(origin)
        _receive(response, origin, part, on_progress)
    if not _ends_as_zip(part.file):
        if origin.size is None:
            raise _Interrupted("the connection was cut")
        raise _Unfit("the server sent only a piece of a zip archive as the whole")


def _receive(
    response: http.client.HTTPResponse, origin: _Origin, part: _Part, on_progress: OnProgress
) -> None:
    too_large = _Unfit(f"the archive is larger than {LARGEST:,} bytes")
    size = part.size
    end = LARGEST + 1 if origin.size is None else origin.size
    if origin.size is not None and origin.size > LARGEST:
        raise too_large
    with part.file.open("ab") as file:
        while size < end:
            with _network():
                chunk = response.read1(min(_CHUNK, end - size))
            if not chunk:
                break
            if size == 0 and not chunk.startswith(b"PK"):
                raise _Unfit("the server sent something other than a zip archive")
            file.write(chunk)
            size += len(chunk)
            on_progress(size, origin.size or 0)
    if size > LARGEST:
        raise too_large
    if origin.size is not None and size < origin.size:
        raise _Interrupted("the connection was cut")


def _continued(response: http.client.HTTPResponse, origin: _Origin | None, have: int) -> _Origin:
    answer = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if origin is None or answer is None or int(answer[1]) != have:
        raise _Changed("the server sent another part of the archive than was asked for")
    size = origin.size if answer[2] == "*" else int(answer[2])
    if origin.size not in (None, size) or _validator(response) not in (None, origin.validator):
        raise _Changed("the server's archive changes")
    return replace(origin, size=size)


def _validator(response: http.client.HTTPResponse) -> str | None:
    for name in ("ETag", "Last-Modified"):
        value = str(response.headers.get(name, "W/"))
        if not value.startswith("W/") and value.isascii() and value.isprintable():
            return value
    return None


def _ends_as_zip(path: Path) -> bool:
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:
        return False


def _rising(on_progress: OnProgress) -> OnProgress:
    most = 0

    def report(done: int, total: int) -> None:
        # A download that starts anew falls back to nothing, which an OnProgress must not see.
        nonlocal most
        most = max(most, done)
        on_progress(most, max(most, total) if total else 0)

    return report


def _unsafe(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return "is not an address"
    if (parts.scheme == "https" and host) or (parts.scheme == "http" and _is_loopback(host)):
        return None
    return "only https addresses are fetched"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if _unsafe(newurl) or (req.type == "https" and not newurl.startswith("https:")):
            fp.close()
            raise _Refused("the server sends on to an address that is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _answer(request: urllib.request.Request, timeout: float) -> http.client.HTTPResponse:
    opener = urllib.request.build_opener(_SafeRedirects())
    with _network():
        response: http.client.HTTPResponse = opener.open(request, timeout=timeout)
    return response


@contextmanager
def _network() -> Iterator[None]:
    # Says what went wrong in words of ours: what the server wrote is never shown.
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise _Changed("the server's archive changes") from error
        phrase = http.client.responses.get(error.code, "")
        kind = _Interrupted if error.code in _TRANSIENT else _Refused
        raise kind(f"the server answered {error.code} {phrase}".rstrip()) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _failure(
            error.reason if isinstance(error, urllib.error.URLError) else error
        ) from error


def _failure(reason: object) -> Exception:
    if isinstance(reason, socket.gaierror):
        return _Refused("no network, or none that knows this address")
    if isinstance(reason, ssl.SSLCertVerificationError):
        return _Refused("the server's certificate is not trusted here")
    if isinstance(reason, TimeoutError):
        return _Interrupted("the server fell silent")
    if isinstance(reason, http.client.InvalidURL) or not isinstance(
        reason, OSError | http.client.HTTPException
    ):
        return _Refused("is not a valid address")
    return _Interrupted("the connection was cut or could not be made")
