"""What the report and the Secondary Capture share: UIDs, private codes, equipment attributes.

UIDs are derived from the source image, its content and the model. A result that is made again,
after a crash or because its image arrived twice, is the same instance, so that an archive which has
it keeps one. Another content under the UID of an image has results of its own.

A class is a label that a model was trained with. With a SNOMED CT code of a finding or disorder, a
system downstream could take it for a diagnosis that someone made, so the codes are private.
"""

import hashlib
import unicodedata
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypedDict

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import CodedConcept
from pydicom.uid import ExplicitVRLittleEndian

from lungscope.about import DISCLAIMER, __version__
from lungscope.inference.abstention import AbstentionCode, WarningCode
from lungscope.inference.description import Description
from lungscope.inference.gate import Gate
from lungscope.inference.lung_segmenter import LungSegmenter
from lungscope.inference.prediction import Prediction
from lungscope.serving.pacs.source_image import SourceImage

SCHEME = "99LUNGSCOPE"
MANUFACTURER = "lungscope"
PURPOSE = f"{DISCLAIMER} Made by an algorithm and not reviewed by a person."
SERIES_DESCRIPTION = "lungscope: research, not for diagnosis"
NO_ANSWER = CodedConcept("NO-ANSWER", SCHEME, "No answer: the model abstains")
ABSTENTION = CodedConcept("ABSTENTION", SCHEME, "Reason for abstaining")
ABSTENTION_REASONS: Mapping[AbstentionCode, CodedConcept] = MappingProxyType(
    {
        "not-a-frontal-chest-radiograph": CodedConcept(
            "NOT-FRONTAL-CXR", SCHEME, "Not a frontal chest radiograph"
        ),
        "lateral-chest-radiograph": CodedConcept("LATERAL-CXR", SCHEME, "Lateral chest radiograph"),
        "no-chest-radiograph": CodedConcept("NO-CXR", SCHEME, "Not a chest radiograph"),
        "turned-90": CodedConcept("TURNED-90", SCHEME, "Turned clockwise by 90 degrees"),
        "turned-180": CodedConcept("TURNED-180", SCHEME, "Upside down"),
        "turned-270": CodedConcept("TURNED-270", SCHEME, "Turned anticlockwise by 90 degrees"),
        "inverted": CodedConcept("INVERTED", SCHEME, "Black and white exchanged"),
        "out-of-distribution": CodedConcept("OUT-OF-DISTR", SCHEME, "Out of distribution"),
        "kind-unclear": CodedConcept("KIND-UNCLEAR", SCHEME, "Abnormal, kind unclear"),
        "low-confidence": CodedConcept("LOW-CONFIDENCE", SCHEME, "Low confidence"),
    }
)
"""Codes of at most 16 characters: longer ones need Long Code Value, which few systems read."""

WARNING = CodedConcept("WARNING", SCHEME, "Warning about the image")
WARNINGS: Mapping[WarningCode, CodedConcept] = MappingProxyType(
    {
        "mirrored": CodedConcept("MIRRORED", SCHEME, "Left and right seem to be exchanged"),
        "rescaled": CodedConcept("RESCALED", SCHEME, "Uses little of its stated range of values"),
    }
)

DISTANCE = CodedConcept("DISTANCE", SCHEME, "Distance from the training images")
OUTSIDE_LUNGS = CodedConcept("OUTSIDE-LUNGS", SCHEME, "Proportion of attribution outside the lungs")
AREA_OUTSIDE_LUNGS = CodedConcept(
    "AREA-OUT-LUNGS", SCHEME, "Proportion of the image outside the lungs"
)
_LONGEST_MEANING = 64
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
    def of(
        cls, instance: str, series: str, model: str, *, content: str, edition: int = 0
    ) -> "ResultUids":
        """Derives the UIDs.

        Args:
            instance: SOP Instance UID of the source image.
            series: its Series Instance UID.
            model: `fingerprint` of the model.
            content: hash of the source image.
            edition: how often its answer was dropped, after which an archive may hold another
                answer under the same UID.
        """
        answer = (instance, content, model, __version__, str(edition))
        return cls(
            report=_derived(*answer, "report"),
            capture=_derived(*answer, "capture"),
            report_series=_derived(series, model, "report series"),
            capture_series=_derived(series, model, "capture series"),
            tracking=_derived(*answer, "finding"),
            device=_derived(model, "device"),
        )


def fingerprint(description: Description) -> str:
    """Returns an identifier of a model: hashes of its weights and of how they are used.

    Temperature, thresholds and the gate are part of it because with others the model answers
    differently; the lung segmenter, because with another the report and the image differ.
    """
    precision = description.export.precision if description.export else ""
    thresholds = sorted((name, str(value)) for name, value in description.abstention.items())
    gate = Gate.bundled().sha256 if description.abstention.get("gate", True) else ""
    lungs = LungSegmenter.bundled().sha256
    rest = repr((precision, description.temperature, thresholds, description.classes, gate, lungs))
    return f"{description.weights_sha256}-{hashlib.sha256(rest.encode()).hexdigest()[:16]}"


class Equipment(TypedDict):
    """Equipment and series attributes of a result, as highdicom's constructors take them."""

    instance_number: int
    manufacturer: str
    manufacturer_model_name: str
    device_serial_number: str
    software_versions: str
    series_description: str
    transfer_syntax_uid: str


def describe_equipment(prediction: Prediction, source: SourceImage) -> Equipment:
    """Returns the equipment and series attributes of a result (PS3.3 C.7.5.1, C.7.3.1).

    Args:
        prediction: prediction that the result reports.
        source: image that it refers to.
    """
    return Equipment(
        instance_number=source.instance_number,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=ascii_text(prediction.model),
        device_serial_number=prediction.model_sha256[:16],
        software_versions=f"lungscope {__version__}",
        series_description=SERIES_DESCRIPTION,
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )


def class_code(name: str) -> CodedConcept:
    """Returns the code of a class, the same for every model with a class of this name."""
    return CodedConcept(f"C-{_short_hash(name)}", SCHEME, ascii_text(name))


def probability_code(name: str) -> CodedConcept:
    """Returns the code of the calibrated probability of a class."""
    return CodedConcept(f"P-{_short_hash(name)}", SCHEME, ascii_text(f"Probability of {name}"))


def coding_schemes() -> list[CodingSchemeIdentificationItem]:
    """Returns the coding scheme of the private codes (PS3.3 C.12.1.1.5)."""
    return [
        CodingSchemeIdentificationItem(
            designator=SCHEME, name="lungscope's classes", responsible_organization=MANUFACTURER
        )
    ]


def ascii_text(text: str, longest: int = _LONGEST_MEANING) -> str:
    """Returns a text in ASCII, which every character set of a patient contains.

    Args:
        text: one line.
        longest: largest number of characters of the result.

    Examples:
        >>> ascii_text("Épanchement pleural")
        'Epanchement pleural'
    """
    plain = unicodedata.normalize("NFKD", text)
    kept = "".join(letter for letter in plain if not unicodedata.combining(letter))
    printable = "".join(
        letter if " " <= letter <= "~" and letter != "\\" else "?" for letter in kept
    )
    return printable[:longest].strip() or "?"


def _short_hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:10].upper()


def _derived(*parts: str) -> str:
    return f"2.25.{uuid.uuid5(_NAMESPACE, '|'.join(parts)).int}"
