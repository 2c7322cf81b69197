"""The part of Orthanc's REST interface that reconciliation needs."""

import json
import ssl
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx

from lungscope.errors import InvalidSetting
from lungscope.serving.pacs.settings import Orthanc

LARGEST_ANSWER = 2**22
"""Largest answer other than an instance, bytes."""

PAGE = 100
"""Changes per query."""

_SECONDS = 30.0


class OrthancUnavailable(Exception):
    """Orthanc does not answer, or not as it should; the message says how, in one line."""


class TooLarge(OrthancUnavailable):
    """An answer over the limit."""


@dataclass(frozen=True)
class Changes:
    """A page of Orthanc's change log.

    Attributes:
        new_instances: Orthanc's identifiers of new instances, in order of arrival.
        last: number of the last change on the page.
        done: whether there are no further changes now.
        fingerprint: hash of the last change (60 bits), which differs from that of the change with
            the same number in another database; None on a page without changes.
    """

    new_instances: list[str]
    last: int
    done: bool
    fingerprint: int | None


@dataclass(frozen=True)
class Arrival:
    """An instance in Orthanc.

    Attributes:
        instance: SOP Instance UID.
        sop_class: SOP Class UID.
        modality: e.g. "DX".
        sender: calling AE title of its sender, or "".
    """

    instance: str
    sop_class: str
    modality: str
    sender: str


class OrthancClient:
    """Asks one Orthanc; follows no redirection and no proxy, so that credentials go nowhere else.

    One thread may use it.
    """

    def __init__(self, orthanc: Orthanc, largest: int) -> None:
        """Checks the address; nothing is sent yet.

        Args:
            orthanc: address and credentials.
            largest: bytes of an instance at most.

        Raises:
            InvalidSetting: not a plain http or https address.
        """
        _check_address(orthanc.url)
        self._largest = largest
        self._client = httpx.Client(
            base_url=orthanc.url.rstrip("/"),
            auth=(orthanc.user, orthanc.password or "") if orthanc.user is not None else None,
            # identity: a compressed answer could be small on the wire and fill the memory.
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            timeout=_SECONDS,
            follow_redirects=False,
            trust_env=False,  # neither proxies nor ~/.netrc
            verify=ssl.create_default_context(),  # the system's authorities: a hospital's are there
        )

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def latest(self) -> Changes:
        """Returns a page with the last change alone.

        Raises:
            OrthancUnavailable: no answer, or not one of Orthanc.
        """
        return self._changes("last")

    def changes(self, since: int) -> Changes:
        """Returns the page of changes after a change.

        Raises:
            OrthancUnavailable: no answer, or not one of Orthanc.
        """
        return self._changes(urlencode({"since": since, "limit": PAGE}))

    def fingerprint(self, number: int) -> int | None:
        """Returns the fingerprint of a change; None if there is no such change, or no longer.

        Raises:
            OrthancUnavailable: no answer, or not one of Orthanc.
        """
        if number < 1:  # nothing has happened yet
            return None
        found = self._changes(urlencode({"since": number - 1, "limit": 1}))
        return found.fingerprint if found.last == number else None

    def arrival(self, identifier: str) -> Arrival | None:
        """Returns the attributes of an instance, or None if it was deleted.

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
        """Returns the file of an instance, or None if it was deleted.

        Raises:
            OrthancUnavailable: no answer.
            TooLarge: the file is over the limit.
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
            raise OrthancUnavailable("the answer is not one of Orthanc") from error

    def _get(self, path: str, most: int) -> bytes | None:
        try:
            with self._client.stream("GET", path) as answer:
                if answer.status_code == 404:
                    return None
                if answer.status_code != 200:
                    check = "; check user and password" if answer.status_code in (401, 403) else ""
                    raise OrthancUnavailable(f"status {answer.status_code}{check}")
                content = bytearray()
                for part in answer.iter_raw():
                    content += part
                    if len(content) > most:
                        raise TooLarge(f"an answer over {most // 2**20} MiB")
                return bytes(content)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise OrthancUnavailable(f"no answer ({_reason(error)})") from None


def _check_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise InvalidSetting("Orthanc: give its address as http://HOST:PORT") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        raise InvalidSetting("Orthanc: give its address as http://HOST:PORT")
    if parts.username is not None or parts.password is not None:
        raise InvalidSetting(
            "Orthanc: leave user and password out of the address, which other users of this "
            "machine can read; give them as credentials"
        )


def _reason(error: BaseException) -> str:
    """Returns the operating system's words where it has some, else the name of the error."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__


def _fingerprint(change: dict[str, Any]) -> int:
    text = f"{change['ID']} {change['Date']} {change['ChangeType']}"
    return int(sha256(text.encode()).hexdigest()[:15], 16)
