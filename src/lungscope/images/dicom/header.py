"""The elements of a DICOM file that an image needs, read within limits before any pixel.

pydicom parses; what stands here is what keeps a hostile file from costing more than its size: a
bound on what a deflated data set may grow to and on the number of elements. Values are taken from
the raw elements, because pydicom's conversion warns about a bad one by printing it, and an
identifier must not reach a log. Nothing but the elements named here is kept.
"""

import re
import struct
import zlib
from dataclasses import dataclass
from io import BytesIO

from pydicom.charset import default_encoding
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import data_element_offset_to_value, read_dataset, read_sequence_item
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from lungscope.images.undecodable import Undecodable

MOST_READS = 50_000
"""Reads of a header; each element takes one to three, and a real header holds a few hundred."""

MOST_INFLATED = 128 * 2**20
"""Bytes of an inflated data set; the largest image that is decoded is smaller."""

LARGEST_VALUE = 2**20
"""Bytes of one element that is kept; a lookup table takes 128 KiB."""

_FILE_META = 132  # after the preamble and "DICM"; always Explicit VR Little Endian (PS3.10 7.1)
_UNDEFINED = 0xFFFFFFFF
_PIXEL_DATA = 0x7FE00010
_CODE_STRING = re.compile(r"[A-Z0-9_ ]{1,16}")
_UID = re.compile(r"[0-9.]{1,64}")
_TEXT = re.compile(r"[ -~]{1,64}")
_KEPT = (
    *("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "AccessionNumber"),
    *("Modality", "PresentationIntentType", "BodyPartExamined", "ViewPosition"),
    *("ViewCodeSequence", "Laterality", "ImageLaterality", "PatientOrientation"),
    *("SamplesPerPixel", "PhotometricInterpretation"),
    *("NumberOfFrames", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit"),
    *("PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit", "WindowCenter"),
    *("WindowWidth", "VOILUTFunction", "RescaleIntercept", "RescaleSlope", "ModalityLUTSequence"),
    *("VOILUTSequence", "PresentationLUTShape"),
)


class _Reader(BytesIO):
    """Bytes that may be read a limited number of times."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads > MOST_READS:
            raise Undecodable("its header holds too many elements for an image's")
        return super().read(size)


@dataclass(frozen=True, eq=False, repr=False)
class Elements:
    """Elements of a data set or of an item of a sequence, by their keywords (PS3.6).

    Attributes:
        dataset: as pydicom reads it, its values not yet converted.
    """

    dataset: Dataset

    def code(self, keyword: str) -> str | None:
        """The first value of a Code String, or None where it is absent or no Code String."""
        text = self._text(keyword).split("\\")[0].strip()
        return text if _CODE_STRING.fullmatch(text) else None

    def texts(self, keyword: str) -> tuple[str, ...]:
        """All values of an element of characters, without the blanks around them."""
        text = self._text(keyword)
        return tuple(part.strip() for part in text.split("\\")) if text else ()

    def uid(self, keyword: str) -> str | None:
        """A unique identifier, or None where it is absent or none."""
        text = self._text(keyword)
        return text if _UID.fullmatch(text) else None

    def text(self, keyword: str) -> str | None:
        """A text of printable ASCII characters, or None where it is absent or another."""
        text = self._text(keyword)
        return text if _TEXT.fullmatch(text) else None

    def decimals(self, keyword: str) -> tuple[float, ...]:
        """The values of a Decimal or Integer String; none where it is absent.

        Raises:
            Undecodable: a value is no number.
        """
        text = self._text(keyword)
        try:
            return tuple(float(part) for part in text.split("\\")) if text else ()
        except ValueError as error:
            raise Undecodable(f"its {keyword} is no number") from error

    def shorts(self, keyword: str, *, signed: bool = False) -> tuple[int, ...]:
        """The values of 16-bit integers; none where it is absent.

        Raises:
            Undecodable: an odd number of bytes.
        """
        value, order = self.stored(keyword)
        if len(value) % 2:
            raise Undecodable(f"its {keyword} has {len(value)} bytes, which is no 16-bit number")
        return struct.unpack(f"{order}{len(value) // 2}{'h' if signed else 'H'}", value)

    def stored(self, keyword: str) -> tuple[bytes, str]:
        """The bytes of an element, none where it is absent; and "<" or ">" for their order.

        Raises:
            Undecodable: it is over `LARGEST_VALUE`, or a sequence.
        """
        element = self._raw(keyword)
        if element is None or not element.value:
            return b"", "<"
        if not isinstance(element, RawDataElement):
            raise Undecodable(f"its {keyword} is stored as a sequence")
        if len(element.value) > LARGEST_VALUE:
            raise Undecodable(f"its {keyword} has {len(element.value)} bytes, which is too many")
        return element.value, "<" if element.is_little_endian else ">"

    def first_item(self, keyword: str) -> "Elements | None":
        """The first item of a sequence, or None where it is absent or empty."""
        element = self._raw(keyword)
        if element is None or not element.value:
            return None
        if not isinstance(element, RawDataElement):  # of undefined length, hence already read
            return Elements(element.value[0]) if isinstance(element.value, Sequence) else None
        value, order = self.stored(keyword)
        item = read_sequence_item(
            _Reader(value), element.is_implicit_VR, order == "<", default_encoding
        )
        return Elements(item) if item is not None else None

    def _text(self, keyword: str) -> str:
        return self.stored(keyword)[0].decode("ascii", "replace").strip("\0 ")

    def _raw(self, keyword: str) -> DataElement | RawDataElement | None:
        return self.dataset.get_item(Tag(keyword), keep_deferred=True)


@dataclass(frozen=True, eq=False, repr=False)
class Header(Elements):
    """A DICOM file up to its pixels.

    Attributes:
        transfer_syntax: its UID.
        data_set: the bytes in which `pixels_at` counts: the file, or the inflated data set.
        pixels_at: where the value of Pixel Data begins.
        pixels_length: bytes of that value, or None where it is encapsulated in items.
        pixels_vr: "OB", "OW" or, where VRs are implicit, None.
    """

    transfer_syntax: str
    data_set: bytes
    pixels_at: int
    pixels_length: int | None
    pixels_vr: str | None


def read_header(content: bytes) -> Header:
    """Reads the header: all elements before the pixels.

    Args:
        content: a DICOM file (PS3.10), whole.

    Raises:
        Undecodable: no transfer syntax, no pixel data, a deflated data set that is damaged or grows
            over `MOST_INFLATED`, or more elements than an image has.
    """
    reader = _Reader(content)
    reader.seek(_FILE_META)
    meta = Elements(
        read_dataset(
            reader,
            is_implicit_VR=False,
            is_little_endian=True,
            stop_when=lambda tag, _vr, _length: tag >> 16 != 2,
            specific_tags=[Tag("TransferSyntaxUID")],
        )
    )
    syntax = meta.uid("TransferSyntaxUID")
    if syntax is None:
        raise Undecodable(
            "it does not say how it is encoded (Transfer Syntax UID is missing, or no UID)"
        )
    if syntax == DeflatedExplicitVRLittleEndian:
        content = _inflated(memoryview(content)[reader.tell() :])
        reader = _Reader(content)
    return _read_data_set(reader, content, syntax)


def _inflated(deflated: memoryview) -> bytes:
    too_much = Undecodable(f"its data set inflates to more than {MOST_INFLATED // 2**20} MiB")
    if len(deflated) > MOST_INFLATED + MOST_INFLATED // 1000:  # what deflating can add at worst
        raise too_much
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)  # PS3.5 A.5: without zlib's own header
    try:
        content = inflater.decompress(deflated, MOST_INFLATED)
    except zlib.error as error:
        raise Undecodable("its deflated data set is damaged") from error
    if inflater.unconsumed_tail:
        raise too_much
    if not inflater.eof:
        raise Undecodable("its deflated data set is cut short")
    return content


def _read_data_set(reader: _Reader, content: bytes, syntax: str) -> Header:
    pixels: list[tuple[str | None, int]] = []

    def at_pixels(tag: BaseTag, vr: str | None, length: int) -> bool:
        if tag == _PIXEL_DATA:
            pixels.append((vr, length))
        return bool(tag == _PIXEL_DATA)

    dataset = read_dataset(
        reader,
        is_implicit_VR=syntax == ImplicitVRLittleEndian,
        is_little_endian=syntax != ExplicitVRBigEndian,
        stop_when=at_pixels,
        specific_tags=[Tag(keyword) for keyword in _KEPT],
    )
    if not pixels:
        raise Undecodable("it holds no pixels (Pixel Data is missing, or the file is cut short)")
    vr, length = pixels[-1]
    start = reader.tell() + data_element_offset_to_value(vr is None, vr)
    return Header(dataset, syntax, content, start, None if length == _UNDEFINED else length, vr)
