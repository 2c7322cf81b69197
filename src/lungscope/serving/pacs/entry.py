"""One instance, and how far it is."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

State: TypeAlias = Literal["received", "classified", "sent", "refused", "failed"]
"""received -> classified -> sent; or refused, where no model was asked; or failed, given up."""

STATES: tuple[State, ...] = ("received", "classified", "sent", "refused", "failed")


@dataclass(frozen=True)
class QueueEntry:
    """One instance.

    Attributes:
        key: `uids.key_of` its SOP Instance UID.
        state: how far it is.
        received: when it came, in seconds since 1970.
        attempts: at what comes next: at classifying when received, at sending when classified.
        due: not before this time is the next attempt, in seconds since 1970.
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
        """A JSON object, for a program."""
        return {
            "key": self.key,
            "state": self.state,
            "received": self.received,
            "attempts": self.attempts,
            "due": self.due or None,
            "reason": self.reason,
        }
