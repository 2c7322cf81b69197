"""How a radiograph was taken, in DICOM's words, and which acquisitions are wanted."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Acquisition:
    """What a DICOM file says about its image; None where it says nothing.

    Every word is a DICOM Code String: at most 16 capitals, digits, blanks and underscores. What is
    none is taken as absent, so that no free text, which may be a name, gets in.

    Attributes:
        modality: (0008,0060), e.g. "CR" or "DX".
        intent: (0008,0068) Presentation Intent Type, "FOR PRESENTATION" or "FOR PROCESSING".
        body_part: (0018,0015) Body Part Examined, e.g. "CHEST".
        view_position: (0018,5101), e.g. "PA", "AP" or "LL".
        laterality: (0020,0062) Image Laterality or else (0020,0060) Laterality: "R", "L", "U", "B".
        sop_instance_uid: (0008,0018). It identifies the image, and through an archive the patient,
            so it is no part of the printed form: only who asks for it sees it.
    """

    modality: str | None = None
    intent: str | None = None
    body_part: str | None = None
    view_position: str | None = None
    laterality: str | None = None
    sop_instance_uid: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Policy:
    """Which acquisitions are read.

    Attributes:
        modalities: the only modalities that are read; None for every one, and for none stated.
        foreign_body_parts: body parts that are refused; all others, and none stated, are read.
        foreign_intents: presentation intents that are refused.
    """

    modalities: frozenset[str] | None
    foreign_body_parts: frozenset[str]
    foreign_intents: frozenset[str]

    def objection(self, acquisition: Acquisition) -> str | None:
        """Why an acquisition is refused, one line, or None where it is not."""
        if self.modalities is not None and acquisition.modality not in self.modalities:
            wanted = " or ".join(sorted(self.modalities))
            return f"its modality is {acquisition.modality or 'not stated'}, not {wanted}"
        if acquisition.body_part in self.foreign_body_parts:
            return f"it shows another body part ({acquisition.body_part})"
        if acquisition.intent in self.foreign_intents:
            return f"it is {acquisition.intent}: detector values that have no agreed appearance"
        return None


ANYTHING = Policy(None, frozenset(), frozenset())
"""Every single grey image, whatever it shows."""

CHEST_RADIOGRAPHS = Policy(
    frozenset({"CR", "DX"}),
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
    frozenset({"FOR PROCESSING"}),
)
"""Computed and digital radiographs that may be of a chest and are meant to be looked at."""
