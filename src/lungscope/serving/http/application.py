"""The application: routes, what stands around them, and the model's coming and going."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from lungscope import DISCLAIMER, __version__
from lungscope.serving.http.access import GUARDED, Access
from lungscope.serving.http.model import Model
from lungscope.serving.http.observation import Observation
from lungscope.serving.http.page import add_page
from lungscope.serving.http.problems import tell_problems
from lungscope.serving.http.routes import routes
from lungscope.serving.http.schema import ProblemDetails
from lungscope.serving.http.service import Service
from lungscope.serving.http.settings import Settings
from lungscope.serving.http.unread_body import UnreadBody


def application(settings: Settings, load: Callable[[], Model]) -> FastAPI:
    """Makes the application; its `state.service` is the service behind it.

    Args:
        settings: how it runs.
        load: gives the model. It is called in a thread when the application starts; until it
            returns, requests for answers are told to wait.

    Raises:
        LungscopeError: the audit log cannot be opened.
    """
    service = Service(settings, load)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        loading = asyncio.create_task(service.load())
        yield
        await loading
        await service.close()

    app = FastAPI(
        title="lungscope",
        version=__version__,
        summary="What chest radiographs show, or why that is not said.",
        description=DISCLAIMER,
        lifespan=lifespan,
        docs_url=None,  # they fetch their scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # it would answer with whatever Host a client makes up
    )
    app.state.service = service
    app.include_router(routes)
    add_page(app)
    tell_problems(app)
    app.add_middleware(Access, settings=settings)
    app.add_middleware(Observation, metrics=service.metrics)
    app.add_middleware(UnreadBody)
    _describe(app, with_token=settings.token is not None)
    return app


def _describe(app: FastAPI, *, with_token: bool) -> None:
    """Completes the OpenAPI description with what FastAPI cannot know."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                description=app.description,
                routes=app.routes,
            )
            components = found.setdefault("components", {})
            components.setdefault("schemas", {})["ProblemDetails"] = (
                ProblemDetails.model_json_schema()
            )
            for unused in ("HTTPValidationError", "ValidationError"):
                components["schemas"].pop(unused, None)
            if with_token:
                components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
                for path, operations in found["paths"].items():
                    if path.startswith(GUARDED):
                        for operation in operations.values():
                            operation["security"] = [{"token": []}]
            app.openapi_schema = found
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
