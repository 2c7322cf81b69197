"""Unique identifiers of results, derived from the source image and the model.

A result that is made again, after a crash or because its image arrived twice, is the same instance,
so that an archive which has it keeps one.
"""

import hashlib
import uuid
from dataclasses import dataclass

from lungscope.inference.description import Description

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:lungscope:pacs:results")


@dataclass(frozen=True)
class ResultUids:
    """UIDs of the results for one image by one model: "2.25." and a name-based UUID (PS3.5 B.2).

    Attributes:
        report, capture: SOP Instance UIDs of the report and the Secondary Capture.
        report_series, capture_series: Series Instance UIDs, shared by the images of one series.
        tracking: tracking UID of the finding in the report.
        device: UID of the model as an observer, the same for all images.
    """

    report: str
    capture: str
    report_series: str
    capture_series: str
    tracking: str
    device: str

    @classmethod
    def of(cls, instance: str, series: str, model: str) -> "ResultUids":
        """Derives the UIDs.

        Args:
            instance: SOP Instance UID of the source image.
            series: its Series Instance UID.
            model: `fingerprint` of the model.
        """
        return cls(
            report=_derived(instance, model, "report"),
            capture=_derived(instance, model, "capture"),
            report_series=_derived(series, model, "report series"),
            capture_series=_derived(series, model, "capture series"),
            tracking=_derived(instance, model, "finding"),
            device=_derived(model, "device"),
        )


def fingerprint(description: Description) -> str:
    """Returns an identifier of a model: hashes of its weights and of how they are used.

    Temperature and thresholds are part of it because with others the model answers differently.
    """
    precision = description.export.precision if description.export else ""
    thresholds = sorted((name, str(value)) for name, value in description.abstention.items())
    rest = repr((precision, description.temperature, thresholds, description.classes))
    return f"{description.weights_sha256}-{hashlib.sha256(rest.encode()).hexdigest()[:16]}"


def key_of(instance: str) -> str:
    """Returns the name of an instance in spool, log and status: 32 hexadecimal digits.

    It reveals nothing about the patient, and can be computed from the SOP Instance UID.

    Examples:
        >>> key_of("1.2.840.10008.1.1")[:12]
        '7a96f697a695'
    """
    return hashlib.sha256(instance.encode()).hexdigest()[:32]


def _derived(*parts: str) -> str:
    return f"2.25.{uuid.uuid5(_NAMESPACE, '|'.join(parts)).int}"
