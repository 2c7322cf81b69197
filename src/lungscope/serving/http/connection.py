"""Hardening of uvicorn's connections: bounds on slow clients and on their number.

For this, `H11Protocol` of uvicorn is extended, which is not a public interface: the hooks
`handle_events`, `on_response_complete`, `send_400_response` and `pause_writing`, and the attributes
`connections`, `conn`, `cycle`, `loop` and `timeout_keep_alive_task`. The tests of this module, run
with uvicorn 0.54, fail where a release changes one of them.
"""

import asyncio
import uuid
from contextlib import suppress
from typing import Any

import h11
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from lungscope.serving.http.problems import MALFORMED, MEDIA_TYPE, body

PATIENCE = 10.0
"""Longest wait for a complete request head, or for a client to read from an answer, seconds."""

MOST = 2000
"""Largest number of connections; further ones are closed as they are opened."""


class Connection(H11Protocol):
    """A connection of uvicorn that also times out while a head is sent or an answer is read.

    uvicorn ends a connection that is silent after a request, but neither one that sends the head of
    a request a byte at a time nor one that does not read its answer.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._for_head: asyncio.TimerHandle | None = None
        self._for_taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the timer for the head of a request."""
        super().connection_made(transport)
        if len(self.connections) > MOST:
            transport.abort()
            return
        self._for_head = self.loop.call_later(PATIENCE, self._no_head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops all timers."""
        for timer in (self._for_head, self._for_taking):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Handles received data; after a whole head, the time limits of the request apply."""
        super().handle_events()
        # uvicorn makes a cycle once a head is complete; until then, and again after its answer,
        # what arrives is part of the next head.
        asked = self.cycle is not None and not self.cycle.response_complete
        if asked and self._for_head is not None:
            self._for_head.cancel()
            self._for_head = None
        elif not asked and not self._idle and self._for_head is None:
            self._for_head = self.loop.call_later(PATIENCE, self._no_head)

    def on_response_complete(self) -> None:
        """Starts the timer for reading the answer; uvicorn starts that for the next request."""
        self._watch_taking()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Starts the timer for reading the part of an answer that was sent."""
        self._watch_taking()
        super().pause_writing()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's signature
        """Answers data that is not HTTP."""
        if self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            self.transport.close()  # amid an answer, where another can't be sent
            return
        content = body(
            f"urn:lungscope:problem:{MALFORMED.name}",
            MALFORMED.title,
            MALFORMED.status,
            "this is not HTTP",
            uuid.uuid4().hex,
        )
        headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", str(len(content)).encode()),
            (b"connection", b"close"),
        ]
        for event in (
            h11.Response(status_code=MALFORMED.status, headers=headers, reason=b"Bad Request"),
            h11.Data(data=content),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    @property
    def _idle(self) -> bool:
        """Whether uvicorn's own timer runs: the last request is answered and nothing came since."""
        return self.timeout_keep_alive_task is not None

    def _no_head(self) -> None:
        self._for_head = None
        if not self._idle:
            self.transport.close()

    def _watch_taking(self) -> None:
        # Any progress counts: a slow client may take long, one that reads nothing may not.
        untaken = self.transport.get_write_buffer_size()
        if untaken and self._for_taking is None:
            self._for_taking = self.loop.call_later(PATIENCE, self._taken_since, untaken)

    def _taken_since(self, before: int) -> None:
        self._for_taking = None
        if self.transport.get_write_buffer_size() < before:
            self._watch_taking()
        else:
            self.transport.abort()


SECONDS = 5.0
"""Longest time in which the rest of a body is read and dropped, seconds."""


class UnreadBody:
    """Ends connections whose request was answered before its body was read; outermost layer.

    The rest of the body is read for a few seconds first: a client that is still sending would
    otherwise see its connection reset instead of the answer.
    """

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
