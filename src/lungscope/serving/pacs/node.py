"""The DICOM node: answers C-ECHO at once, and C-STORE when the instance is on disk."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import cast

from pydicom import uid
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode_file_meta
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from lungscope.errors import InvalidSetting
from lungscope.images import TRANSFER_SYNTAXES
from lungscope.serving.pacs.connections import BoundedServer, describe_peer, refill
from lungscope.serving.pacs.settings import Settings
from lungscope.serving.pacs.source_image import is_uid
from lungscope.serving.pacs.spool import key_of
from lungscope.serving.pacs.store import NoSpace, Store

log = logging.getLogger("lungscope.pacs")

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
DOES_NOT_MATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000
"""Statuses of C-STORE (PS3.4 B.2.3)."""

STORED = (
    uid.ComputedRadiographyImageStorage,
    uid.DigitalXRayImageStorageForPresentation,
    uid.DigitalXRayImageStorageForProcessing,  # accepted to be refused with a reason
    uid.SecondaryCaptureImageStorage,
)
_PREAMBLE = bytes(128) + b"DICM"
_LINGER, _AFTER_ABORT, _STUCK = 5.0, 0.2, 10.0


class Node:
    """A storage SCP that listens from its construction until it is stopped.

    Attributes:
        port: TCP port that it listens on.
    """

    def __init__(self, settings: Settings, store: Store, on_arrival: Callable[[], None]) -> None:
        """Starts to listen.

        Args:
            settings: configuration of the node.
            store: receives the instances.
            on_arrival: called when there is an instance to classify.

        Raises:
            InvalidSetting: the port is taken, or the host is not this machine's.
        """
        self._store, self._on_arrival = store, on_arrival
        limits = settings.limits
        self._title, self._accept_from = settings.ae_title, settings.accept_from
        entity = AE(settings.ae_title)
        entity.maximum_associations = limits.associations
        entity.maximum_pdu_size = limits.pdu
        entity.network_timeout = entity.acse_timeout = entity.dimse_timeout = limits.seconds
        entity.require_called_aet = True
        entity.require_calling_aet = list(settings.accept_from)
        entity.add_supported_context(Verification)
        for kind in STORED:
            entity.add_supported_context(kind, list(TRANSFER_SYNTAXES))
        try:
            server = entity.make_server(
                (settings.host, settings.port),
                server_class=BoundedServer,
                evt_handlers=[
                    (evt.EVT_C_STORE, self._store_one),
                    (evt.EVT_C_ECHO, _echo),
                    (evt.EVT_REJECTED, self._rejected),
                    (evt.EVT_ACCEPTED, _accepted),
                ],
                limits=limits,
                tls=settings.tls.server() if settings.tls else None,
            )
        except OSError as error:
            raise InvalidSetting(
                f"{settings.host} port {settings.port}: cannot be bound "
                f"({error.strerror or error}); give another host or port"
            ) from error
        self._server: BoundedServer = server  # type: ignore[assignment]
        entity._servers.append(self._server)  # what `AE.start_server` does
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.25}, name="node"
        )
        self._thread.start()

    @property
    def is_listening(self) -> bool:
        """Whether it accepts connections."""
        return self._thread.is_alive() and time.monotonic() - self._server.last_turn < _STUCK

    def stop(self) -> None:
        """Stops listening; open associations have a few seconds to finish."""
        self._server.shutdown()
        self._thread.join()
        until = time.monotonic() + _LINGER
        while self._established() and time.monotonic() < until:
            time.sleep(0.05)
        for association in self._established():
            association.abort()
        for association in self._server.active_associations:
            association.dul.kill_dul()
            association.join(_AFTER_ABORT)

    def _rejected(self, event: evt.Event) -> None:
        requestor = event.assoc.requestor
        request = requestor.primitive
        calling = str(getattr(request, "calling_ae_title", "")).strip()
        called = str(getattr(request, "called_ae_title", "")).strip()
        if called != self._title:
            why = f"called AE title {called!r} does not match {self._title!r}"
        elif self._accept_from and calling not in self._accept_from:
            why = f"calling AE title {calling!r} is not in --accept-from"
        else:
            why = "maximum number of associations reached (--max-associations)"
        log.warning("association from %s rejected: %s", requestor.address, why)

    def _established(self) -> list[Association]:
        return [each for each in self._server.active_associations if each.is_established]

    def _store_one(self, event: evt.Event) -> int:
        refill(event.assoc)
        request = cast(C_STORE, event.request)
        instance = str(request.AffectedSOPInstanceUID or "")
        if not is_uid(instance):
            log.warning(
                "instance of %s not stored: its SOP Instance UID is malformed",
                describe_peer(event.assoc),
            )
            return DOES_NOT_MATCH
        key = key_of(instance)[:12]
        data_set = request.DataSet
        if data_set is None:
            log.warning("%s not stored: it has no data set", key)
            return CANNOT_UNDERSTAND
        try:
            stored = self._store.receive(
                instance, (_PREAMBLE, encode_file_meta(event.file_meta), data_set.getbuffer())
            )
        except NoSpace:
            log.warning("%s not stored: less than --min-free is free on the disk of the spool", key)
            return OUT_OF_RESOURCES
        except (OSError, sqlite3.Error) as error:
            log.warning("%s not stored: it cannot be written (%s)", key, _reason(error))
            return OUT_OF_RESOURCES
        if stored:
            log.info("%s received", key)
            self._on_arrival()
        return SUCCESS


def _echo(event: evt.Event) -> int:
    refill(event.assoc)
    return SUCCESS


def _accepted(event: evt.Event) -> None:
    refill(event.assoc)
    if not event.assoc.accepted_contexts:
        log.warning(
            "association from %s proposes nothing that this node accepts (CR, DX, Secondary "
            "Capture, C-ECHO)",
            event.assoc.requestor.address,
        )


def _reason(error: OSError | sqlite3.Error) -> str:
    """Returns the cause without the file's name, which is ours and helps nobody."""
    return (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__
