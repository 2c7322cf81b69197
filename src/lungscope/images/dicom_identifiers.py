"""Whose image a DICOM file is: kept apart, so that only who asks for it comes across it."""

from dataclasses import dataclass, field


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
