"""Writes the page of which DICOM encodings are read, by encoding images and reading them.

python docs/conformance.py             # writes docs/reference/dicom-conformance.md
python docs/conformance.py --check     # fails if it is not up to date
"""

import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import config, dcmwrite, uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate

from lungscope.errors import UnreadableImage
from lungscope.images import TRANSFER_SYNTAXES, read_content

PAGE = Path(__file__).parent / "reference" / "dicom-conformance.md"
SHAPE = (70, 90)
PHOTOMETRIC = ("MONOCHROME1", "MONOCHROME2")
JPEG = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1)
LOSSY = {
    *(uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLSNearLossless, uid.JPEG2000),
}
JPIP = uid.UID("1.2.840.10008.1.2.4.94")
NEAR = 0.02
"""Largest mean difference of a lossy image, of its range."""

Stored = NDArray[np.integer]


@dataclass(frozen=True)
class Cell:
    """How one sample is stored.

    Attributes:
        allocated, stored: bits.
        signed: whether samples are in two's complement.
    """

    allocated: int
    stored: int
    signed: bool

    def __str__(self) -> str:
        return f"{self.stored} in {self.allocated}{', signed' if self.signed else ''}"


CELLS = tuple(
    Cell(allocated, stored, signed)
    for signed in (False, True)
    for allocated, stored in ((8, 8), (16, 8), (16, 10), (16, 12), (16, 14), (16, 16))
)


class NotEncodable(Exception):
    """The standard has no such image, or none of the encoders writes it."""


def samples(cell: Cell) -> Stored:
    """A smooth image that uses all of its range."""
    across, down = np.meshgrid(*(np.linspace(-1, 1, side) for side in SHAPE[::-1]))
    grey = 0.5 + 0.5 * np.sin(2.2 * across) * np.cos(3.1 * down)
    grey = (grey - grey.min()) / np.ptp(grey)
    values = np.rint(grey * (2**cell.stored - 1)).astype(np.int32)
    if cell.signed:
        values -= 2 ** (cell.stored - 1)
    return values.astype(f"{'i' if cell.signed else 'u'}{cell.allocated // 8}")


def dataset(values: Stored, cell: Cell, photometric: str) -> Dataset:
    """A chest radiograph, uncompressed."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    made.SOPClassUID = uid.DigitalXRayImageStorageForPresentation
    made.SOPInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    made.Modality, made.BodyPartExamined = "DX", "CHEST"
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, photometric
    made.Rows, made.Columns = values.shape
    made.BitsAllocated, made.BitsStored = cell.allocated, cell.stored
    made.HighBit, made.PixelRepresentation = cell.stored - 1, int(cell.signed)
    made.PixelData = values.tobytes()
    made["PixelData"].VR = "OW"
    return made


def encoded(values: Stored, cell: Cell, photometric: str, syntax: uid.UID) -> bytes:
    """The bytes of a file.

    Raises:
        NotEncodable: in this syntax.
    """
    made = dataset(values, cell, photometric)
    if syntax == uid.ExplicitVRBigEndian:
        if cell.allocated == 16:
            made.PixelData = values.byteswap().tobytes()
        else:  # words of 16 bits, of which the first pixel is the low byte
            made.PixelData = values.view(np.uint16).byteswap().tobytes()
    elif syntax in JPEG:
        put(made, jpeg(values, cell, syntax))
    elif syntax == uid.RLELossless:
        put(made, rle(values))
    elif TRANSFER_SYNTAXES[syntax].encapsulated:
        options = {uid.JPEGLSNearLossless: {"jls_error": 2}, uid.JPEG2000: {"j2k_psnr": [60]}}
        try:
            made.compress(syntax, generate_instance_uid=False, **options.get(syntax, {}))
        except (ValueError, RuntimeError) as error:
            raise NotEncodable from error
    made.file_meta.TransferSyntaxUID = syntax
    buffer = BytesIO()
    dcmwrite(buffer, made, enforce_file_format=True)
    return buffer.getvalue()


def put(made: Dataset, frame: bytes) -> None:
    """Puts a codestream in the place of the pixels."""
    made.PixelData = encapsulate([frame])
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True


def jpeg(values: Stored, cell: Cell, syntax: uid.UID) -> bytes:
    """A JPEG codestream, lossless or not, of samples without a sign."""
    lossless = syntax in (uid.JPEGLossless, uid.JPEGLosslessSV1)
    depths = {uid.JPEGBaseline8Bit: (8,), uid.JPEGExtended12Bit: (8, 12)}
    wide = cell.stored == 8 and cell.allocated == 16  # PS3.5 table 8.2.1-1: 8 bits are in 8
    if not lossless and (cell.signed or wide or cell.stored not in depths[syntax]):
        raise NotEncodable
    bits = cell.stored
    unsigned = values.astype(np.int32) & (2**bits - 1)
    written: bytes = imagecodecs.jpeg8_encode(
        unsigned.astype(np.uint8 if bits == 8 else np.uint16),
        95,
        lossless=lossless,
        predictor=6 if syntax == uid.JPEGLossless else 1,
        bitspersample=bits,
    )
    return written


def rle(values: Stored) -> bytes:
    """The segments of PS3.5 annex G; pydicom's encoder writes one too few of 8 bits in 16."""
    width = values.itemsize
    planes = values.astype(values.dtype.newbyteorder(">")).view(np.uint8).reshape(-1, width).T
    segments = [imagecodecs.packbits_encode(plane.tobytes()) for plane in planes]
    segments = [segment + b"\0" * (len(segment) % 2) for segment in segments]
    starts = np.cumsum([64, *map(len, segments)])[:-1]
    header = struct.pack(f"<{1 + width}L", width, *starts)
    return header.ljust(64, b"\0") + b"".join(segments)


def outcome(cell: Cell, photometric: str, syntax: uid.UID) -> str:
    """What reading an image comes to: "exact", "lossy", "refused", "wrong" or "" for no image."""
    values = samples(cell)
    try:
        content = encoded(values, cell, photometric, syntax)
    except NotEncodable:
        return ""
    try:
        pixels = read_content(content, "a.dcm").pixels
    except UnreadableImage:
        return "refused"
    least = -(2 ** (cell.stored - 1)) if cell.signed else 0
    expected = np.float32((values.astype(np.float64) - least) / (2**cell.stored - 1))
    if photometric == "MONOCHROME1":
        expected = 1 - expected
    difference = np.abs(pixels - expected)
    if syntax in LOSSY:
        return "lossy" if difference.mean() < NEAR else "wrong"
    return "exact" if difference.max() < 1e-6 else "wrong"


def rows() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each transfer syntax with what becomes of each cell, the same in both photometrics."""
    for number, syntax in TRANSFER_SYNTAXES.items():
        found = {
            photometric: tuple(outcome(cell, photometric, uid.UID(number)) for cell in CELLS)
            for photometric in PHOTOMETRIC
        }
        one, other = found.values()
        yield (
            f"{syntax.name} ({number})",
            tuple(
                each if each == same else f"{each}, {same}"
                for each, same in zip(one, other, strict=True)
            ),
        )


def refusals() -> Iterator[tuple[str, str]]:
    """What is not read, and the reason that is given."""
    cell = Cell(8, 8, signed=False)
    values = samples(cell)

    def reason(syntax: uid.UID = uid.ExplicitVRLittleEndian, **elements: object) -> str:
        made = dataset(values, cell, "MONOCHROME2")
        if elements.get("SamplesPerPixel") == 3:
            made.PlanarConfiguration, made.PixelData = 0, values.tobytes() * 3
        for keyword, value in elements.items():
            setattr(made, keyword, value)
        if syntax.is_encapsulated:
            put(made, b"\0" * 100)
        made.file_meta.TransferSyntaxUID = syntax
        buffer = BytesIO()
        dcmwrite(buffer, made, enforce_file_format=True)
        try:
            read_content(buffer.getvalue(), "a.dcm")
        except UnreadableImage as error:
            return error.reason
        return "it is read"

    for syntax in (uid.HTJ2KLossless, uid.HTJ2K, uid.JPEG2000MC, uid.MPEG2MPML, JPIP):
        yield f"transfer syntax {syntax.name}", reason(syntax)
    for photometric in ("RGB", "YBR_FULL_422", "PALETTE COLOR"):
        count = 1 if photometric == "PALETTE COLOR" else 3
        yield photometric, reason(SamplesPerPixel=count, PhotometricInterpretation=photometric)
    yield "1 bit allocated", reason(BitsAllocated=1)
    yield "32 bits allocated", reason(BitsAllocated=32)
    yield "stored bits that are not the lowest", reason(BitsStored=7, HighBit=7)
    yield "several frames", reason(NumberOfFrames=2)
    yield "raw detector values", reason(PresentationIntentType="FOR PROCESSING")


def page() -> str:
    """The whole page."""
    header = " | ".join(str(cell) for cell in CELLS)
    table = "\n".join(
        f"| {name} | {' | '.join(each or '–' for each in cells)} |" for name, cells in rows()
    )
    refused = "\n".join(f"| {what} | {said} |" for what, said in refusals())
    return f"""# DICOM conformance

Written by `python docs/conformance.py`, which encodes an image in each of these ways and reads it.
A test says that the page is what the code does, and that pydicom and DCMTK read these files alike.

Each column says how many bits of a sample are stored in how many. **exact**: every stored value
comes back. **lossy**: as near as the codec, which itself is not exact. **–**: the standard has no
such image, or no encoder at hand writes it. MONOCHROME1 and MONOCHROME2 are alike but for black and
white. Bits above the stored ones never count.

| transfer syntax | {header} |
|---|{"---|" * len(CELLS)}
{table}

## What is refused

| image | reason |
|---|---|
{refused}
"""


def main() -> None:
    """Writes the page, or checks it."""
    config.settings.writing_validation_mode = config.IGNORE
    made = page()
    if "--check" in sys.argv[1:]:
        if PAGE.read_text(encoding="utf-8") != made:
            sys.exit(f"{PAGE}: not up to date; run python docs/conformance.py")
    else:
        PAGE.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main()
