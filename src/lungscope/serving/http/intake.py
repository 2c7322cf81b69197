"""Receives the body of a request within limits of size, memory and time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect, Request

from lungscope.serving.http.multipart import Form, Upload
from lungscope.serving.http.problems import BUSY, MALFORMED, NOT_ARRIVED, TOO_LARGE, Problem
from lungscope.serving.http.settings import MIB, Settings


class Intake:
    """Receives uploads into memory, with a bound on the total of all clients.

    Bytes count as they arrive, not as they are announced, so that a slow client holds little.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._held = 0

    @property
    def held(self) -> int:
        """Bytes of uploads in memory."""
        return self._held

    @asynccontextmanager
    async def uploads(self, request: Request) -> AsyncIterator[list[Upload]]:
        """Yields the files of a request; their memory is released when the block ends.

        Raises:
            Problem: not a form with files, too large, too slow, or no memory left at the moment.
        """
        room = _Room(self)
        try:
            form = Form(request.headers.get("content-type", ""), self._settings.most_files)
            self._check_announced(request)
            try:
                await asyncio.wait_for(
                    self._arrived(request, form, room), self._settings.upload_timeout
                )
            except asyncio.TimeoutError as error:
                raise Problem(
                    NOT_ARRIVED,
                    f"the upload took over {self._settings.upload_timeout:g} seconds; send fewer "
                    "files at once, or smaller ones",
                ) from error
            yield form.uploads()
        finally:
            room.give_back()

    async def _arrived(self, request: Request, form: Form, room: "_Room") -> None:
        try:
            async for piece in request.stream():
                room.take(len(piece))
                if room.taken > self._settings.largest_upload:
                    raise self._too_large()
                form.take(piece)
        except ClientDisconnect as error:
            raise Problem(MALFORMED, "the upload broke off") from error

    def _check_announced(self, request: Request) -> None:
        announced = request.headers.get("content-length", "0")
        if announced.isdecimal() and int(announced) > self._settings.largest_upload:
            raise self._too_large()

    def _too_large(self) -> Problem:
        return Problem(
            TOO_LARGE,
            f"over the limit of {self._settings.largest_upload / MIB:g} MB for a request; send "
            "fewer files at once, or smaller ones",
        )

    def _take(self, length: int) -> None:
        if self._held + length > self._settings.uploads_in_memory:
            raise Problem(BUSY, "too many uploads at once; retry later")
        self._held += length


class _Room:
    """The part of the memory for uploads that one request holds."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self.taken = 0

    def take(self, length: int) -> None:
        self._intake._take(length)
        self.taken += length

    def give_back(self) -> None:
        self._intake._held -= self.taken
        self.taken = 0
