"""The part of Orthanc's REST interface that reconciliation needs."""

import json
import ssl
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx

from lungscope.errors import InvalidSetting
from lungscope.serving.pacs.orthanc_answers import (
    Changes,
    Origin,
    StoredInstance,
    StoredSeries,
)
from lungscope.serving.pacs.settings import Orthanc

LARGEST_ANSWER = 2**22
"""Largest answer other than an instance, bytes."""

PAGE = 100
"""Changes per query."""

_SECONDS = 30.0


class OrthancUnavailable(Exception):
    """Orthanc does not answer, or not as it should; the message says how, in one line."""


class Unreadable(Exception):
    """One resource that a working Orthanc cannot give; the message says why, in one line."""


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

    def change_at(self, when: float) -> int:
        """Returns the number of the last change before a time; 0 if there is none.

        Raises:
            OrthancUnavailable: no answer, or not one of Orthanc.
        """
        low, high = 0, self.latest().last
        while low < high:  # the first change after `low` and those before it are at most `high`
            middle = (low + high) // 2
            page = self._changes(urlencode({"since": middle, "limit": 1}))
            if page.when is None or page.when >= when:
                high = middle
            else:
                low = max(page.last, middle + 1)
        return low

    def instance(self, identifier: str) -> StoredInstance | None:
        """Returns what is known of an instance, or None if it was deleted.

        Raises:
            OrthancUnavailable: no answer.
            Unreadable: no answer about this instance.
        """
        found = self._object(f"/instances/{quote(identifier, safe='')}")
        if found is None:
            return None
        tags = found.get("MainDicomTags", {})
        return StoredInstance(_text(tags.get("SOPInstanceUID")), _text(found.get("ParentSeries")))

    def series(self, identifier: str) -> StoredSeries | None:
        """Returns what is known of a series, or None if it was deleted.

        Raises:
            OrthancUnavailable: no answer.
            Unreadable: no answer about this series.
        """
        found = self._object(f"/series/{quote(identifier, safe='')}")
        if found is None:
            return None
        return StoredSeries(
            _text(found.get("MainDicomTags", {}).get("Modality")),
            tuple(map(str, found.get("Instances", ()))),
        )

    def origin(self, identifier: str) -> Origin:
        """Returns where an instance comes from.

        Raises:
            OrthancUnavailable: no answer.
            Unreadable: no answer about this instance.
        """
        path = f"/instances/{quote(identifier, safe='')}/metadata?expand"
        found = self._object(path) or {}
        return Origin(_text(found.get("SopClassUid")), _text(found.get("RemoteAET")))

    def file(self, identifier: str) -> bytes | None:
        """Returns the file of an instance, or None if it was deleted.

        Raises:
            OrthancUnavailable: no answer.
            Unreadable: it cannot be read, or is over the limit.
        """
        path = f"/instances/{quote(identifier, safe='')}/file"
        return self._resource(path, self._largest)

    def _changes(self, query: str) -> Changes:
        content = self._get(f"/changes?{query}", LARGEST_ANSWER)
        try:
            return Changes.parse(json.loads(content or b""))
        except (ValueError, KeyError, TypeError) as error:
            raise OrthancUnavailable("the answer is not one of Orthanc") from error

    def _object(self, path: str) -> dict[str, Any] | None:
        content = self._resource(path, LARGEST_ANSWER)
        if content is None:
            return None
        try:
            found = json.loads(content)
        except ValueError as error:
            raise Unreadable("the answer is not one of Orthanc") from error
        if not isinstance(found, dict):
            raise Unreadable("the answer is not one of Orthanc")
        return found

    def _resource(self, path: str, most: int) -> bytes | None:
        """Returns an answer about one resource; a failure is its own if Orthanc answers others."""
        try:
            return self._get(path, most)
        except OrthancUnavailable as error:
            self.latest()  # raises if it is Orthanc that fails
            raise Unreadable(str(error)) from None

    def _get(self, path: str, most: int) -> bytes | None:
        try:
            with self._client.stream("GET", path) as answer:
                content = bytearray()
                for part in answer.iter_raw():  # to its end, so that the connection is kept
                    content += part
                    if len(content) > most:
                        raise OrthancUnavailable(f"an answer over {most // 2**20} MiB")
                if answer.status_code == 404:
                    return None
                if answer.status_code != 200:
                    check = "; check user and password" if answer.status_code in (401, 403) else ""
                    raise OrthancUnavailable(f"status {answer.status_code}{check}")
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


def _text(value: object) -> str:
    return value.strip("\0 ") if isinstance(value, str) else ""
