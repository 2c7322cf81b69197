"""Who may ask: who presents the token, or without one whoever is on this machine itself."""

import re

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from lungscope.serving.http.problems import ELSEWHERE, NO_TOKEN, UNKNOWN_HOST, Problem, response
from lungscope.serving.http.settings import Settings, is_loopback
from lungscope.serving.http.token import presents

GUARDED = ("/v1/", "/metrics")
"""Paths that tell something of patients or of use; the page and the health checks are open."""

_AUTHORITY = re.compile(r"(?P<name>\[[^]]*\]|[^:]*)(:\d+)?")


class Access:
    """Turns away whom the service does not know.

    Without a token it answers only under this machine's own names: a site whose name was made to
    point here (DNS rebinding) could otherwise ask from any browser on this machine. And it follows
    no request that a browser says comes from another site's page.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._token, self._host = app, settings.token, settings.host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or turns it away."""
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
