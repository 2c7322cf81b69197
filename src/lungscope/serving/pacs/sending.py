"""Sends results until the target has them, however long that takes."""

import logging
import ssl
import time
from collections.abc import Sequence
from pathlib import Path

from pydicom import uid
from pynetdicom import AE
from pynetdicom.association import Association

from lungscope.serving.pacs.queue import QueueEntry
from lungscope.serving.pacs.settings import Settings
from lungscope.serving.pacs.store import Store

log = logging.getLogger("lungscope.pacs")

AT_ONCE = 100
"""Most instances whose results are sent in one association."""

_SYNTAXES = [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian]
_KINDS = (uid.ComprehensiveSRStorage, uid.SecondaryCaptureImageStorage)
_THERE = (
    *(0xB000, 0xB006, 0xB007),  # stored, with elements coerced or discarded (PS3.4 B.2.3)
    0x0111,  # duplicate SOP Instance (PS3.7 C.4.1): it arrived, but its answer got lost
)


class NotSent(Exception):
    """A result that the target did not accept; the message says why, in one line."""


class Sending:
    """Sends the results of classified instances; one thread may `step`.

    A result that is not known to have arrived is sent again, always as the same instance.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        """Prepares to send to the target of the settings.

        Raises:
            InvalidSetting: certificates that cannot be used.
        """
        self._store, self._backoff = store, settings.backoff
        self._target = settings.target
        self._tls: ssl.SSLContext | None = settings.send_tls.client() if settings.send_tls else None
        self._entity = AE(settings.ae_title)
        seconds = settings.limits.seconds
        self._entity.connection_timeout = self._entity.acse_timeout = seconds
        self._entity.network_timeout = self._entity.dimse_timeout = 2 * seconds
        for kind in _KINDS:
            self._entity.add_requested_context(kind, _SYNTAXES)
        self._unreachable, self._not_before = 0, 0.0

    def step(self) -> bool:
        """Sends what is due; returns False if nothing was sent.

        Raises:
            sqlite3.Error: the queue cannot be written.
        """
        if time.monotonic() < self._not_before:
            return False
        entries = self._store.queue.due_to_send(AT_ONCE)
        if not entries:
            return False
        try:
            association = self._associate()
        except NotSent as error:
            self._reschedule_all(entries, f"{self._target} {error}")
            return False
        self._unreachable = 0
        try:
            return self._send_all(association, entries)
        finally:
            association.release()

    def _associate(self) -> Association:
        try:
            association = self._entity.associate(
                self._target.host,
                self._target.port,
                ae_title=self._target.ae_title,
                tls_args=(self._tls, self._target.host) if self._tls else None,
            )
        except OSError as error:  # such as an unknown host name
            raise NotSent(f"cannot be reached ({error.strerror or error})") from error
        if association.is_rejected:
            rejection = association.acceptor.primitive
            why = rejection.reason_str if rejection is not None else "no reason"
            raise NotSent(f"rejects the association: {why}")
        if not association.is_established and association.acceptor.primitive is None:
            raise NotSent("cannot be reached" + (", or TLS failed" if self._tls else ""))
        taken = {context.abstract_syntax for context in association.accepted_contexts}
        refused = [kind.name for kind in _KINDS if kind not in taken]
        if refused:
            association.release()
            raise NotSent(f"does not accept {' and '.join(refused)}")
        if not association.is_established:
            raise NotSent("ended the association at once")
        return association

    def _send_all(self, association: Association, entries: Sequence[QueueEntry]) -> bool:
        sent = 0
        for entry in entries:
            if not association.is_established:
                break  # the rest is still due
            try:
                for path in self._store.spool.results(entry.key):
                    _send(association, path)
            except NotSent as error:
                delay = self._backoff.delay(entry.attempts + 1)
                due = time.time() + delay
                self._store.queue.reschedule([entry.key], due, str(error), attempts=1)
                log.warning("%s not sent, retrying in %.0f s: %s", entry.key[:12], delay, error)
            else:
                self._store.mark_sent(entry.key)
                sent += 1
                log.info("%s sent", entry.key[:12])
        return sent > 0

    def _reschedule_all(self, entries: Sequence[QueueEntry], why: str) -> None:
        """Delays all instances at once: it is the target that fails, not one of them."""
        self._unreachable += 1
        delay = self._backoff.delay(self._unreachable)
        self._not_before = time.monotonic() + delay
        due = time.time() + delay
        self._store.queue.reschedule([entry.key for entry in entries], due, why, attempts=1)
        log.warning("nothing sent, retrying in %.0f s: %s", delay, why)


def _send(association: Association, path: Path) -> None:
    try:
        status = association.send_c_store(path)
    # No accepted context, an association that ended, a damaged file: none may hold up the other
    # instances. The message may quote the file, so only its class is kept.
    except Exception as error:
        raise NotSent(f"sending raised {type(error).__name__}") from None
    if "Status" not in status:
        raise NotSent("the target did not answer")
    if status.Status != 0 and status.Status not in _THERE:
        raise NotSent(f"the target answered 0x{status.Status:04X}")
