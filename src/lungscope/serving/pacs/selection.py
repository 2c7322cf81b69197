"""Which instances of a spool a command is about."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from lungscope.errors import InvalidSetting, NotFound
from lungscope.serving.pacs.queue import Queue
from lungscope.serving.pacs.queue_entry import STATES, QueueEntry, State
from lungscope.serving.pacs.source_image import is_uid
from lungscope.serving.pacs.spool import key_of

_PREFIX = re.compile(r"[0-9a-f]{6,32}")
_AGE = re.compile(r"(\d{1,6})([mhd])")
_SECONDS = {"m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True)
class Selection:
    """Instances that fulfil all of what is given; without anything, all.

    Attributes:
        keys: the first 6 or more digits of keys, or SOP Instance UIDs; empty for any.
        states: their state; empty for any.
        reason: part of the reason, of the instance or of a delivery; "" for any.
        target: name of a target that a delivery of theirs waits for or failed at; "" for any.
        age: seconds since they arrived, at least.
    """

    keys: tuple[str, ...] = ()
    states: tuple[State, ...] = ()
    reason: str = ""
    target: str = ""
    age: float = 0.0

    def __post_init__(self) -> None:
        """Refuses what selects nothing by its form.

        Raises:
            InvalidSetting: a key or a state that is none.
        """
        for key in self.keys:
            if not _PREFIX.fullmatch(key) and not ("." in key and is_uid(key)):
                raise InvalidSetting(
                    f"{key!r}: give 6 to 32 digits as lungscope pacs status shows them, or a SOP "
                    "Instance UID"
                )
        for state in self.states:
            if state not in STATES:
                raise InvalidSetting(f"state {state!r}: give one of {', '.join(STATES)}")

    @property
    def is_everything(self) -> bool:
        """Whether nothing is asked of an instance."""
        return self == Selection()

    def find(self, queue: Queue) -> list[QueueEntry]:
        """Returns the selected instances, oldest first.

        Raises:
            NotFound: not exactly one instance with one of the keys.
        """
        if self.keys:
            found = [_only(queue, key) for key in self.keys]
        else:
            found = queue.in_state(*(self.states or STATES))
        until = time.time() - self.age
        return [
            entry
            for entry in found
            if (not self.states or entry.state in self.states)
            and (self.age == 0 or entry.received <= until)
            and self._matches_delivery(queue, entry)
        ]

    def _matches_delivery(self, queue: Queue, entry: QueueEntry) -> bool:
        if not self.reason and not self.target:
            return True
        open_ones = [
            each
            for each in queue.deliveries.of(entry.key)
            if each.state != "sent" and self.target in ("", each.target)
        ]
        if self.target and not open_ones:
            return False
        reasons: Sequence[str | None] = [entry.reason, *(each.reason for each in open_ones)]
        return any(self.reason in (each or "") for each in reasons)


def parse_age(text: str) -> float:
    """Reads an age such as 30m, 12h or 7d, in seconds.

    Raises:
        InvalidSetting: the text has another form.

    Examples:
        >>> parse_age("2h")
        7200.0
    """
    found = _AGE.fullmatch(text)
    if found is None:
        raise InvalidSetting(f"{text!r}: give minutes, hours or days, as in 30m, 12h or 7d")
    return int(found[1]) * _SECONDS[found[2]]


def _only(queue: Queue, key: str) -> QueueEntry:
    prefix = key_of(key) if "." in key else key
    found = queue.find_by_prefix(prefix)
    if len(found) != 1:
        raise NotFound(
            f"{key}: {len(found) or 'no'} instances with this key in the spool; give the digits "
            "that lungscope pacs status shows"
        )
    return found[0]
