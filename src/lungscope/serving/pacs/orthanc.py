"""Orthanc's REST interface, as far as reconciliation needs it."""

import json
import ssl
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import (
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    build_opener,
)

from lungscope.errors import LungscopeError
from lungscope.serving.pacs.settings import Orthanc

LARGEST_ANSWER = 2**22
"""Bytes of an answer that is no instance."""

PAGE = 100
"""Changes asked for at once."""

_SECONDS = 30.0


class OrthancUnavailable(Exception):
    """It does not answer, or not as it should; the message says how, in a line."""


class _NoRedirect(HTTPRedirectHandler):
    """Credentials go where they were meant for, and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True)
class Changes:
    """A page of what happened.

    Attributes:
        new_instances: Orthanc's identifiers of instances that came, in their order.
        last: the number of the last change on the page.
        done: whether there are no more now.
        fingerprint: tells the last change from one of the same number in another database, 60
            bits; None on a page without changes.
    """

    new_instances: list[str]
    last: int
    done: bool
    fingerprint: int | None


@dataclass(frozen=True)
class Arrival:
    """An instance that Orthanc has.

    Attributes:
        instance: its SOP Instance UID.
        sop_class: its SOP Class UID.
        modality: e.g. "DX".
        sender: calling AE title that brought it, or "".
    """

    instance: str
    sop_class: str
    modality: str
    sender: str


class OrthancClient:
    """Asks one Orthanc; follows no redirection and no proxy."""

    def __init__(self, orthanc: Orthanc, largest: int) -> None:
        """Checks the address.

        Args:
            orthanc: where, and as whom.
            largest: bytes of an instance at most.

        Raises:
            LungscopeError: not a plain http or https address.
        """
        try:
            parts = urlsplit(orthanc.url)
            _ = parts.port
        except ValueError as error:
            raise LungscopeError("--orthanc: no address; give http://HOST:PORT") from error
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise LungscopeError("--orthanc: give an address as http://HOST:PORT")
        if parts.username is not None or parts.password is not None:
            raise LungscopeError(
                "--orthanc: leave user and password out of the address, where others see them; "
                "see the documentation of lungscope pacs"
            )
        self._url = orthanc.url.rstrip("/")
        self._largest = largest
        self._headers = {"Accept": "application/json"}
        if orthanc.user is not None:
            token = b64encode(f"{orthanc.user}:{orthanc.password or ''}".encode()).decode()
            self._headers["Authorization"] = f"Basic {token}"
        self._opener: OpenerDirector = build_opener(
            ProxyHandler({}),
            _NoRedirect,
            HTTPHandler,
            HTTPSHandler(context=ssl.create_default_context()),
        )

    def latest(self) -> Changes:
        """The last change alone.

        Raises:
            OrthancUnavailable: no answer, or none of Orthanc's.
        """
        return self._changes("last")

    def changes(self, since: int) -> Changes:
        """What happened after a change.

        Raises:
            OrthancUnavailable: no answer, or none of Orthanc's.
        """
        return self._changes(urlencode({"since": since, "limit": PAGE}))

    def fingerprint(self, number: int) -> int | None:
        """The fingerprint of a change; None where there is no such change, or no longer.

        Raises:
            OrthancUnavailable: no answer, or none of Orthanc's.
        """
        if number < 1:  # nothing has happened yet
            return None
        found = self._changes(urlencode({"since": number - 1, "limit": 1}))
        return found.fingerprint if found.last == number else None

    def arrival(self, identifier: str) -> Arrival | None:
        """What an instance is, or None where it is no longer there.

        Raises:
            OrthancUnavailable: no answer.
        """
        path = f"/instances/{quote(identifier, safe='')}"
        found = {
            name: self._get(path + where, LARGEST_ANSWER)
            for name, where in (
                ("instance", "/content/0008-0018"),
                ("sop_class", "/content/0008-0016"),
                ("modality", "/content/0008-0060"),
                ("sender", "/metadata/RemoteAET"),
            )
        }
        if found["instance"] is None:
            return None
        texts = {
            name: (value or b"").decode("ascii", "replace").strip("\0 ")
            for name, value in found.items()
        }
        return Arrival(**texts)

    def file(self, identifier: str) -> bytes | None:
        """An instance's file, or None where it is no longer there.

        Raises:
            OrthancUnavailable: no answer, or it is over the limit.
        """
        return self._get(f"/instances/{quote(identifier, safe='')}/file", self._largest)

    def _changes(self, query: str) -> Changes:
        content = self._get(f"/changes?{query}", LARGEST_ANSWER)
        try:
            value = json.loads(content or b"")
            return Changes(
                [
                    str(change["ID"])
                    for change in value["Changes"]
                    if change["ChangeType"] == "NewInstance"
                ],
                int(value["Last"]),
                bool(value["Done"]),
                _fingerprint(value["Changes"][-1]) if value["Changes"] else None,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise OrthancUnavailable("its answer is not Orthanc's") from error

    def _get(self, path: str, most: int) -> bytes | None:
        # The scheme was checked when the address was taken.
        request = Request(self._url + path, headers=self._headers)  # noqa: S310
        try:
            with self._opener.open(request, timeout=_SECONDS) as answer:
                content: bytes = answer.read(most + 1)
        except HTTPError as error:
            error.close()
            if error.code == 404:
                return None
            check = "; check user and password" if error.code in (401, 403) else ""
            raise OrthancUnavailable(f"it answers {error.code}{check}") from None
        except (OSError, HTTPException) as error:  # URLError is an OSError
            reason = getattr(error, "reason", error)
            told = getattr(reason, "strerror", None) or type(reason).__name__
            raise OrthancUnavailable(f"no answer ({told})") from None
        if len(content) > most:
            raise TooLarge(f"an answer over {most // 2**20} MiB")
        return content


def _fingerprint(change: dict[str, Any]) -> int:
    told = f"{change['ID']} {change['Date']} {change['ChangeType']}"
    return int(sha256(told.encode()).hexdigest()[:15], 16)


class TooLarge(OrthancUnavailable):
    """An answer over the limit."""
