"""Unique identifiers of results: from the source image and the model, so that no result has two.

A result that is made again, after a crash or because its image came twice, is the same instance,
and an archive that has it already keeps one.
"""

import hashlib
import uuid
from dataclasses import dataclass

from lungscope.inference.description import Description

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:lungscope:pacs:results")


@dataclass(frozen=True)
class ResultUids:
    """Of the results for one image by one model; each "2.25." and a name-based UUID (PS3.5 B.2).

    Attributes:
        report, picture: SOP Instance UIDs.
        report_series, picture_series: Series Instance UIDs; images of one series share them.
        tracking: of the finding, in the report.
        device: of the model as an observer; the same for all images.
    """

    report: str
    picture: str
    report_series: str
    picture_series: str
    tracking: str
    device: str

    @classmethod
    def of(cls, instance: str, series: str, model: str) -> "ResultUids":
        """Derives them.

        Args:
            instance: SOP Instance UID of the source image.
            series: its Series Instance UID.
            model: what tells the model from all others; see `fingerprint`.
        """
        return cls(
            report=_derived(instance, model, "report"),
            picture=_derived(instance, model, "picture"),
            report_series=_derived(series, model, "report series"),
            picture_series=_derived(series, model, "picture series"),
            tracking=_derived(instance, model, "finding"),
            device=_derived(model, "device"),
        )


def fingerprint(description: Description) -> str:
    """What tells a model from all others: the hash of its weights, its precision, its thresholds.

    The thresholds and the temperature belong to it, for with others it answers differently.
    """
    precision = description.export.precision if description.export else ""
    thresholds = sorted((name, str(value)) for name, value in description.abstention.items())
    rest = repr((precision, description.temperature, thresholds, description.classes))
    return f"{description.weights_sha256}-{hashlib.sha256(rest.encode()).hexdigest()[:16]}"


def key_of(instance: str) -> str:
    """The name of an instance in spool, log and status: 32 hexadecimal digits.

    It says nothing of the patient; whoever has the SOP Instance UID can tell that it belongs to it.
    """
    return hashlib.sha256(instance.encode()).hexdigest()[:32]


def _derived(*parts: str) -> str:
    return f"2.25.{uuid.uuid5(_NAMESPACE, '|'.join(parts)).int}"
