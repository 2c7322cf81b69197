"""Downloads a zip archive over a connection that may be cut at any time.

The record's server makes its archive on the fly, so the length, the ETag and the support for
ranges may all be missing; each is used where it is there.
"""

import http.client
import ipaddress
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from lungscope.about import __version__
from lungscope.data.partial import Origin, Partial
from lungscope.errors import LungscopeError
from lungscope.progress import OnProgress

LARGEST = 4 << 30
"""Bytes of the longest archive that is downloaded."""

_CHUNK = 1 << 18
_FIRST_PAUSE = 1.0  # seconds
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-\d{1,19}/(\d{1,19}|\*)")


@contextmanager
def downloaded(
    url: str, folder: Path, on_progress: OnProgress, *, timeout: float, attempts: int
) -> Iterator[Partial]:
    """Yields a zip archive that is whole on disk, downloaded as far as it was not there yet.

    Args:
        url: the archive's address; https, or http on this machine.
        folder: where what comes is kept, locked against other processes until the block ends; the
            same call goes on from there until `discard()` is called on what is yielded.
        on_progress: called with bytes (done, total); total is 0 while the server doesn't say.
        timeout: seconds without a byte after which the connection is given up.
        attempts: connections to try, >= 1, with pauses of 1, 2, 4, ... seconds between them.

    Raises:
        LungscopeError: an address that is not https, no network, not a zip archive, another
            process in the folder, a full disk, ...
    """
    if reason := _unsafe(url):
        raise LungscopeError(f"{url}: {reason}")
    partial = Partial(folder)
    with partial.held():
        _download(url, partial, _rising(on_progress), timeout, attempts)
        yield partial


class _Interrupted(Exception):
    """The connection ended before the archive did: worth another attempt."""


class _Changed(_Interrupted):
    """The server has another archive than the one that was begun."""


class _Refused(Exception):
    """Another attempt would end the same way."""


class _Unfit(_Refused):
    """What the server has is not the archive: what came of it is thrown away."""


def _download(
    url: str, partial: Partial, on_progress: OnProgress, timeout: float, attempts: int
) -> None:
    reason = ""
    for attempt in range(attempts):
        if attempt:
            time.sleep(_FIRST_PAUSE * 2 ** (attempt - 1))
        try:
            _attempt(url, partial, on_progress, timeout)
        except _Interrupted as interruption:
            if isinstance(interruption, _Changed):
                partial.discard()
            reason = f"{interruption}, {attempts} times; fetch again to go on"
        except _Refused as refusal:
            if isinstance(refusal, _Unfit):
                partial.discard()
            reason = str(refusal)
            break
        else:
            return
    raise LungscopeError(
        f"{url}: {reason}; or download this address in a browser and continue with: "
        "lungscope data fetch --archive FILE"
    )


def _attempt(url: str, partial: Partial, on_progress: OnProgress, timeout: float) -> None:
    origin = partial.origin(url)
    if origin and partial.is_whole(origin):
        return
    have = partial.size
    headers = {"User-Agent": f"lungscope/{__version__}"}
    if origin and origin.validator and have:
        headers |= {"Range": f"bytes={have}-", "If-Range": origin.validator}
    with _answer(urllib.request.Request(url, headers=headers), timeout) as response:  # noqa: S310
        if response.status == http.client.PARTIAL_CONTENT:
            origin = _continued(response, origin, have)
        else:
            origin = Origin(url, _validator(response), response.length)
            partial.begin(origin)
        _receive(response, origin, partial, on_progress)
    if not partial.ends_as_zip:
        if origin.size is None:
            raise _Interrupted("the connection was cut")
        raise _Unfit("the server sent only a piece of a zip archive as the whole")


def _receive(
    response: http.client.HTTPResponse, origin: Origin, partial: Partial, on_progress: OnProgress
) -> None:
    too_large = _Unfit(f"the archive is larger than {LARGEST:,} bytes")
    size = partial.size
    end = LARGEST + 1 if origin.size is None else origin.size
    if origin.size is not None and origin.size > LARGEST:
        raise too_large
    with partial.file.open("ab") as file:
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


def _continued(response: http.client.HTTPResponse, origin: Origin | None, have: int) -> Origin:
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
