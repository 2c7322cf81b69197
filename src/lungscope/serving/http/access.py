"""Access control: by token, or without one to this machine alone; and headers for browsers."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lungscope.errors import InvalidSetting
from lungscope.network_address import is_loopback
from lungscope.serving.http.problems import (
    ELSEWHERE,
    NO_TOKEN,
    PROXIED,
    UNKNOWN_HOST,
    Problem,
    response,
)
from lungscope.serving.http.settings import Settings

GUARDED = ("/v1/", "/metrics")
"""Paths that reveal something about patients or use; the page and the health checks are open."""

_OF_PROXIES = ("x-forwarded-", "x-real-ip", "forwarded", "via")
"""What names of headers begin with that proxies add."""

_AUTHORITY = re.compile(r"(?P<name>\[[^]]*\]|[^:]*)(:\d+)?")


class Access:
    """Rejects requests without access.

    Without a token the service answers only under this machine's own names: a site whose name was
    made to point here (DNS rebinding) could otherwise use it from any browser on this machine. Nor
    does it answer a proxy then, whose clients may be anybody. It also rejects requests that a
    browser marks as coming from another site's page.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._token, self._host = app, settings.token, settings.host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on or rejects it."""
        problem = self._objection(scope) if scope["type"] == "http" else None
        if problem is None:
            await self._app(scope, receive, send)
            return
        await response(problem, scope["state"]["request_id"])(scope, receive, send)

    def _objection(self, scope: Scope) -> Problem | None:
        if not scope["path"].startswith(GUARDED):
            return None
        headers = Headers(scope=scope)
        if headers.get("sec-fetch-site") == "cross-site":
            return Problem(ELSEWHERE, "pages of other sites may not use this service")
        if self._token is None:
            if any(name.startswith(_OF_PROXIES) for name in headers):
                return Problem(
                    PROXIED,
                    "the request came through a proxy, behind which anybody may be; start the "
                    "service with --token-file",
                )
            if self._own(headers.get("host", "")):
                return None
            return Problem(
                UNKNOWN_HOST, "without a token the service answers to names of this machine only"
            )
        if presents(headers.get("authorization", "").encode("latin-1"), self._token):
            return None
        return Problem(
            NO_TOKEN,
            "send the service's token in the header Authorization: Bearer TOKEN",
            {"WWW-Authenticate": 'Bearer realm="lungscope"'},
        )

    def _own(self, authority: str) -> bool:
        found = _AUTHORITY.fullmatch(authority)
        name = "" if found is None else found["name"].strip("[]")
        return is_loopback(name) or name == self._host


CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
SECURITY = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Headers of every response."""


class SecurityHeaders:
    """Adds the headers that restrict what a browser does with a response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY)
            await send(message)

        await self._app(scope, receive, sent)


VARIABLE = "LUNGSCOPE_TOKEN"
SHORTEST = 16
_LARGEST_FILE = 4096
_SCHEME = b"bearer"
_FORM = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750, section 2.1


def read_token(file: Path | None, environment: Mapping[str, str]) -> str | None:
    """Finds the token. Never on the command line, which every user of a machine can read.

    Args:
        file: holds nothing else; white space around it is passed over.
        environment: where `LUNGSCOPE_TOKEN` may be set; empty counts as not set.

    Returns:
        The token, or None where neither has one.

    Raises:
        InvalidSetting: both are given, the file cannot be read, or the token is short or has
            characters that no header can carry.
    """
    given = environment.get(VARIABLE) or None
    if file is None:
        return None if given is None else _checked(given, VARIABLE)
    if given is not None:
        raise InvalidSetting(f"{file} and {VARIABLE}: give the token once")
    try:
        with file.open("rb") as stream:
            content = stream.read(_LARGEST_FILE).decode("ascii", errors="replace")
    except OSError as error:
        raise InvalidSetting(f"{file}: {error.strerror}; give a file with the token") from error
    return _checked(content.strip(), str(file))


def presents(authorization: bytes, token: str) -> bool:
    """Whether a header presents the token; how long that takes says nothing of the token.

    Args:
        authorization: the value of `Authorization`; empty where there is none.
        token: of the service.
    """
    scheme, _, given = authorization.strip().partition(b" ")
    same = hmac.compare_digest(_digest(given.strip()), _digest(token.encode("ascii")))
    return same and scheme.lower() == _SCHEME


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()


def _checked(token: str, origin: str) -> str:
    if not _FORM.fullmatch(token):
        raise InvalidSetting(
            f"{origin}: a token has letters, digits and ._~+/- only; make one with openssl rand "
            "-hex 32"
        )
    if len(token) < SHORTEST:
        raise InvalidSetting(
            f"{origin}: a token of {len(token)} characters can be guessed; make one with openssl "
            "rand -hex 32"
        )
    return token
