"""An instance in the queue."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

State: TypeAlias = Literal["received", "classified", "sent", "refused", "failed"]
"""received -> classified -> sent; or refused (no model was asked); or failed (given up)."""

STATES: tuple[State, ...] = ("received", "classified", "sent", "refused", "failed")


@dataclass(frozen=True)
class QueueEntry:
    """An instance in the queue.

    Attributes:
        key: `uids.key_of` its SOP Instance UID.
        state: progress of its processing.
        received: time of arrival, in seconds since 1970.
        attempts: attempts made at the next step: classifying if received, sending if classified.
        due: earliest time of the next attempt, in seconds since 1970.
        reason: why the last attempt failed or it was refused, one line without identifiers.
        model: `uids.fingerprint` of the model that answered.
    """

    key: str
    state: State
    received: float
    attempts: int
    due: float
    reason: str | None
    model: str | None

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object."""
        return {
            "key": self.key,
            "state": self.state,
            "received": self.received,
            "attempts": self.attempts,
            "due": self.due or None,
            "reason": self.reason,
        }
