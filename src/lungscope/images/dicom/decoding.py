"""From the bytes of a DICOM file to its grey levels, how they were acquired, and of whom.

In this order, each step within limits: the header (`header`), whether such an acquisition is
wanted (`acquisition`), the pixels as they are stored (`pixels`), what they mean
(`values`). No message carries a value that may identify a patient.
"""

from dataclasses import dataclass

from lungscope.errors import UnwantedCode
from lungscope.images.dicom.acquisition import VIEWS_BY_CODE, Acquisition, Identifiers, Policy
from lungscope.images.dicom.header import Header, read_header
from lungscope.images.dicom.layout import read_layout
from lungscope.images.dicom.orientation import read_orientation, turn_upright
from lungscope.images.dicom.pixels import decode_pixels
from lungscope.images.dicom.values import find_range, read_appearance, to_grey
from lungscope.images.raster import Raster
from lungscope.images.undecodable import Undecodable


class UnwantedAcquisition(Undecodable):
    """An acquisition that the policy refuses; another policy would have it read.

    Attributes:
        code: what about it is not accepted.
    """

    def __init__(self, reason: str, code: UnwantedCode) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, eq=False)
class DicomImage:
    """A decoded DICOM image.

    Attributes:
        raster: its mode is "MONOCHROME1" or "MONOCHROME2", its bits those stored.
        acquisition: how it was acquired.
        identifiers: of whom.
    """

    raster: Raster
    acquisition: Acquisition
    identifiers: Identifiers


def decode_dicom(content: bytes, accept: Policy) -> DicomImage:
    """Decodes one DICOM image.

    Args:
        content: the whole file, with "DICM" at byte 128.
        accept: which acquisitions are read.

    Raises:
        UnwantedAcquisition: not accepted.
        Undecodable: several frames, colour, too small, too large, without an element that an image
            needs, damaged, cut short, of a transfer syntax that is not read, or one whose decoder
            is not installed.
    """
    try:
        return _decoded(content, accept)
    except Undecodable:
        raise
    except Exception:  # on hostile bytes pydicom raises nearly every class there is, and
        # its messages may quote the file: an identifier must not get into ours.
        raise Undecodable("the DICOM file is damaged or cut short") from None


def _decoded(content: bytes, accept: Policy) -> DicomImage:
    header = read_header(content)
    acquisition = _acquisition(header)
    code = accept.objection(acquisition)
    if code is not None:
        raise UnwantedAcquisition(accept.describe_objection(code, acquisition), code)
    layout = read_layout(header)
    appearance = read_appearance(header, layout)
    samples = decode_pixels(header, layout)
    spread = find_range(samples, layout, appearance)
    pixels = turn_upright(to_grey(samples, layout, appearance, spread), acquisition.orientation)
    raster = Raster(pixels, layout.photometric, layout.bits_stored, used_bits=spread.used_bits)
    return DicomImage(raster, acquisition, _identifiers(header))


def _acquisition(header: Header) -> Acquisition:
    return Acquisition(
        modality=header.code("Modality"),
        intent=header.code("PresentationIntentType"),
        body_part=header.code("BodyPartExamined"),
        view_position=header.code("ViewPosition") or _coded_view(header),
        laterality=header.code("ImageLaterality") or header.code("Laterality"),
        orientation=read_orientation(header.texts("PatientOrientation")),
    )


def _coded_view(header: Header) -> str | None:
    view = header.first_item("ViewCodeSequence")
    return VIEWS_BY_CODE.get(view.text("CodeValue") or "") if view is not None else None


def _identifiers(header: Header) -> Identifiers:
    return Identifiers(
        patient_id=header.text("PatientID"),
        study_instance_uid=header.uid("StudyInstanceUID"),
        series_instance_uid=header.uid("SeriesInstanceUID"),
        sop_instance_uid=header.uid("SOPInstanceUID"),
        accession_number=header.text("AccessionNumber"),
    )
