"""The application: routes, middleware, page files, and loading of the model."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from lungscope.about import DISCLAIMER, __version__
from lungscope.serving.http.access import GUARDED, Access, SecurityHeaders
from lungscope.serving.http.connection import UnreadBody
from lungscope.serving.http.metrics import Observation
from lungscope.serving.http.problems import install_problem_handlers
from lungscope.serving.http.routes import routes
from lungscope.serving.http.schema import ProblemDetails
from lungscope.serving.http.service import Model, Service
from lungscope.serving.http.settings import Settings


def create_application(settings: Settings, load: Callable[[], Model]) -> FastAPI:
    """Makes the application; its `state.service` is the service behind it.

    Args:
        settings: configuration of the service.
        load: gives the model. It is called in a thread when the application starts; until it
            returns, predictions are answered with 503 and Retry-After.

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
        summary="Classifies chest radiographs, or says why it abstains.",
        description=DISCLAIMER,
        lifespan=lifespan,
        docs_url=None,  # they fetch their scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # it would answer with whatever Host a client makes up
    )
    app.state.service = service
    app.include_router(routes)
    add_page(app)
    install_problem_handlers(app)
    app.add_middleware(Access, settings=settings)
    app.add_middleware(Observation, metrics=service.metrics)
    app.add_middleware(SecurityHeaders)
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


FOLDER = Path(__file__).resolve().parents[1] / "page"
_ALWAYS_ASK = "no-cache"


class PageFiles(StaticFiles):
    """Files of the page, which a browser may cache and must revalidate."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        """Makes the response of a file."""
        found: Response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        found.headers["Cache-Control"] = _ALWAYS_ASK
        return found

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answers with a file.

        Raises:
            HTTPException: there is no such file; nothing is said of what is elsewhere.
        """
        try:
            return await super().get_response(path, scope)
        except (HTTPException, OSError) as error:
            status = error.status_code if isinstance(error, HTTPException) else 404
            raise HTTPException(status if status == 405 else 404) from error


def add_page(app: FastAPI, folder: Path = FOLDER) -> None:
    """Has an application serve `index.html` at /, and the page's files under /page/."""

    async def index(_: Request) -> Response:
        if not (folder / "index.html").is_file():
            raise HTTPException(404)
        return FileResponse(folder / "index.html", headers={"Cache-Control": _ALWAYS_ASK})

    app.add_route("/", index, include_in_schema=False)
    app.mount("/page", PageFiles(directory=folder, check_dir=False))
