"""The endpoints of the service."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from lungscope.about import DISCLAIMER
from lungscope.serving.http.problems import INVALID, UNREADABLE, UNWANTED, Problem
from lungscope.serving.http.schema import (
    UPLOAD,
    ModelAnswer,
    PredictionsResponse,
    RequestForm,
    Status,
    problems,
)
from lungscope.serving.http.service import Service
from lungscope.serving.http.upload import RequestOptions

EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"

_ALLOW = {"Allow": "GET, HEAD, OPTIONS"}

routes = APIRouter()


@routes.post(
    "/v1/predictions",
    openapi_extra=UPLOAD,
    responses={
        200: {"model": PredictionsResponse},
        **problems(400, 401, 403, 408, 413, 415, 421, 422, 429, 503),
    },
    tags=["predictions"],
)
async def predictions(request: Request, form: Annotated[RequestForm, Query()]) -> Response:
    """Classifies one or several radiographs; uploads are never stored.

    A single file that cannot be read, or is not accepted, is a problem (400); among several it is a
    row with `error`.
    """
    service = _service(request)
    classes = service.model.classifier.classes
    if form.label is not None and form.label not in classes:
        raise Problem(INVALID, f"class: the model has no such class; it has {', '.join(classes)}")
    service.check_room()
    options = RequestOptions(form.explain, form.label, form.preview)
    async with service.intake.uploads(request) as uploads:
        found = await service.classify(uploads, options, request.state.request_id)
    rows = [each.row for each in found]
    if len(rows) == 1 and rows[0]["error"] is not None:
        kind = UNREADABLE if rows[0]["unwanted"] is None else UNWANTED
        raise Problem(kind, rows[0]["error"])
    return _json({"predictions": rows, "disclaimer": DISCLAIMER})


@routes.head("/v1/model", include_in_schema=False)
@routes.get(
    "/v1/model",
    responses={200: {"model": ModelAnswer}, **problems(401, 421, 503)},
    tags=["model"],
)
async def model(request: Request) -> Response:
    """Describes the model."""
    return _json(_service(request).model.to_json())


@routes.options("/v1/model", include_in_schema=False)
@routes.options("/healthz", include_in_schema=False)
@routes.options("/metrics", include_in_schema=False)
async def options() -> Response:
    """Answers load balancers that ask by OPTIONS whether the service runs."""
    return Response(status_code=204, headers=_ALLOW)


@routes.options("/readyz", include_in_schema=False)
async def ready_options(request: Request) -> Response:
    """The same of readiness."""
    _service(request).check_ready()
    return Response(status_code=204, headers=_ALLOW)


@routes.head("/healthz", include_in_schema=False)
@routes.get("/healthz", responses={200: {"model": Status}}, tags=["operation"])
async def healthz() -> Response:
    """Liveness: answers as long as the service runs."""
    return _json({"status": "ok"})


@routes.head("/readyz", include_in_schema=False)
@routes.get("/readyz", responses={200: {"model": Status}, **problems(503)}, tags=["operation"])
async def readyz(request: Request) -> Response:
    """Readiness: answers once radiographs can be classified."""
    _service(request).check_ready()
    return _json({"status": "ready"})


@routes.head("/metrics", include_in_schema=False)
@routes.get(
    "/metrics",
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **problems(401, 421),
    },
    tags=["operation"],
)
async def metrics(request: Request) -> Response:
    """Metrics in Prometheus' text format."""
    return Response(_service(request).metrics.exposition(), media_type=EXPOSITION)


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _json(value: Any) -> Response:
    content = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    return Response(content, media_type="application/json")
