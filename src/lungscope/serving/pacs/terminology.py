"""Private codes, descriptions and equipment attributes of the results.

A class is a label that a model was trained with. With a SNOMED CT code of a finding or disorder, a
system downstream could take it for a diagnosis that someone made, so the codes are private.
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
PURPOSE = f"{DISCLAIMER} Made by an algorithm and not reviewed by a person."
SERIES_DESCRIPTION = "lungscope: research, not for diagnosis"
NO_ANSWER = CodedConcept("NO-ANSWER", SCHEME, "No answer: the model abstains")
DISTANCE = CodedConcept("DISTANCE", SCHEME, "Distance from the training images")
_LONGEST_MEANING = 64


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
