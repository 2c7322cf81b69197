"""Errors of the service as problem details (RFC 9457)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
_PREFIX = "urn:lungscope:problem:"


@dataclass(frozen=True)
class Kind:
    """A kind of problem, which programs recognise by its name.

    Attributes:
        name: last part of the problem's `type`.
        status: HTTP status.
        title: summary, the same for every occurrence.
        retry_after: seconds after which to retry; None if retrying does not help.
    """

    name: str
    status: int
    title: str
    retry_after: int | None = None


MALFORMED = Kind("malformed-request", 400, "The request is malformed")
UNREADABLE = Kind("unreadable-image", 400, "The file is not a readable radiograph")
UNWANTED = Kind("unwanted-image", 400, "The image is not one that is classified")
NO_TOKEN = Kind("token-required", 401, "A token is required")
ELSEWHERE = Kind("foreign-origin", 403, "The request comes from another site")
PROXIED = Kind("proxy-without-token", 403, "Behind a proxy the service needs a token")
NOT_ARRIVED = Kind("upload-too-slow", 408, "The upload did not arrive in time")
TOO_LARGE = Kind("upload-too-large", 413, "The upload is too large")
MEDIA = Kind("unsupported-media-type", 415, "The upload is not multipart/form-data")
UNKNOWN_HOST = Kind("unknown-host", 421, "The service does not answer under this name")
INVALID = Kind("invalid-request", 422, "The request is invalid")
BUSY = Kind("busy", 429, "The service is busy", retry_after=1)
FAULT = Kind("fault", 500, "Internal error")
LOADING = Kind("loading", 503, "The model is being loaded", retry_after=1)
LATE = Kind("late", 503, "The answer was not ready in time", retry_after=5)
NO_MEMORY = Kind("out-of-memory", 503, "There is not enough memory for this image", retry_after=5)
NOT_RECORDED = Kind("audit-log", 503, "The audit log cannot be written", retry_after=60)


class Problem(Exception):
    """An error that is reported to the client.

    Attributes:
        kind: kind of the problem.
        detail: this occurrence, one line, without content or names of uploads.
        headers: additional headers of the response.
    """

    def __init__(self, kind: Kind, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(kind.name)
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})


def response(problem: Problem, request_id: str) -> Response:
    """Returns the response for a problem."""
    kind = problem.kind
    headers = dict(problem.headers)
    if kind.retry_after is not None:
        headers["Retry-After"] = str(kind.retry_after)
    kind_uri = _PREFIX + kind.name
    content = body(kind_uri, kind.title, kind.status, problem.detail, request_id)
    return Response(content, kind.status, headers, MEDIA_TYPE)


def body(kind: str, title: str, status: int, detail: str, request_id: str) -> bytes:
    """Returns the JSON of a problem."""
    value = {
        "type": kind,
        "title": title,
        "status": status,
        "detail": detail,
        "request_id": request_id,
    }
    return json.dumps(value, ensure_ascii=False).encode("utf-8", errors="replace")


def install_problem_handlers(app: FastAPI) -> None:
    """Makes an application answer every error with problem details."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - as it is registered
    return response(error, request.state.request_id)


async def _http(request: Request, error: Exception) -> Response:
    """Answers Starlette's own errors, such as an unknown path or method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - as it is registered
    title = HTTPStatus(error.status_code).phrase
    content = body(
        "about:blank", title, error.status_code, _HTTP.get(error.status_code, title),
        request.state.request_id,
    )  # fmt: skip
    return Response(content, error.status_code, error.headers, MEDIA_TYPE)


_HTTP = {
    404: "unknown path; see /openapi.json",
    405: "method not allowed; see the header Allow",
}


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as it is registered
    detail = "; ".join(_field(each) for each in error.errors())
    return response(Problem(INVALID, detail), request.state.request_id)


def _field(error: Mapping[str, Any]) -> str:
    place = ".".join(str(part) for part in error["loc"] if part != "query")
    if error["type"] == "extra_forbidden":
        return f"{place}: unknown parameter; see /openapi.json"
    return f"{place}: {error['msg'][:1].lower()}{error['msg'][1:]}"
