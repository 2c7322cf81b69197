"""Receives the files of a request within limits of size, memory and time; nothing is on disk.

python-multipart parses the form, piece by piece. Starlette's `MultiPartParser` on top of it was
tried, with `spool_max_size` raised so that no temporary file is made, and does not hold these
bounds:

- A body that is cut short is accepted with the files that are complete; here it is refused.
- Parts of another name or disposition are read whole; here they end the upload at their head.
- Its refusals differ only by their English text, so too many files and a malformed form can't be
  distinguished; here they have problem types of their own.
- The codec for names is the client's `charset`: `charset=undefined` raises, which answers 500.
- Each file is copied out of its buffer at the end, which doubles the memory of an upload.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import Message

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from lungscope.serving.http.problems import (
    BUSY,
    INVALID,
    MALFORMED,
    MEDIA,
    NOT_ARRIVED,
    TOO_LARGE,
    Problem,
)
from lungscope.serving.http.settings import MIB, Settings

FIELD = b"file"
LONGEST_NAME = 255
UNNAMED = "unnamed"
_LONGEST_BOUNDARY = 70  # RFC 2046, section 5.1.1
_LONGEST_HEADER = 8192


@dataclass(frozen=True)
class Upload:
    """An uploaded file.

    Attributes:
        name: the client's name of the file, without folders and unprintable characters; at most
            `LONGEST_NAME` characters. It is only repeated in answers, never used as a path.
        content: the whole file.
    """

    name: str
    content: bytes


class Form:
    """Collects the files of a multipart/form-data body that arrives in pieces."""

    def __init__(self, content_type: str, most_files: int) -> None:
        """Prepares for a body.

        Args:
            content_type: the header Content-Type.
            most_files: largest number of files.

        Raises:
            Problem: another type, or no boundary.
        """
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data":
            raise Problem(MEDIA, "send the files as multipart/form-data, in the field 'file'")
        boundary = options.get(b"boundary", b"")
        if not 0 < len(boundary) <= _LONGEST_BOUNDARY:
            raise Problem(MALFORMED, "Content-Type has no boundary of 1 to 70 characters")
        self._most_files = most_files
        self._uploads: list[Upload] = []
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._disposition = b""
        self._name: str | None = None
        self._content: list[bytes] = []
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begins,
                "on_header_begin": self._header_begins,
                "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
                "on_header_end": self._header_ends,
                "on_headers_finished": self._headers_end,
                "on_part_data": lambda data, start, end: self._content.append(data[start:end]),
                "on_part_end": self._part_ends,
                "on_end": self._end,
            },
            max_header_size=_LONGEST_HEADER,
        )

    def take(self, piece: bytes) -> None:
        """Parses the next piece of the body.

        Raises:
            Problem: the form is malformed, a field is unknown, or there are too many files.
        """
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise Problem(
                MALFORMED, "the body is not a form with the boundary of Content-Type"
            ) from error

    def uploads(self) -> list[Upload]:
        """Returns the files, after the whole body was parsed.

        Raises:
            Problem: the body was cut short, or holds no file.
        """
        if not self._ended:
            raise Problem(MALFORMED, "the body ends before its last boundary; send it again")
        if not self._uploads:
            raise Problem(INVALID, "no file was sent; send one or several in the field 'file'")
        return self._uploads

    def _part_begins(self) -> None:
        if len(self._uploads) == self._most_files:
            raise Problem(
                TOO_LARGE, f"more than {self._most_files} files; send them in several requests"
            )
        self._disposition, self._name, self._content = b"", None, []

    def _header_begins(self) -> None:
        self._header = (bytearray(), bytearray())

    def _header_ends(self) -> None:
        if bytes(self._header[0]).lower() == b"content-disposition":
            self._disposition = bytes(self._header[1])

    def _headers_end(self) -> None:
        kind, options = parse_options_header(self._disposition)
        if kind != b"form-data" or b"name" not in options:
            raise Problem(MALFORMED, "a part of the form has no name")
        name = (
            options[b"filename"].decode("utf-8", errors="replace")
            if b"filename" in options
            else (_extended_name(self._disposition))
        )
        if options[b"name"] != FIELD or name is None:
            raise Problem(INVALID, "the form has a field other than files named 'file'")
        self._name = cleaned(name)

    def _part_ends(self) -> None:
        if self._name is None:
            raise Problem(MALFORMED, "a part of the form has no headers")
        self._uploads.append(Upload(self._name, b"".join(self._content)))
        self._content = []

    def _end(self) -> None:
        self._ended = True


def _extended_name(disposition: bytes) -> str | None:
    """The name in `filename*` (RFC 8187); RFC 7578 forbids it in forms, and some clients send it.

    It is in UTF-8, or in ISO 8859-1 where it says so; no other codec is looked up by its name.
    """
    header = Message()
    header["Content-Disposition"] = disposition.decode("latin-1")
    found = header.get_param("filename", header="Content-Disposition")
    if not isinstance(found, tuple):
        return None
    codec = "latin-1" if (found[0] or "").lower() == "iso-8859-1" else "utf-8"
    return found[2].encode("latin-1", errors="replace").decode(codec, errors="replace")


def cleaned(name: str) -> str:
    r"""Returns a file name that is safe to repeat: its last component, printable, not too long.

    Examples:
        >>> cleaned("C:\\Users\\jane\\chest.png"), cleaned("../.."), cleaned("")
        ('chest.png', 'unnamed', 'unnamed')
    """
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    printable = "".join(character for character in last if character.isprintable()).strip()
    if printable in {"", ".", ".."}:
        return UNNAMED
    return printable[-LONGEST_NAME:]


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
