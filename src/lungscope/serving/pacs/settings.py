"""What a node is told when it is started."""

import random
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lungscope.errors import LungscopeError
from lungscope.network_address import is_loopback


@dataclass(frozen=True)
class Backoff:
    """Exponential backoff with jitter.

    Attributes:
        first: seconds after the first failure, at most.
        longest: seconds, at most, however many failures there were.
    """

    first: float = 5.0
    longest: float = 3600.0

    def delay(self, failures: int, chance: Callable[[], float] = random.random) -> float:
        """Seconds to wait, between half and all of what doubling gives.

        Args:
            failures: so far, >= 1.
            chance: draws from [0, 1).
        """
        full = min(self.longest, self.first * 2.0 ** min(failures - 1, 60))
        return full * (0.5 + 0.5 * chance())


_AE_TITLE = re.compile(r"[!-\[\]-~](?:[ -\[\]-~]{0,14}[!-\[\]-~])?")  # PS3.5 VR AE: no backslash
_PEER = re.compile(r"(?P<ae>[^@]+)@(?P<host>\[[0-9A-Fa-f:.]+\]|[^:@\[\]]+):(?P<port>\d{1,5})")


def ae_title(text: str) -> str:
    """An application entity title, checked.

    Raises:
        LungscopeError: not 1 to 16 printable ASCII characters, or with a backslash.
    """
    if not _AE_TITLE.fullmatch(text):
        raise LungscopeError(
            f"AE title {text!r}: give 1 to 16 printable ASCII characters without a backslash"
        )
    return text


@dataclass(frozen=True)
class Peer:
    """Where results go.

    Attributes:
        ae_title: of the application entity.
        host: name or address.
        port: TCP, 1 to 65535.
    """

    ae_title: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Peer":
        """Reads `AET@HOST:PORT`; an IPv6 address stands in brackets.

        Raises:
            LungscopeError: it is of another form.
        """
        found = _PEER.fullmatch(text)
        if found is None or not 1 <= int(found["port"]) <= 65535:
            raise LungscopeError(f"{text!r}: give AET@HOST:PORT, as in PACS@10.0.0.5:104")
        return cls(ae_title(found["ae"]), found["host"].strip("[]"), int(found["port"]))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.ae_title}@{host}:{self.port}"


@dataclass(frozen=True)
class Tls:
    """Certificates, PEM files.

    Attributes:
        certificate, key: of this node.
        authority: whose certificates are believed. With it, who connects must show one; without
            it, anybody may connect, and the target's is checked against the system's authorities.
    """

    certificate: Path
    key: Path
    authority: Path | None = None

    def server(self) -> ssl.SSLContext:
        """For who connects to this node.

        Raises:
            LungscopeError: a file that cannot be used.
        """
        context = self._context(ssl.Purpose.CLIENT_AUTH)
        if self.authority is not None:
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client(self) -> ssl.SSLContext:
        """For sending; the target's certificate must be valid for its host name.

        Raises:
            LungscopeError: a file that cannot be used.
        """
        return self._context(ssl.Purpose.SERVER_AUTH)

    def _context(self, purpose: ssl.Purpose) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(purpose, cafile=self.authority)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_cert_chain(self.certificate, self.key, password=_no_password)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise LungscopeError(
                f"TLS: {self.certificate}, {self.key} or its authority cannot be used ({error}); "
                "give PEM files, the key without a password"
            ) from error
        return context


def _no_password() -> str:
    raise ValueError("the key has a password")


@dataclass(frozen=True)
class Limits:
    """What a peer may take of this machine.

    Attributes:
        associations: at once; each may hold one instance in memory.
        instance: bytes of an instance at most.
        pdu: bytes of a protocol data unit at most, as announced.
        seconds: of silence, in the middle of a message or between two, and of a TLS handshake.
        free: bytes that stay free on the disk of the spool; below, instances are not taken.
    """

    associations: int = 8
    instance: int = 128 * 2**20
    pdu: int = 2**18
    seconds: float = 30.0
    free: int = 2**30


@dataclass(frozen=True)
class Orthanc:
    """Where reconciliation asks.

    Attributes:
        url: of the REST interface, http or https.
        user, password: or None for none; never printed.
        seconds: between two questions.
        backfill: whether what Orthanc had before this node first ran is taken, too.
    """

    url: str
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    seconds: float = 30.0
    backfill: bool = False


@dataclass(frozen=True)
class Settings:
    """All about a node.

    Attributes:
        spool: folder of what is in work.
        target: where results go.
        ae_title: of this node.
        host, port: where it listens; port 0 takes a free one.
        accept_from: calling AE titles; empty for any, from this machine alone.
        tls: for who connects, or None for none.
        send_tls: for sending, or None for none.
        limits: of peers.
        orthanc: to reconcile with, or None.
        backoff: of sending and of reconciliation.
        keep: whether images and results stay in the spool when they are done.
        workers: that classify, >= 1.
    """

    spool: Path
    target: Peer
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

    def __post_init__(self) -> None:
        """Refuses what does not go together.

        Raises:
            LungscopeError: a bad AE title, or a node open to the network without a list.
        """
        for title in (self.ae_title, *self.accept_from):
            ae_title(title)
        own = {self.host, "localhost"} if is_loopback(self.host) else {self.host}
        if self.target.port == self.port and self.target.host in own:
            raise LungscopeError(f"--send-to {self.target}: that is this node itself")
        if not self.accept_from and not is_loopback(self.host):
            raise LungscopeError(
                f"--host {self.host} is open to the network; say with --accept-from whose "
                "images are taken"
            )
