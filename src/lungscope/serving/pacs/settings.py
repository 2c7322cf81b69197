"""Configuration of the DICOM node."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from lungscope.errors import InvalidSetting
from lungscope.network_address import is_loopback
from lungscope.serving.pacs.tls import Tls


@dataclass(frozen=True)
class Backoff:
    """Exponential backoff with jitter.

    Attributes:
        first: longest delay after the first failure, seconds.
        longest: longest delay after any number of failures, seconds.
    """

    first: float = 5.0
    longest: float = 3600.0

    def delay(self, failures: int, chance: Callable[[], float] = random.random) -> float:
        """Returns the seconds to wait: half to all of `first`, doubled with each further failure.

        Args:
            failures: number of failures so far, >= 1.
            chance: draws from [0, 1).

        Examples:
            >>> [Backoff().delay(failures, chance=lambda: 1.0) for failures in (1, 2, 3, 100)]
            [5.0, 10.0, 20.0, 3600.0]
        """
        full = min(self.longest, self.first * 2.0 ** min(failures - 1, 60))
        return full * (0.5 + 0.5 * chance())


_AE_TITLE = re.compile(r"[!-\[\]-~](?:[ -\[\]-~]{0,14}[!-\[\]-~])?")  # PS3.5 VR AE: no backslash
_PEER = re.compile(r"(?P<ae>[^@]+)@(?P<host>\[[0-9A-Fa-f:.]+\]|[^:@\[\]]+):(?P<port>\d{1,5})")


def check_ae_title(text: str) -> str:
    """Returns an application entity title after checking it.

    Raises:
        InvalidSetting: not 1 to 16 printable ASCII characters, or with a backslash.
    """
    if not _AE_TITLE.fullmatch(text):
        raise InvalidSetting(
            f"AE title {text!r}: give 1 to 16 printable ASCII characters without a backslash"
        )
    return text


@dataclass(frozen=True)
class Peer:
    """A DICOM application entity that results are sent to.

    Attributes:
        ae_title: application entity title.
        host: name or address.
        port: TCP port, 1 to 65535.
    """

    ae_title: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Peer":
        """Reads `AET@HOST:PORT`; an IPv6 address is in brackets.

        Raises:
            InvalidSetting: the text has another form.

        Examples:
            >>> Peer.parse("PACS@10.0.0.5:104")
            Peer(ae_title='PACS', host='10.0.0.5', port=104)
        """
        found = _PEER.fullmatch(text)
        if found is None or not 1 <= int(found["port"]) <= 65535:
            raise InvalidSetting(f"{text!r}: give AET@HOST:PORT, as in PACS@10.0.0.5:104")
        return cls(check_ae_title(found["ae"]), found["host"].strip("[]"), int(found["port"]))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.ae_title}@{host}:{self.port}"


Kind: TypeAlias = Literal["sr", "picture"]
"""Kinds of results: Structured Reports, and images with the heatmap."""

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Target:
    """An application entity that results are sent to, and which of them it takes.

    Attributes:
        peer: the application entity.
        takes: the kinds of results that it is sent.
    """

    peer: Peer
    takes: tuple[Kind, ...] = KINDS

    @classmethod
    def parse(cls, text: str) -> "Target":
        """Reads `AET@HOST:PORT` for all results, `AET@HOST:PORT=sr` or `=picture` for some.

        Raises:
            InvalidSetting: the text has another form.

        Examples:
            >>> Target.parse("RIS@10.0.0.6:104=sr").takes
            ('sr',)
        """
        head, colon, tail = text.rpartition(":")  # a title may hold "="
        port, equals, kinds = tail.partition("=")
        peer = head + colon + port
        if not equals:
            return cls(Peer.parse(peer))
        wanted = kinds.split(",")
        if not set(wanted) <= set(KINDS):
            raise InvalidSetting(
                f"{text!r}: give AET@HOST:PORT, AET@HOST:PORT=sr or AET@HOST:PORT=picture"
            )
        return cls(Peer.parse(peer), tuple(kind for kind in KINDS if kind in wanted))

    @property
    def name(self) -> str:
        """How log, queue and status call it."""
        return str(self.peer)


@dataclass(frozen=True)
class Limits:
    """How much of this machine peers may use.

    Attributes:
        associations: simultaneous associations; each may hold one instance in memory.
        instance: largest instance, bytes.
        pdu: largest protocol data unit, bytes, as announced to peers, who adapt to it.
        seconds: longest silence in the middle of a message or between two, and longest TLS
            handshake.
        free: bytes to keep free on the spool's disk; with less, instances are refused.
    """

    associations: int = 8
    instance: int = 128 * 2**20
    pdu: int = 2**18
    seconds: float = 30.0
    free: int = 2**30


@dataclass(frozen=True)
class Since:
    """Where in Orthanc's change log a node begins.

    Attributes:
        text: as it was given.
        change: number of the change after which it begins; None where a time is given.
        time: time at which it begins, in seconds since 1970.
    """

    text: str
    change: int | None
    time: float = 0.0

    @classmethod
    def parse(cls, text: str) -> "Since":
        """Reads the number of a change, or a date or time (ISO 8601; local without an offset).

        Raises:
            InvalidSetting: the text is neither.

        Examples:
            >>> Since.parse("1200").change
            1200
            >>> Since.parse("2026-11-27T10:00+01:00").time
            1795770000.0
        """
        if text.isascii() and text.isdigit() and len(text) < 19:
            return cls(text, int(text))
        try:
            found = datetime.fromisoformat(text.replace("Z", "+00:00"))
        except ValueError:
            raise InvalidSetting(
                f"since {text!r}: give the number of a change of Orthanc, or a date or time such "
                "as 2026-11-27 or 2026-11-27T10:00"
            ) from None
        return cls(text, None, found.timestamp())

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Orthanc:
    """An Orthanc server to reconcile with.

    Attributes:
        url: address of its REST interface, http or https.
        user, password: credentials, or None; never printed.
        seconds: between two queries. What the server sends by itself does not wait for them.
        since: where to begin, once for each value; None for the present at the first run.
    """

    url: str
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    seconds: float = 30.0
    since: Since | None = None


@dataclass(frozen=True)
class Settings:
    """Configuration of the node.

    Attributes:
        spool: folder for instances being processed.
        targets: application entities that results are sent to, at least one.
        ae_title: application entity title of this node.
        host, port: address to bind; port 0 takes a free one.
        accept_from: calling AE titles that are accepted; empty for any, from this machine alone.
        tls: certificates for peers that connect, or None for plain DICOM.
        send_tls: certificates for sending, or None for plain DICOM.
        limits: bounds on what peers may use.
        orthanc: server to reconcile with, or None.
        backoff: delays of sending and of reconciliation after failures.
        keep: whether images and results stay in the spool after they are sent.
        workers: threads that classify, >= 1.
        metrics_port: TCP port of 127.0.0.1 for metrics, 0 for a free one; None for no metrics.
    """

    spool: Path
    targets: tuple[Target, ...]
    ae_title: str = "LUNGSCOPE"
    host: str = "127.0.0.1"
    port: int = 11112
    accept_from: tuple[str, ...] = ()
    tls: Tls | None = None
    send_tls: Tls | None = None
    limits: Limits = field(default_factory=Limits)
    orthanc: Orthanc | None = None
    backoff: Backoff = field(default_factory=Backoff)
    keep: bool = False
    workers: int = 1
    metrics_port: int | None = None

    def __post_init__(self) -> None:
        """Refuses contradictory settings.

        Raises:
            InvalidSetting: a bad AE title, no target or one twice, or a node open to the network
                without a list.
        """
        for title in (self.ae_title, *self.accept_from):
            check_ae_title(title)
        names = [target.name for target in self.targets]
        if not names or len(set(names)) < len(names):
            raise InvalidSetting("targets: name at least one, and none of them twice")
        own = {self.host, "localhost"} if is_loopback(self.host) else {self.host}
        for target in self.targets:
            if target.peer.port == self.port and target.peer.host in own:
                raise InvalidSetting(
                    f"{target.name}: that is this node itself; send results to another"
                )
        if not self.accept_from and not is_loopback(self.host):
            raise InvalidSetting(
                f"host {self.host} is open to the network; name the AE titles that may send to it "
                "(accept-from)"
            )
