"""Sends results until a target has them, however long that takes, or refuses them for good."""

import logging
import ssl
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydicom import uid
from pynetdicom import AE
from pynetdicom.association import Association

from lungscope.serving.pacs.deliveries import Delivery
from lungscope.serving.pacs.settings import Kind, Settings, Target
from lungscope.serving.pacs.store import Store
from lungscope.serving.pacs.tls import find_obstacle

log = logging.getLogger("lungscope.pacs")

AT_ONCE = 100
"""Most results that are sent in one association."""

MOST_REFUSALS = 5
"""Permanent refusals of a result by a target before it is given up there."""

_PATIENCE = 5.0
RESULT_SYNTAXES = (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian)
RESULT_CLASSES: Mapping[Kind, uid.UID] = {
    "sr": uid.ComprehensiveSRStorage,
    "picture": uid.SecondaryCaptureImageStorage,
}
_THERE = (
    *(0xB000, 0xB006, 0xB007),  # stored, with elements coerced or discarded (PS3.4 B.2.3)
    0x0111,  # duplicate SOP Instance (PS3.7 C.4.1): it arrived, but its answer got lost
)
_FOR_GOOD = (0x0122, 0x0124)
"""SOP class not supported, not authorised (PS3.7 C.5); besides 0xA9xx and 0xCxxx."""


class NotSent(Exception):
    """A result that the target did not accept; the message says why, in one line."""


class Refused(NotSent):
    """A result that the target refuses and will go on refusing, as far as it says."""


class Sending:
    """Sends the results that are due to one target; one thread may `step`.

    A result that is not known to have arrived is sent again, always as the same instance.
    """

    def __init__(self, settings: Settings, target: Target, store: Store) -> None:
        """Prepares to send to a target.

        Raises:
            InvalidSetting: certificates that cannot be used.
        """
        self._store, self._backoff = store, settings.backoff
        self._target = target
        self._tls: ssl.SSLContext | None = settings.send_tls.client() if settings.send_tls else None
        self._entity = AE(settings.ae_title)
        seconds = settings.limits.seconds
        self._entity.connection_timeout = self._entity.acse_timeout = seconds
        self._entity.network_timeout = self._entity.dimse_timeout = 2 * seconds
        for kind in target.takes:
            self._entity.add_requested_context(RESULT_CLASSES[kind], list(RESULT_SYNTAXES))
        self._unreachable, self._conditions = 0, store.queue.conditions

    def step(self) -> bool:
        """Sends what is due; returns False if nothing was sent.

        Raises:
            sqlite3.Error: the queue cannot be written.
        """
        if not self._conditions.may_try(self._target.name):
            return False
        due = self._store.queue.deliveries.due(self._target.name, AT_ONCE)
        if not due:
            return False
        try:
            association = self._associate()
        except NotSent as error:
            self._delay_all(due, f"{self._target.name} {error}")
            return False
        self._unreachable = 0
        self._conditions.succeed(self._target.name)
        try:
            return self._send_all(association, due)
        finally:
            association.release()

    def _associate(self) -> Association:
        peer = self._target.peer
        try:
            association = self._entity.associate(
                peer.host,
                peer.port,
                ae_title=peer.ae_title,
                tls_args=(self._tls, peer.host) if self._tls else None,
            )
        except OSError as error:  # such as an unknown host name
            raise NotSent(f"cannot be reached ({error.strerror or error})") from error
        if association.is_rejected:
            rejection = association.acceptor.primitive
            why = rejection.reason_str if rejection is not None else "no reason"
            raise NotSent(f"rejects the association: {why}")
        if not association.is_established and association.acceptor.primitive is None:
            why = find_obstacle(peer.host, peer.port, self._tls, _PATIENCE)
            raise NotSent(f"cannot be reached ({why})")
        if not association.is_established and association.accepted_contexts:
            raise NotSent("ended the association at once")
        return association

    def _send_all(self, association: Association, due: Sequence[Delivery]) -> bool:
        accepted = {context.abstract_syntax for context in association.accepted_contexts}
        sent = 0
        for each in due:
            try:
                if RESULT_CLASSES[each.kind] not in accepted:
                    raise Refused(f"it does not accept {RESULT_CLASSES[each.kind].name}")
                if not association.is_established:
                    break  # the rest is still due
                there = _send(association, self._store.spool.result(each.uid))
            except NotSent as error:
                self._not_sent(each, error)
                continue
            if there:
                self._store.queue.deliveries.mark_sent(each)
                sent += 1
                log.info("%s %s sent to %s", each.key[:12], each.kind, self._target.name)
            else:  # without effect on what was dropped or corrected
                self._store.queue.deliveries.fail(each, f"{each.kind}: its file is missing")
            self._store.settle(each.key)
        return sent > 0

    def _not_sent(self, delivery: Delivery, error: NotSent) -> None:
        refused = isinstance(error, Refused)
        reason = f"{delivery.kind} to {self._target.name}: {error}"
        deliveries = self._store.queue.deliveries
        if refused and delivery.refusals + 1 >= MOST_REFUSALS:
            deliveries.fail(delivery, reason)
            log.error("%s failed: %s, %d times", delivery.key[:12], reason, MOST_REFUSALS)
            self._store.settle(delivery.key)
            return
        delay = self._backoff.delay(delivery.attempts + 1)
        deliveries.delay([delivery], time.time() + delay, reason, refused=refused)
        log.warning("%s not sent, retrying in %.0f s: %s", delivery.key[:12], delay, reason)

    def _delay_all(self, due: Sequence[Delivery], why: str) -> None:
        """Delays all deliveries at once: it is the target that fails, not one of them."""
        self._unreachable += 1
        delay = self._backoff.delay(self._unreachable)
        until = time.time() + delay
        self._conditions.fail(self._target.name, why, until)
        self._store.queue.deliveries.delay(due, until, why)
        log.warning("nothing sent, retrying in %.0f s: %s", delay, why)


def _send(association: Association, path: Path) -> bool:
    """Sends a file; returns False if it is gone, as after `pacs drop`.

    Raises:
        NotSent: the target did not accept it.
    """
    if not path.exists():
        return False
    try:
        status = association.send_c_store(path)
    # No accepted context, an association that ended, a damaged file: none may hold up the other
    # results. The message may quote the file, so only its class is kept.
    except Exception as error:
        raise NotSent(f"sending raised {type(error).__name__}") from None
    if "Status" not in status:
        raise NotSent("it did not answer")
    if status.Status == 0 or status.Status in _THERE:
        return True
    if status.Status >> 8 == 0xA9 or status.Status >> 12 == 0xC or status.Status in _FOR_GOOD:
        raise Refused(f"it answered 0x{status.Status:04X}")
    raise NotSent(f"it answered 0x{status.Status:04X}")
