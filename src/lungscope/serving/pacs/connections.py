"""Hardening of pynetdicom's connections: bounds on memory and on silence.

pynetdicom reads as many bytes as a peer announces, up to 4 GiB, waits for them without a limit,
and does TLS handshakes one after the other in the thread that accepts. Here a connection has a
bound on the bytes of a message, on the time of every read and of the whole message, and does its
handshake in its own thread. What ends a connection is a line in the log that names the peer.

For this, private parts of pynetdicom are overridden, as there are no public ones:
`RequestHandler._create_association`, `AssociationSocket.recv` and `_shutdown_socket`, `dul.socket`,
`dul.event_queue` and `dul._decode_pdu`; `Node` adds the server to `AE._servers`. The tests of the
node, which are run with pynetdicom 3.0.4, fail where a release changes one of them; the dependency
ends below 4.
"""

import logging
import socket
import ssl
import sys
import threading
import time
from contextlib import suppress
from typing import Any, cast

from pynetdicom.association import Association
from pynetdicom.transport import (
    AssociationSocket,
    RequestHandler,
    ThreadedAssociationServer,
)

from lungscope.serving.pacs.association_request import (
    ASSOCIATE_RQ,
    KNOWN_TYPES,
    RefusedTitle,
    plain_titles,
)
from lungscope.serving.pacs.settings import Limits
from lungscope.serving.pacs.tls import explain_tls

log = logging.getLogger("lungscope.pacs")

LARGEST_NEGOTIATION = 2**20
"""Largest protocol data unit whatever maximum is announced, bytes: a request for an association
may name 128 kinds of objects and takes some 60 KiB."""

SLOWEST = 2**14
"""Bytes a second below which a message is too slow, after the seconds of `Limits`."""

_AT_ONCE, _HEADER = 2**16, 6


class Unacceptable(OSError):
    """A peer sends more than it may, or something else than DICOM."""


class BoundedSocket(AssociationSocket):
    """A connection with bounds on what is read.

    Attributes:
        limits: the bounds.
    """

    def __init__(self, association: Association, connection: socket.socket, limits: Limits) -> None:
        """Wraps an accepted connection and allows a first message."""
        super().__init__(association, client_socket=connection)
        self.limits = limits
        self._association = association
        self.refill()

    def refill(self) -> None:
        """Allows another message; its time begins with its first byte."""
        self._left = self._whole = self.limits.instance + LARGEST_NEGOTIATION
        self._began: float | None = None

    def recv(self, nr_bytes: int) -> bytearray:
        """Reads a number of bytes, or fewer if the connection ends.

        Raises:
            OSError: over the bound, or too slow; the connection is then closed.
        """
        if self.socket is None:
            return bytearray()
        try:
            found = self._within_limits(self.socket, nr_bytes)
            # 6 bytes are the beginning of a protocol data unit
            if nr_bytes == _HEADER and found and found[0] not in KNOWN_TYPES:
                raise Unacceptable("it does not speak DICOM")  # noqa: TRY301
        except (Unacceptable, TimeoutError) as error:
            log.warning("connection from %s closed: %s", self._peer, error)
            _close(self.socket)
            raise
        except OSError:
            _close(self.socket)  # pynetdicom would leave it open
            raise
        return found

    @property
    def _peer(self) -> str:
        return describe_peer(self._association)

    def _shutdown_socket(self) -> None:
        if self.socket is not None:
            _close(self.socket)

    def _within_limits(self, connection: socket.socket, count: int) -> bytearray:
        if count > max(self.limits.pdu, LARGEST_NEGOTIATION) + 6 or count > self._left:
            raise Unacceptable("a message is larger than the largest instance (max-instance)")
        self._left -= count
        now = time.monotonic()
        if self._began is None:
            self._began = now
        until = now + self.limits.seconds
        slowest = self._began + self.limits.seconds + (self._whole - self._left) / SLOWEST
        if now > slowest:
            raise TimeoutError("a message takes too long")
        found = bytearray()
        while len(found) < count:
            part = connection.recv(min(_AT_ONCE, count - len(found)))
            if not part:
                break
            found += part
            if time.monotonic() > min(until, slowest):
                raise TimeoutError("a protocol data unit takes too long")
        return found


class _Handler(RequestHandler):
    """Gives every association its bounded connection."""

    def _create_association(self) -> Association:
        association = super()._create_association()
        # pynetdicom's own socket has announced the connection to the state machine; ours does so
        # again, and once is enough.
        association.dul.event_queue.get_nowait()
        limits = self.server.limits  # type: ignore[attr-defined]
        association.dul.socket = BoundedSocket(association, self.request, limits)
        decode = association.dul._decode_pdu

        def decode_or_log(bytestream: bytearray) -> tuple[Any, str]:
            try:
                return decode(
                    plain_titles(bytestream) if bytestream[0] == ASSOCIATE_RQ else bytestream
                )
            except Exception as error:
                # our own words, or the class alone: the message may quote what was sent
                why = str(error) if isinstance(error, RefusedTitle) else type(error).__name__
                peer = describe_peer(association)
                log.warning("connection from %s ended: it cannot be understood: %s", peer, why)
                raise

        association.dul._decode_pdu = decode_or_log  # type: ignore[method-assign]
        return association


class BoundedServer(ThreadedAssociationServer):
    """Accepts connections for an application entity.

    Attributes:
        limits: the bounds of each connection.
        last_turn: when it last looked for a connection, by `time.monotonic`.
    """

    daemon_threads = True

    def __init__(self, *args: Any, limits: Limits, tls: ssl.SSLContext | None, **kwargs: Any):
        self.limits = limits
        self.last_turn = time.monotonic()
        self._tls = tls
        self._lock = threading.Lock()
        self._shaking = 0
        kwargs["request_handler"] = _Handler
        super().__init__(*args, **kwargs)

    def service_actions(self) -> None:
        """Is called several times a second while it accepts connections."""
        super().service_actions()
        self.last_turn = time.monotonic()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accepts a connection, without anything that may take time."""
        connection, address = cast(socket.socket, self.socket).accept()
        connection.settimeout(self.limits.seconds)
        return connection, address

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002
        """Returns whether there is room; a proper rejection needs some beyond the limit."""
        return len(self.active_associations) + self._shaking < 4 * self.limits.associations

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Does the TLS handshake, if any, and starts the association; in a thread of its own."""
        if self._tls is None:
            super().finish_request(request, client_address)
            return
        # A connection in its handshake is no association yet and would escape `verify_request`.
        with self._lock:
            self._shaking += 1
        try:
            request = self._tls.wrap_socket(request, server_side=True)
        finally:
            with self._lock:
                self._shaking -= 1
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Logs one line instead of a traceback; most are peers that fail at TLS."""
        error = sys.exc_info()[1]
        reason = explain_tls(error) if isinstance(error, OSError) else type(error).__name__
        log.warning("connection from %s ended before an association: %s", client_address[0], reason)


def refill(association: Association) -> None:
    """Allows an association another message."""
    if isinstance(association.dul.socket, BoundedSocket):
        association.dul.socket.refill()


def describe_peer(association: Association) -> str:
    """Returns the title, if it is known, and the address of who has made an association."""
    requestor = association.requestor
    title = getattr(requestor.primitive, "calling_ae_title", None)
    address = str(requestor.address)
    return f"{title.strip()}@{address}" if isinstance(title, str) else address


def _close(connection: socket.socket) -> None:
    """Closes a connection even if its other end is gone, which pynetdicom does not always do."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
