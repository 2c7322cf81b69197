"""What becomes of a body that nobody read: thrown away for a while, then the connection ends.

A server that closes while a client is still sending makes the client's system throw away the
answer as well: it says "connection reset" instead of "too large".
"""

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = 5.0
"""How long a client may go on sending what is not read."""


class UnreadBody:
    """Ends connections whose request was answered before its body was read; the outermost layer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        read = False

        async def received() -> Message:
            nonlocal read
            message = await receive()
            read = read or not message.get("more_body", False)
            return message

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and not read:
                MutableHeaders(scope=message)["Connection"] = "close"
            if read or message["type"] != "http.response.body" or message.get("more_body", False):
                await send(message)
                return
            await send({**message, "more_body": True})
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(drained(), SECONDS)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        async def drained() -> None:
            while not read:
                await received()

        await self._app(scope, received, sent)


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
