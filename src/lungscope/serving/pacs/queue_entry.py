"""An instance in the queue and its states."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

State: TypeAlias = Literal["received", "classified", "sent", "refused", "failed"]
"""received -> classified -> sent; or refused (no model was asked); or failed (given up: its
classification, or a delivery)."""

STATES: tuple[State, ...] = ("received", "classified", "sent", "refused", "failed")


@dataclass(frozen=True)
class QueueEntry:
    """An instance in the queue.

    Attributes:
        key: `spool.key_of` its SOP Instance UID.
        state: progress of its processing.
        received: time of arrival, in seconds since 1970.
        attempts: attempts to classify it.
        due: earliest time of the next attempt to classify it, in seconds since 1970.
        reason: why the last attempt failed or it was refused, one line without identifiers.
        model: `result_attributes.fingerprint` of the model that answered.
        content: SHA-256 of its data set; None of one that 0.1.0 received.
        revision: how many contents it has had, >= 1.
    """

    key: str
    state: State
    received: float
    attempts: int
    due: float
    reason: str | None
    model: str | None
    content: str | None
    revision: int

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object."""
        return {
            "key": self.key,
            "state": self.state,
            "received": self.received,
            "attempts": self.attempts,
            "due": self.due or None,
            "reason": self.reason,
            "revision": self.revision,
        }
