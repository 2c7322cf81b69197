"""How an answer is put in DICOM's terms: codes, and the words that go with them.

The codes are private. A class is a label that a model was trained with; SNOMED CT's codes of
findings and disorders would let a system downstream take it for a diagnosis that someone made.
"""

import hashlib
import unicodedata
from typing import TypedDict

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import CodedConcept
from pydicom.uid import ExplicitVRLittleEndian

from lungscope.about import DISCLAIMER, __version__
from lungscope.inference.prediction import Prediction
from lungscope.serving.pacs.source_image import SourceImage

SCHEME = "99LUNGSCOPE"
MANUFACTURER = "lungscope"
PURPOSE = f"{DISCLAIMER} Made by an algorithm; no person has looked at it."
SERIES_DESCRIPTION = "lungscope: research, not for diagnosis"
NO_ANSWER = CodedConcept("NO-ANSWER", SCHEME, "No answer: the model abstains")
DISTANCE = CodedConcept("DISTANCE", SCHEME, "Distance from the training images")
_LONGEST_MEANING = 64


class Equipment(TypedDict):
    """Who made a result, as highdicom's objects take it."""

    instance_number: int
    manufacturer: str
    manufacturer_model_name: str
    device_serial_number: str
    software_versions: str
    series_description: str
    transfer_syntax_uid: str


def describe_equipment(prediction: Prediction, source: SourceImage) -> Equipment:
    """Equipment and series of a result (PS3.3 C.7.5.1, C.7.3.1), whatever object it becomes.

    Args:
        prediction: that the result tells.
        source: image that it is of.
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
    """The code of a class, the same for every model that has a class of this name."""
    return CodedConcept(f"C-{_short_hash(name)}", SCHEME, ascii_text(name))


def probability_code(name: str) -> CodedConcept:
    """The code of the calibrated probability of a class."""
    return CodedConcept(f"P-{_short_hash(name)}", SCHEME, ascii_text(f"Probability of {name}"))


def coding_schemes() -> list[CodingSchemeIdentificationItem]:
    """Who is responsible for the private codes (PS3.3 C.12.1.1.5)."""
    return [
        CodingSchemeIdentificationItem(
            designator=SCHEME, name="lungscope's classes", responsible_organization=MANUFACTURER
        )
    ]


def ascii_text(text: str, longest: int = _LONGEST_MEANING) -> str:
    """A text as every character set has it, for the patient's may be any.

    Args:
        text: of one line.
        longest: characters of the result.
    """
    plain = unicodedata.normalize("NFKD", text)
    kept = "".join(letter for letter in plain if not unicodedata.combining(letter))
    printable = "".join(
        letter if " " <= letter <= "~" and letter != "\\" else "?" for letter in kept
    )
    return printable[:longest].strip() or "?"


def _short_hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:10].upper()
