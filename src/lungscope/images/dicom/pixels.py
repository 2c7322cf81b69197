"""The stored values of a DICOM image, by pydicom's decoders, within limits.

One decoder for each transfer syntax, so that a file gives the same pixels on every machine; each
is given the file only after its size is known from both the header and the codestream.
"""

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import config, uid
from pydicom.pixels.decoders.base import get_decoder

from lungscope.images.dicom.codestream import Codestream, read_jpeg, rewrite_lossless_jpeg
from lungscope.images.dicom.header import Header
from lungscope.images.dicom.jpeg2000 import read_jpeg_2000
from lungscope.images.dicom.layout import Layout
from lungscope.images.raster import Undecodable

MOST_FRAGMENTS = 10_000
"""Pieces of one compressed image; one is usual."""

StoredValues = NDArray[np.integer[Any]]

_ITEM, _DELIMITER = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
_NO_OFFSETS = struct.pack("<HHL", *_ITEM, 0)  # an empty Basic Offset Table
_NATIVE = {
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
}
_LOSSLESS_JPEG = {uid.JPEGLossless, uid.JPEGLosslessSV1}
_DECODERS = {  # transfer syntax: pydicom's name of the decoder, and the package that brings it
    uid.JPEGBaseline8Bit: ("pillow", "pillow"),
    uid.JPEGExtended12Bit: ("pillow", "pillow"),
    uid.JPEGLossless: ("gdcm", "python-gdcm"),
    uid.JPEGLosslessSV1: ("gdcm", "python-gdcm"),
    uid.JPEGLSLossless: ("pyjpegls", "pyjpegls"),
    uid.JPEGLSNearLossless: ("pyjpegls", "pyjpegls"),
    uid.JPEG2000Lossless: ("pylibjpeg", "pylibjpeg-openjpeg"),
    uid.JPEG2000: ("pylibjpeg", "pylibjpeg-openjpeg"),
    uid.RLELossless: ("pylibjpeg", "pylibjpeg-rle"),
}


def decode_pixels(header: Header, layout: Layout) -> StoredValues:
    """Decodes the pixels.

    Args:
        header: of the file.
        layout: of `header`.

    Returns:
        (rows, columns) 8- or 16-bit integers of either byte order; bits above the stored ones,
        where there are any, mean nothing. It may share its memory with `header.data_set`.

    Raises:
        Undecodable: a transfer syntax that is not read or whose decoder is not installed, pixel
            data of another length or size than the header says, or damaged.
    """
    if header.transfer_syntax in _NATIVE:
        return _native(header, layout)
    syntax = next((each for each in _DECODERS if each == header.transfer_syntax), None)
    if syntax is None:
        raise Undecodable(f"{_name(header)} is not read; save it uncompressed")
    plugin, package = _DECODERS[syntax]
    if plugin not in get_decoder(syntax).available_plugins:
        raise Undecodable(
            f"{_name(header)} needs the package {package}; install it with: pip install {package}"
        )
    return _encapsulated(header, layout, plugin)


def _name(header: Header) -> str:
    """A registered transfer syntax by its name; others may be anything, so they are not shown."""
    # Unless told to ignore it, pydicom prints what is no UID in a warning.
    registered = uid.UID(header.transfer_syntax, config.IGNORE)
    return str(registered.name) if registered.name != registered else "its private transfer syntax"


def _native(header: Header, layout: Layout) -> StoredValues:
    length, needed = header.pixels_length, layout.bytes
    if length is None:
        raise Undecodable("its pixel data is in fragments, though it says that it is uncompressed")
    if length not in (needed, needed + needed % 2):
        raise Undecodable(
            f"its pixel data has {length} bytes, and {layout.columns} x {layout.rows} pixels "
            f"of {layout.bits_allocated} bits take {needed}"
        )
    end = header.pixels_at + length
    if end > len(header.data_set):
        raise Undecodable("its pixel data is cut short")
    value = memoryview(header.data_set)[header.pixels_at : end]
    swapped = (
        header.transfer_syntax == uid.ExplicitVRBigEndian
        and layout.bits_allocated == 8
        and header.pixels_vr == "OW"
    )
    if swapped:  # PS3.5 8.2: OW is made of 16-bit words, here with the first pixel in the low byte
        value = memoryview(np.frombuffer(value, np.uint16).byteswap()).cast("B")
    order = ">" if header.transfer_syntax == uid.ExplicitVRBigEndian else "<"
    kind = "i" if layout.signed else "u"
    samples = np.frombuffer(
        value, f"{order}{kind}{layout.bits_allocated // 8}", layout.rows * layout.columns
    )
    return samples.reshape(layout.rows, layout.columns)


def _encapsulated(header: Header, layout: Layout, plugin: str) -> StoredValues:
    frame = _frame(header, 2 * layout.bytes)
    allocated, precision = layout.bits_allocated, layout.bits_stored
    if header.transfer_syntax == uid.RLELossless:
        _check_rle(frame, layout)
    else:
        frame, codestream = _looked_at(frame, header.transfer_syntax)
        _check_codestream(codestream, layout, header)
        precision = codestream.precision
        allocated = 8 if precision <= 8 else 16
    options: dict[str, Any] = {
        "rows": layout.rows,
        "columns": layout.columns,
        "number_of_frames": 1,
        "samples_per_pixel": 1,
        "photometric_interpretation": layout.photometric,
        "bits_allocated": allocated,
        "bits_stored": precision,
        "pixel_representation": int(layout.signed),
        "pixel_keyword": "PixelData",
        "correct_unused_bits": False,  # `dicom_values` does not look at them
    }
    item = struct.pack("<HHL", *_ITEM, len(frame))
    encapsulated = b"".join((_NO_OFFSETS, item, frame))
    samples = _decoded(header, encapsulated, plugin, options)
    if precision > layout.bits_stored and header.transfer_syntax not in _LOSSLESS_JPEG:
        # A lossy codec of more bits than the image has can overshoot; white must not turn black.
        np.clip(samples, layout.least, layout.most, out=samples)
    return samples


def _check_rle(frame: bytes, layout: Layout) -> None:
    segments = int.from_bytes(frame[:4], "little")
    if segments != layout.bits_allocated // 8:  # PS3.5 G.2: one for each byte of a sample
        raise Undecodable(f"its RLE Lossless data is damaged ({segments} segments)")


def _looked_at(frame: bytes, transfer_syntax: str) -> tuple[bytes, Codestream]:
    if transfer_syntax in _LOSSLESS_JPEG:
        return rewrite_lossless_jpeg(frame)
    if transfer_syntax in uid.JPEG2000TransferSyntaxes:
        return read_jpeg_2000(frame)
    return frame, read_jpeg(frame)


def _decoded(
    header: Header, encapsulated: bytes, plugin: str, options: dict[str, Any]
) -> StoredValues:
    decoder = get_decoder(uid.UID(header.transfer_syntax))
    try:
        samples: StoredValues
        samples, _ = decoder.as_array(
            encapsulated, index=0, validate=False, raw=True, decoding_plugin=plugin, **options
        )
    except BaseException as error:
        # A panic of a decoder written in Rust is no Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        detail = " ".join(str(error).split(f"{plugin}: ")[-1].split())[:200]
        raise Undecodable(
            f"its {_name(header)} data is damaged or cut short ({detail or type(error).__name__})"
        ) from error
    return samples


def _check_codestream(codestream: Codestream, layout: Layout, header: Header) -> None:
    if (codestream.rows, codestream.columns) != (layout.rows, layout.columns):
        raise Undecodable(
            f"its codestream has {codestream.columns} x {codestream.rows} pixels, "
            f"and its header says {layout.columns} x {layout.rows}"
        )
    if codestream.components != 1:
        raise Undecodable(f"its codestream is in colour ({codestream.components} components)")
    if codestream.precision > 16:
        raise Undecodable(f"its codestream has samples of {codestream.precision} bits, over 16")
    if header.transfer_syntax == uid.JPEGExtended12Bit and codestream.precision != 8:
        raise Undecodable(
            f"JPEG Extended of {codestream.precision} bits is not read, for want of a decoder "
            "under a permissive licence; save it uncompressed"
        )


def _frame(header: Header, most: int) -> bytes:
    """The fragments of the only frame, joined, of at most that many bytes (PS3.5 A.4)."""
    place = header.pixels_at
    content = memoryview(header.data_set)
    fragments: list[memoryview] = []
    try:
        while True:
            group, element, length = struct.unpack_from("<HHL", content, place)
            place += 8
            if (group, element) == _DELIMITER:
                break
            if (group, element) != _ITEM or place + length > len(content):
                raise Undecodable("its encapsulated pixel data is damaged or cut short")
            fragments.append(content[place : place + length])
            place += length
            if len(fragments) > MOST_FRAGMENTS or place - header.pixels_at > most:
                raise Undecodable("its compressed pixel data is more than twice the image")
    except struct.error as error:
        raise Undecodable("its encapsulated pixel data is cut short") from error
    if len(fragments) < 2 or len(fragments[0]) > 4:
        # The first item is the offset table: empty, or four bytes for each frame.
        raise Undecodable("its encapsulated pixel data has no frame, or more than one")
    return b"".join(fragments[1:])
