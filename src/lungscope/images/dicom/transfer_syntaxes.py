"""The transfer syntaxes that are read (PS3.5 section 8 and annex A): one table, one entry each.

The reader of files decodes by it, and the DICOM node accepts what is in it. pydicom is not imported
here, because reading a PNG must not wait for it.
"""

import itertools
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from lungscope.images.codestream import Codestream, read_jpeg
from lungscope.images.dicom.jpeg2000 import read_jpeg_2000
from lungscope.images.jpeg import decode_deep_jpeg
from lungscope.images.undecodable import Undecodable

if TYPE_CHECKING:
    from lungscope.images.dicom.layout import Layout

StoredValues: TypeAlias = NDArray[np.integer[Any]]
Inspect: TypeAlias = "Callable[[bytes, Layout], tuple[bytes, Codestream | None]]"
Decode: TypeAlias = "Callable[[bytes, Layout], StoredValues]"


@dataclass(frozen=True)
class TransferSyntax:
    """One way in which a DICOM file stores its pixels.

    Attributes:
        uid: as in PS3.6 table A-1.
        name: the registered name, as messages give it.
        plugin: pydicom's name of the decoder, e.g. "pylibjpeg"; "" for uncompressed pixels or
            where `decode` is given. There is one, so that a file has the same pixels on every
            machine.
        package: what to install for the decoder; "" if nothing is needed.
        inspect: checks a frame before it is decoded, because a decoder makes room for whatever the
            frame claims. It is called with the frame and the layout that the header says, and
            returns the frame to decode and what its own header says, or None where it has none.
            It raises `Undecodable`.
        decode: decodes an inspected frame to (rows, columns) integers, for a codec that pydicom
            does not know. Any exception means that the frame is damaged.
        lossless: whether every stored value comes back as it was.
    """

    uid: str
    name: str
    plugin: str = ""
    package: str = ""
    inspect: "Inspect | None" = None
    decode: "Decode | None" = None
    lossless: bool = True

    @property
    def encapsulated(self) -> bool:
        """Whether the pixels are compressed, in fragments (PS3.5 A.4)."""
        return self.inspect is not None


_RLE_HEADER = 64  # bytes
_SV1 = "JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14 [Selection Value 1])"


def _jpeg(frame: bytes, layout: "Layout") -> tuple[bytes, Codestream]:  # noqa: ARG001
    return frame, read_jpeg(frame)


def _jpeg_samples(frame: bytes, layout: "Layout") -> StoredValues:
    samples = decode_deep_jpeg(frame, read_jpeg(frame).precision)
    return samples.view(f"i{samples.itemsize}") if layout.signed else samples


def _jpeg_2000(frame: bytes, layout: "Layout") -> tuple[bytes, Codestream]:  # noqa: ARG001
    return read_jpeg_2000(frame)


def _rle(frame: bytes, layout: "Layout") -> tuple[bytes, None]:
    segments = int.from_bytes(frame[:4], "little")
    if segments != layout.bits_allocated // 8:  # PS3.5 G.2: one for each byte of a sample
        raise Undecodable(f"its RLE Lossless data is damaged ({segments} segments)")
    return frame, None


def _rle_samples(frame: bytes, layout: "Layout") -> StoredValues:
    count = layout.bits_allocated // 8
    bounds = [*struct.unpack_from(f"<{count}L", frame, 4), len(frame)]
    if bounds != sorted(bounds) or bounds[0] < _RLE_HEADER:
        raise ValueError("its segments overlap, or lie outside of it")
    # PS3.5 G.2: the most significant byte comes first
    planes = [
        _rle_segment(frame[start:end], layout.rows * layout.columns)
        for start, end in itertools.pairwise(bounds)
    ]
    samples = np.stack(planes, axis=-1).view(f">{'i' if layout.signed else 'u'}{count}")
    return samples.reshape(layout.rows, layout.columns)


def _rle_segment(segment: bytes, length: int) -> NDArray[np.uint8]:
    # Bytes of 0 may follow, which decode to at most half as many.
    padding = len(segment) - len(segment.rstrip(b"\0"))
    try:
        decoded = imagecodecs.packbits_decode(segment, out=bytearray(length + padding))
    except RuntimeError as error:
        raise ValueError("a segment is cut short, or too long") from error
    if len(decoded) < length:
        raise ValueError("a segment is too short")
    return np.frombuffer(decoded, np.uint8, length)


TRANSFER_SYNTAXES: dict[str, TransferSyntax] = {
    each.uid: each
    for each in (  # in the order in which the node prefers them
        TransferSyntax("1.2.840.10008.1.2.1", "Explicit VR Little Endian"),
        TransferSyntax("1.2.840.10008.1.2", "Implicit VR Little Endian"),
        TransferSyntax("1.2.840.10008.1.2.4.70", _SV1, inspect=_jpeg, decode=_jpeg_samples),
        TransferSyntax(
            "1.2.840.10008.1.2.4.57",
            "JPEG Lossless, Non-Hierarchical (Process 14)",
            inspect=_jpeg,
            decode=_jpeg_samples,
        ),
        TransferSyntax(
            "1.2.840.10008.1.2.4.80",
            "JPEG-LS Lossless Image Compression",
            "pyjpegls",
            "pyjpegls",
            _jpeg,
        ),
        TransferSyntax(
            "1.2.840.10008.1.2.4.90",
            "JPEG 2000 Image Compression (Lossless Only)",
            "pylibjpeg",
            "pylibjpeg-openjpeg",
            _jpeg_2000,
        ),
        TransferSyntax("1.2.840.10008.1.2.5", "RLE Lossless", inspect=_rle, decode=_rle_samples),
        TransferSyntax("1.2.840.10008.1.2.1.99", "Deflated Explicit VR Little Endian"),
        TransferSyntax("1.2.840.10008.1.2.2", "Explicit VR Big Endian"),
        TransferSyntax(
            "1.2.840.10008.1.2.4.50",
            "JPEG Baseline (Process 1)",
            inspect=_jpeg,
            decode=_jpeg_samples,
            lossless=False,
        ),
        TransferSyntax(
            "1.2.840.10008.1.2.4.51",
            "JPEG Extended (Process 2 and 4)",
            inspect=_jpeg,
            decode=_jpeg_samples,
            lossless=False,
        ),
        TransferSyntax(
            "1.2.840.10008.1.2.4.81",
            "JPEG-LS Lossy (Near-Lossless) Image Compression",
            "pyjpegls",
            "pyjpegls",
            _jpeg,
            lossless=False,
        ),
        TransferSyntax(
            "1.2.840.10008.1.2.4.91",
            "JPEG 2000 Image Compression",
            "pylibjpeg",
            "pylibjpeg-openjpeg",
            _jpeg_2000,
            lossless=False,
        ),
    )
}
"""By UID; the order is that in which the DICOM node prefers them."""
