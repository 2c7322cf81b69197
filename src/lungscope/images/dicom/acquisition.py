"""How a radiograph was taken, in DICOM's words, and which acquisitions are wanted."""

from dataclasses import dataclass, field

from lungscope.errors import UnwantedCode
from lungscope.images.dicom.orientation import Orientation


@dataclass(frozen=True)
class Acquisition:
    """What a DICOM file says about its image; None where it says nothing.

    Every text is a DICOM Code String: at most 16 capitals, digits, blanks and underscores. What is
    none is taken as absent, so that no free text, which may be a name, gets in.

    Attributes:
        modality: (0008,0060), e.g. "CR" or "DX".
        intent: (0008,0068) Presentation Intent Type, "FOR PRESENTATION" or "FOR PROCESSING".
        body_part: (0018,0015) Body Part Examined, e.g. "CHEST".
        view_position: (0018,5101), e.g. "PA", "AP" or "LL"; where it is absent, the word for what
            (0054,0220) View Code Sequence says, if it is one of `VIEWS_BY_CODE`.
        laterality: (0020,0062) Image Laterality or else (0020,0060) Laterality: "R", "L", "U", "B".
        orientation: (0020,0020) Patient Orientation, where rows and columns of the stored pixels
            run to.
    """

    modality: str | None = None
    intent: str | None = None
    body_part: str | None = None
    view_position: str | None = None
    laterality: str | None = None
    orientation: Orientation | None = None


@dataclass(frozen=True)
class Policy:
    """Which acquisitions are read.

    Attributes:
        modalities: the only modalities that are read; None for every one, and for none stated.
        foreign_body_parts: body parts that are refused; all others, and none stated, are read.
        foreign_views: view positions that are refused.
        foreign_intents: presentation intents that are refused.
        foreign_directions: "A" and "P" where images across whose rows or columns run front and
            back of the patient are refused: lateral ones.

    Examples:
        >>> from dataclasses import replace
        >>> from lungscope.images import CHEST_RADIOGRAPHS
        >>> replace(CHEST_RADIOGRAPHS, modalities=frozenset({"DX"}))
        Policy(DX; 66 body parts and 20 views refused)
    """

    modalities: frozenset[str] | None
    foreign_body_parts: frozenset[str]
    foreign_views: frozenset[str]
    foreign_intents: frozenset[str]
    foreign_directions: frozenset[str]

    def __repr__(self) -> str:
        read = "every modality" if self.modalities is None else ", ".join(sorted(self.modalities))
        refused = f"{len(self.foreign_body_parts)} body parts and {len(self.foreign_views)} views"
        return f"Policy({read}; {refused} refused)"  # short: it stands in signatures

    def objection(self, acquisition: Acquisition) -> UnwantedCode | None:
        """Returns why an acquisition is refused, as a code; None where it is not."""
        if self.modalities is not None and acquisition.modality not in self.modalities:
            return "modality"
        if acquisition.body_part in self.foreign_body_parts:
            return "body-part"
        if acquisition.view_position in self.foreign_views:
            return "view-position"
        orientation = acquisition.orientation
        if orientation is not None and orientation.along in self.foreign_directions:
            return "patient-orientation"
        if acquisition.intent in self.foreign_intents:
            return "presentation-intent"
        return None

    def describe_objection(self, code: UnwantedCode, acquisition: Acquisition) -> str:
        """Says in one line why an acquisition is refused.

        Args:
            code: what `objection` returned for it.
            acquisition: that is refused.
        """
        if code == "modality":
            *others, last = sorted(self.modalities or ())
            wanted = f"{', '.join(others)} or {last}" if others else last
            return f"its modality is {acquisition.modality or 'not stated'}, not {wanted}"
        if code == "body-part":
            return f"it shows another body part ({acquisition.body_part})"
        if code == "view-position":
            return f"its view position is {acquisition.view_position}, which is no frontal view"
        if code == "patient-orientation":
            return (
                f"its patient orientation is {acquisition.orientation}: from the side, which is no "
                "frontal view"
            )
        return f"it is {acquisition.intent}: detector values that have no agreed appearance"


VIEWS_BY_CODE = {
    **dict.fromkeys(("399348003", "R-10206"), "AP"),
    **dict.fromkeys(("272479007", "R-10214", "R-40888"), "PA"),
    **dict.fromkeys(("399033003", "R-10202"), "FRONTAL"),
    **dict.fromkeys(("399173006", "R-10236"), "LL"),
    **dict.fromkeys(("399198007", "R-10232"), "RL"),
    **dict.fromkeys(("399067008", "R-102CD"), "LATERAL"),
    **dict.fromkeys(("399184004", "R-10238"), "LLO"),
    **dict.fromkeys(("399236003", "R-10234"), "RLO"),
    **dict.fromkeys(("399182000", "R-102C1"), "OBLIQUE"),
}
"""Views that a chest is taken in, of PS3.16 CID 4010, by their SNOMED CT and older SNOMED codes."""

ANYTHING = Policy(None, frozenset(), frozenset(), frozenset(), frozenset())
"""Every single grey image, whatever it shows."""

CHEST_RADIOGRAPHS = Policy(
    # DR is no Defined Term of PS3.3 C.7.3.1.1.1, yet some detectors write it for DX.
    frozenset({"CR", "DR", "DX"}),
    # Defined Terms of PS3.16 Annex L that cannot be a chest radiograph. Vendors write much else
    # here, and a chest is often examined under no body part or a home-made one: it may pass.
    frozenset(
        {
            *("ABDOMEN", "ABDOMENPELVIS", "ANKLE", "ARM", "BREAST", "BUTTOCK", "CALCANEUS", "CALF"),
            *("COCCYX", "CSPINE", "CTSPINE", "EAR", "ELBOW", "EXTREMITY", "EYE", "FACE", "FEMUR"),
            *("FIBULA", "FINGER", "FOOT", "FOREARM", "GALLBLADDER", "HAND", "HEAD", "HIP"),
            *("HUMERUS", "JAW", "KIDNEY", "KNEE", "LEG", "LOWERARM", "LOWERLEG", "LSPINE"),
            *("LSSPINE", "MANDIBLE", "MAXILLA", "MOUTH", "NECK", "NOSE", "ORBIT", "PATELLA"),
            *("PELVIS", "PHALANX", "RADIUS", "RADIUSULNA", "SACRUM", "SCAPULA", "SHOULDER"),
            *("SIJOINT", "SINUS", "SKULL", "SSPINE", "STOMACH", "TARSUS", "THIGH", "THUMB"),
            *("TIBIA", "TIBIAFIBULA", "TLSPINE", "TMJ", "TOE", "ULNA", "UPPERARM", "UPPERLEG"),
            *("WRIST", "ZYGOMA"),
        }
    ),
    # Lateral and oblique views: the Defined Terms of PS3.3 C.8.1.2, and what else is written.
    # RLD and LLD stay: on a patient who lies on a side, the projection is a frontal one.
    frozenset(
        {
            *("LL", "RL", "LAT", "LATERAL", "LLAT", "RLAT", "L LAT", "R LAT", "LT LAT", "RT LAT"),
            *("LEFT LATERAL", "RIGHT LATERAL", "LLO", "RLO", "LAO", "RAO", "LPO", "RPO"),
            *("OBL", "OBLIQUE"),
        }
    ),
    frozenset({"FOR PROCESSING"}),
    frozenset({"A", "P"}),
)
"""Computed and digital radiographs that may be of a chest and are meant to be looked at."""


@dataclass(frozen=True)
class Identifiers:
    """What ties an image to a patient and to an archive; None where the file does not say.

    None of it is part of the printed form, so that no log has it by accident. A text that holds
    more than 64 characters, or others than those that ASCII prints, is taken as absent.

    Attributes:
        patient_id: (0010,0020).
        study_instance_uid: (0020,000D).
        series_instance_uid: (0020,000E).
        sop_instance_uid: (0008,0018), of the image.
        accession_number: (0008,0050), of the order.
    """

    patient_id: str | None = field(default=None, repr=False)
    study_instance_uid: str | None = field(default=None, repr=False)
    series_instance_uid: str | None = field(default=None, repr=False)
    sop_instance_uid: str | None = field(default=None, repr=False)
    accession_number: str | None = field(default=None, repr=False)
