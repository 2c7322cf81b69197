"""The transfer syntaxes that are read (PS3.5 section 8 and annex A): one table, one entry each.

The reader of files decodes by it, and the DICOM node accepts what is in it. pydicom is not imported
here, because reading a PNG must not wait for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lungscope.images.dicom.codestream import Codestream, read_jpeg, rewrite_lossless_jpeg
from lungscope.images.dicom.jpeg2000 import read_jpeg_2000
from lungscope.images.raster import Undecodable

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


def _jpeg(frame: bytes, layout: "Layout") -> tuple[bytes, Codestream]:  # noqa: ARG001
    return frame, read_jpeg(frame)


def _extended_jpeg(frame: bytes, layout: "Layout") -> tuple[bytes, Codestream]:  # noqa: ARG001
    found = read_jpeg(frame)
    if found.precision != 8:
        raise Undecodable(
            f"JPEG Extended of {found.precision} bits is not read, for want of a decoder "
            "under a permissive licence; save it uncompressed"
        )
    return frame, found


def _lossless_jpeg(frame: bytes, layout: "Layout") -> tuple[bytes, Codestream]:  # noqa: ARG001
    # GDCM ends the whole process over some damaged codestreams, so it is given a rewritten one.
    return rewrite_lossless_jpeg(frame)


def _jpeg_2000(frame: bytes, layout: "Layout") -> tuple[bytes, Codestream]:  # noqa: ARG001
    return read_jpeg_2000(frame)


def _rle(frame: bytes, layout: "Layout") -> tuple[bytes, None]:
    segments = int.from_bytes(frame[:4], "little")
    if segments != layout.bits_allocated // 8:  # PS3.5 G.2: one for each byte of a sample
        raise Undecodable(f"its RLE Lossless data is damaged ({segments} segments)")
    return frame, None


_SV1 = "JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14 [Selection Value 1])"
_OPENJPEG, _RLE = "pylibjpeg-openjpeg", "pylibjpeg-rle"

TRANSFER_SYNTAXES: dict[str, TransferSyntax] = {
    each.uid: each
    for each in (  # in the order in which the node prefers them
        TransferSyntax("1.2.840.10008.1.2.1", "Explicit VR Little Endian"),
        TransferSyntax("1.2.840.10008.1.2", "Implicit VR Little Endian"),
        TransferSyntax("1.2.840.10008.1.2.4.70", _SV1, "gdcm", "python-gdcm", _lossless_jpeg),
        TransferSyntax(
            "1.2.840.10008.1.2.4.57",
            "JPEG Lossless, Non-Hierarchical (Process 14)",
            "gdcm",
            "python-gdcm",
            _lossless_jpeg,
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
            _OPENJPEG,
            _jpeg_2000,
        ),
        TransferSyntax("1.2.840.10008.1.2.5", "RLE Lossless", "pylibjpeg", _RLE, _rle),
        TransferSyntax("1.2.840.10008.1.2.1.99", "Deflated Explicit VR Little Endian"),
        TransferSyntax("1.2.840.10008.1.2.2", "Explicit VR Big Endian"),
        TransferSyntax(
            "1.2.840.10008.1.2.4.50",
            "JPEG Baseline (Process 1)",
            "pillow",
            "pillow",
            _jpeg,
            lossless=False,
        ),
        TransferSyntax(
            "1.2.840.10008.1.2.4.51",
            "JPEG Extended (Process 2 and 4)",
            "pillow",
            "pillow",
            _extended_jpeg,
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
            _OPENJPEG,
            _jpeg_2000,
            lossless=False,
        ),
    )
}
"""By UID; the order is that in which the DICOM node prefers them."""
