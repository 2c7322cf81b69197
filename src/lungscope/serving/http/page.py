"""The page for people: the static files of `serving/page`, as they are."""

from pathlib import Path

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).resolve().parents[1] / "page"
_ALWAYS_ASK = "no-cache"


class PageFiles(StaticFiles):
    """Files of the page, which a browser may keep as long as it asks whether they are the same."""

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
