"""Request ids, security headers, metrics, and a response to internal errors."""

import logging
import re
import time
import traceback
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lungscope.serving.http.metrics import Metrics
from lungscope.serving.http.problems import FAULT, Problem, response

log = logging.getLogger("lungscope.serving")

REQUEST_ID = "X-Request-ID"
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

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Observation:
    """Middleware that identifies, measures and secures every request; second from outside."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = _request_id(Headers(scope=scope).get(REQUEST_ID))
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.update(SECURITY)
                headers[REQUEST_ID] = request_id
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except Exception as error:
            # Not `exception`: its traceback would end with words that may quote a file.
            log.error("request %s: %s", request_id, _where(error))  # noqa: TRY400
            if status:
                raise ConnectionAbortedError from None  # half an answer cannot be taken back
            problem = Problem(
                FAULT, "internal error; please report it with the request id and the service's log"
            )
            await response(problem, request_id)(scope, receive, sent)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(route, status or "none").inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - began)


def _request_id(given: str | None) -> str:
    if given is not None and _ID.fullmatch(given):
        return given
    return uuid.uuid4().hex


def _where(error: BaseException) -> str:
    """An error's class and the lines that it came by; not its words, which may quote a file."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames))
    cause = error.__cause__
    return f"{type(error).__name__} at {lines}" + (f"; from {_where(cause)}" if cause else "")
