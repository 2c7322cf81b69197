"""What Orthanc answers: its change log, and what its index has of instances and series."""

from dataclasses import dataclass
from datetime import datetime, timezone
from hashlib import sha256
from typing import Any


@dataclass(frozen=True)
class NewInstance:
    """An entry of Orthanc's change log.

    Attributes:
        identifier: Orthanc's identifier of the instance.
        stored: when Orthanc stored it, in seconds since 1970; 0 if it does not say.
    """

    identifier: str
    stored: float


@dataclass(frozen=True)
class Changes:
    """A page of Orthanc's change log.

    Attributes:
        new_instances: new instances, in order of arrival.
        last: number of the last change on the page.
        done: whether there are no further changes now.
        fingerprint: hash of the last change (60 bits), which differs from that of the change with
            the same number in another database; None on a page without changes.
        when: time of the last change, in seconds since 1970; None on a page without changes.
    """

    new_instances: list[NewInstance]
    last: int
    done: bool
    fingerprint: int | None
    when: float | None

    @classmethod
    def parse(cls, value: Any) -> "Changes":
        """Reads an answer of `/changes`.

        Raises:
            ValueError, KeyError, TypeError: it is none.
        """
        changes = value["Changes"]
        return cls(
            [
                NewInstance(str(change["ID"]), _when(change))
                for change in changes
                if change["ChangeType"] == "NewInstance"
            ],
            int(value["Last"]),
            bool(value["Done"]),
            _fingerprint(changes[-1]) if changes else None,
            _when(changes[-1]) if changes else None,
        )


@dataclass(frozen=True)
class StoredInstance:
    """What Orthanc's index has of an instance; its file is not read for it.

    Attributes:
        uid: SOP Instance UID.
        series: Orthanc's identifier of its series.
    """

    uid: str
    series: str


@dataclass(frozen=True)
class StoredSeries:
    """What Orthanc's index has of a series.

    Attributes:
        modality: e.g. "DX".
        instances: Orthanc's identifiers of its instances.
    """

    modality: str
    instances: tuple[str, ...]


@dataclass(frozen=True)
class Origin:
    """What Orthanc notes of an instance when it arrives.

    Attributes:
        sop_class: SOP Class UID, or "".
        sender: calling AE title of its sender, or "".
    """

    sop_class: str
    sender: str


def _fingerprint(change: dict[str, Any]) -> int:
    text = f"{change['ID']} {change['Date']} {change['ChangeType']}"
    return int(sha256(text.encode()).hexdigest()[:15], 16)


def _when(change: dict[str, Any]) -> float:
    """Returns when a change was logged: Orthanc does that in UTC."""
    try:
        found = datetime.strptime(str(change.get("Date", "")), "%Y%m%dT%H%M%S")
    except ValueError:
        return 0.0
    return found.replace(tzinfo=timezone.utc).timestamp()
