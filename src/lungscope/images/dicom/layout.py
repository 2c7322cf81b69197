"""The shape of a DICOM image's pixels, checked before any of them is read."""

from dataclasses import dataclass

from lungscope.images.dicom.header import Elements
from lungscope.images.raster import LEAST_SIDE, MOST_PIXELS
from lungscope.images.undecodable import Undecodable


@dataclass(frozen=True)
class Layout:
    """The Image Pixel Module (PS3.3 C.7.6.3), as far as single grey images have it.

    Attributes:
        rows, columns: pixels.
        photometric: "MONOCHROME1" (the least value is white) or "MONOCHROME2" (it is black).
        bits_allocated: bits of the cell of one sample, 8 or 16.
        bits_stored: bits of one sample, 1 to `bits_allocated`, the low ones of its cell.
        signed: whether samples are in two's complement.
    """

    rows: int
    columns: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    signed: bool

    @property
    def bytes(self) -> int:
        """Bytes of the image, uncompressed."""
        return self.rows * self.columns * (self.bits_allocated // 8)

    @property
    def least(self) -> int:
        """The least value that a sample can have."""
        return -(1 << (self.bits_stored - 1)) if self.signed else 0

    @property
    def most(self) -> int:
        """The largest value that a sample can have."""
        return self.least + (1 << self.bits_stored) - 1


def read_layout(header: Elements) -> Layout:
    """Reads and checks how the pixels are laid out.

    Raises:
        Undecodable: an element is missing; several frames; colour; too small, too large; or
            samples that are not 8 or 16 bits wide with the stored bits lowest.
    """
    frames = header.decimals("NumberOfFrames")
    if frames and frames[0] > 1:  # 0 is against PS3.3 C.7.6.6.1.1, and written all the same
        raise Undecodable("it holds several frames; save one of them as a single image")
    samples = _required(header, "SamplesPerPixel")
    photometric = header.code("PhotometricInterpretation")
    if photometric is None:
        raise Undecodable("its PhotometricInterpretation is missing")
    if samples != 1 or photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise Undecodable(f"it is in colour ({photometric}); only grey images are radiographs")
    layout = Layout(
        rows=_required(header, "Rows"),
        columns=_required(header, "Columns"),
        photometric=photometric,
        bits_allocated=_required(header, "BitsAllocated"),
        bits_stored=_required(header, "BitsStored"),
        signed=bool(_required(header, "PixelRepresentation")),
    )
    _check_size(layout)
    _check_bits(layout, _required(header, "HighBit"))
    return layout


def _required(header: Elements, keyword: str) -> int:
    values = header.shorts(keyword)
    if not values:
        raise Undecodable(f"its {keyword} is missing")
    return values[0]


def _check_size(layout: Layout) -> None:
    size = f"{layout.columns} x {layout.rows} pixels"
    if min(layout.rows, layout.columns) < LEAST_SIDE:
        raise Undecodable(
            f"{size} is too small for a radiograph; each side needs {LEAST_SIDE} or more"
        )
    if layout.rows * layout.columns > MOST_PIXELS:
        raise Undecodable(
            f"{size} is over the limit of {MOST_PIXELS / 1e6:g} megapixels; make it smaller first"
        )


def _check_bits(layout: Layout, high_bit: int) -> None:
    if layout.bits_allocated not in (8, 16):
        raise Undecodable(f"{layout.bits_allocated} bits allocated are not read, only 8 and 16")
    if not 1 <= layout.bits_stored <= layout.bits_allocated:
        raise Undecodable(
            f"{layout.bits_stored} bits stored do not fit {layout.bits_allocated} bits allocated"
        )
    if high_bit != layout.bits_stored - 1:  # PS3.5 8.1.1; anything else is retired
        raise Undecodable(
            f"its high bit is {high_bit}, and with {layout.bits_stored} bits stored "
            f"only {layout.bits_stored - 1} is read"
        )
