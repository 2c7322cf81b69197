"""Status of a spool, without identifiers."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lungscope.serving.pacs.conditions import LISTENER, ORTHANC, PARTS, Condition
from lungscope.serving.pacs.deliveries import Delivery
from lungscope.serving.pacs.maintenance import open_queue
from lungscope.serving.pacs.queue import Queue
from lungscope.serving.pacs.queue_entry import QueueEntry, State
from lungscope.serving.pacs.settings import Backoff
from lungscope.serving.pacs.spool import is_locked
from lungscope.serving.pacs.unreadable import UnreadableInstances

LONG = 3600.0
"""Seconds after which what waits needs attention."""

CERTIFICATE_DAYS = 30
"""Days before its certificate expires from which on a node needs attention."""

_SILENCE = {LISTENER: 120.0, ORTHANC: 900.0}
"""Seconds without a success after which a part of a running node needs attention."""

SHOWN = 20
"""Instances that are listed one by one."""


@dataclass(frozen=True)
class Unfinished:
    """What waits or has failed.

    Attributes:
        entry: an instance.
        delivery: the result of it that is not sent; None if it is not classified.
    """

    entry: QueueEntry
    delivery: Delivery | None

    @property
    def step(self) -> QueueEntry | Delivery:
        """What has attempts, a time of the next one, and the reason why the last failed."""
        return self.delivery or self.entry

    @property
    def failed(self) -> bool:
        """Whether it was given up."""
        return self.step.state == "failed"

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object."""
        return {
            **self.entry.to_json(),
            "attempts": self.step.attempts,
            "due": self.step.due or None,
            "reason": self.step.reason,
            "result": self.delivery.kind if self.delivery else None,
            "target": self.delivery.target if self.delivery else None,
        }


@dataclass(frozen=True)
class Status:
    """Status of a spool.

    Attributes:
        counts: number of instances in every state.
        unfinished: instances and results that wait or have failed, oldest first.
        oldest: seconds since the arrival of the oldest waiting instance; None if none waits.
            Negative if the clock was set back since.
        running: whether a node works on the spool.
        targets: number of deliveries by target and state.
        conditions: how the node's parts fare, by name.
        unreadable: how many instances Orthanc cannot give: those that are tried again, and those
            that were given up.
    """

    counts: dict[State, int]
    unfinished: list[Unfinished]
    oldest: float | None
    running: bool
    targets: dict[str, dict[str, int]]
    conditions: dict[str, Condition]
    unreadable: tuple[int, int]

    @classmethod
    def of(cls, spool: Path) -> "Status":
        """Reads the status of a spool, also while a node works on it.

        Raises:
            NotFound: the folder holds no queue.
            LungscopeError: the queue can't be read, is locked, damaged, or of another version.
        """
        with open_queue(spool) as queue:
            return cls.read(queue, running=is_locked(spool))

    @classmethod
    def read(cls, queue: Queue, *, running: bool) -> "Status":
        """Reads the status of an open queue.

        Args:
            queue: the queue of a spool.
            running: whether a node works on the spool.
        """
        waiting = queue.in_state("received", "classified")
        return cls(
            queue.counts(),
            _unfinished(queue),
            time.time() - waiting[0].received if waiting else None,
            running,
            queue.deliveries.counts(),
            queue.conditions.all(),
            UnreadableInstances(queue.database, Backoff()).counts(),
        )

    @property
    def certificate_expires(self) -> float | None:
        """When the node's TLS certificate expires, in seconds since 1970; None without TLS."""
        listener = self.conditions.get(LISTENER)
        until = listener.details.get("certificate_expires") if listener else None
        return None if until is None else float(until)

    @property
    def certificate_days(self) -> float | None:
        """Days until the node's TLS certificate expires; None without TLS."""
        until = self.certificate_expires
        return None if until is None else (until - time.time()) / 86400

    @property
    def problems(self) -> list[str]:
        """What needs attention, one line each; empty if all is well."""
        return find_problems(self)

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object."""
        listener, orthanc = self.conditions.get(LISTENER), self.conditions.get(ORTHANC)
        return {
            "healthy": not self.problems,
            "problems": self.problems,
            "running": self.running,
            "counts": self.counts,
            "oldest_seconds": self.oldest,
            "listener": {**listener.to_json(), "certificate_days": self.certificate_days}
            if listener
            else None,
            "reconciliation": {
                **orthanc.to_json(),
                "age_seconds": None if orthanc.good is None else time.time() - orthanc.good,
                "unreadable": self.unreadable[0],
                "given_up": self.unreadable[1],
            }
            if orthanc
            else None,
            "targets": {
                name: {
                    **(self.conditions[name].to_json() if name in self.conditions else {}),
                    "deliveries": self.targets.get(name, {}),
                }
                for name in sorted({*self.targets, *self.conditions} - set(PARTS))
            },
            "unfinished": [each.to_json() for each in self.unfinished],
        }


def _unfinished(queue: Queue) -> list[Unfinished]:
    open_ones: dict[str, list[Delivery]] = {}
    for each in queue.deliveries.in_state("waiting", "failed"):
        open_ones.setdefault(each.key, []).append(each)
    entries = queue.in_state("received", "classified", "failed")
    return [
        Unfinished(entry, delivery)
        for entry in sorted(entries, key=lambda entry: entry.received)
        for delivery in open_ones.get(entry.key, [None])
    ]


def find_problems(status: Status) -> list[str]:
    """Returns what needs attention in a status, one line each."""
    found = []
    if not status.running:
        found.append("no node works on this spool")
    if status.counts["failed"]:
        found.append(f"{status.counts['failed']:,} instances failed: lungscope pacs failed")
    if status.oldest is not None and status.oldest > LONG:
        found.append(f"the oldest waits for {status.oldest / 3600:.1f} hours")
    if status.oldest is not None and status.oldest < 0:
        found.append("something came in the future: the clock of this machine was set back")
    days = status.certificate_days
    if days is not None and days < CERTIFICATE_DAYS:
        found.append(
            f"the TLS certificate expires in {days:.0f} days"
            if days > 0
            else "the TLS certificate has expired"
        )
    if status.running:
        found.extend(_find_silence(status))
    found.extend(
        f"{each.name} fails: {each.error}"
        for each in status.conditions.values()
        if each.bad is not None
    )
    if sum(status.unreadable):
        found.append(
            f"Orthanc cannot give {sum(status.unreadable):,} instances, of which "
            f"{status.unreadable[1]:,} were given up: the log has their identifiers"
        )
    return found


def _find_silence(status: Status) -> list[str]:
    now = time.time()
    return [
        f"{name} has had no success for {(now - known.good) / 60:.0f} minutes"
        for name, longest in _SILENCE.items()
        if (known := status.conditions.get(name))
        and known.good is not None
        and known.bad is None
        and now - known.good > longest
    ]
