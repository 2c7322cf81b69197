"""From the bytes of a DICOM file to its grey levels and how they were acquired.

In this order, each step within limits: the header (`dicom_header`), whether such an acquisition is
wanted (`dicom_acquisition`), the pixels as they are stored (`dicom_pixels`), what they mean
(`dicom_values`). No message carries a value that may identify a patient.
"""

from lungscope.images.dicom_acquisition import Acquisition, Policy
from lungscope.images.dicom_header import Header, read_header
from lungscope.images.dicom_layout import read_layout
from lungscope.images.dicom_pixels import decode_pixels
from lungscope.images.dicom_values import grey, read_appearance
from lungscope.images.raster import Raster, Undecodable


def decode_dicom(content: bytes, accept: Policy) -> tuple[Raster, Acquisition]:
    """Decodes one DICOM image.

    Args:
        content: the whole file, with "DICM" at byte 128.
        accept: which acquisitions are read.

    Returns:
        The image, its mode being "MONOCHROME1" or "MONOCHROME2" and its bits those stored; and how
        it was acquired.

    Raises:
        Undecodable: not accepted, several frames, colour, too small, too large, without an element
            that an image needs, damaged, cut short, of a transfer syntax that is not read, or one
            whose decoder is not installed.
    """
    try:
        return _decoded(content, accept)
    except Undecodable:
        raise
    except Exception as error:  # on hostile bytes pydicom raises nearly every class there is, and
        # its messages may quote the file: an identifier must not get into ours.
        raise Undecodable(
            f"the DICOM file is damaged or cut short ({type(error).__name__})"
        ) from None


def _decoded(content: bytes, accept: Policy) -> tuple[Raster, Acquisition]:
    header = read_header(content)
    acquisition = _acquisition(header)
    objection = accept.objection(acquisition)
    if objection is not None:
        raise Undecodable(objection)
    layout = read_layout(header)
    appearance = read_appearance(header, layout)
    pixels = grey(decode_pixels(header, layout), layout, appearance)
    return Raster(pixels, layout.photometric, layout.bits_stored), acquisition


def _acquisition(header: Header) -> Acquisition:
    return Acquisition(
        modality=header.code("Modality"),
        intent=header.code("PresentationIntentType"),
        body_part=header.code("BodyPartExamined"),
        view_position=header.code("ViewPosition"),
        laterality=header.code("ImageLaterality") or header.code("Laterality"),
        sop_instance_uid=header.uid("SOPInstanceUID"),
    )
