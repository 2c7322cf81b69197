"""Decode the stored values of a DICOM image, within limits.

A decoder is given a frame only after its size is known from both the header and the codestream.
Which decoder reads which transfer syntax is said in `transfer_syntaxes`.
"""

import struct
from typing import Any

import numpy as np
from pydicom import config, uid
from pydicom.pixels.decoders.base import get_decoder

from lungscope.images.codestream import Codestream
from lungscope.images.dicom.header import Header
from lungscope.images.dicom.layout import Layout
from lungscope.images.dicom.transfer_syntaxes import TRANSFER_SYNTAXES, StoredValues, TransferSyntax
from lungscope.images.undecodable import Undecodable

MOST_FRAGMENTS = 10_000
"""Pieces of one compressed image; one is usual."""

_ITEM, _DELIMITER = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
_NO_OFFSETS = struct.pack("<HHL", *_ITEM, 0)  # an empty Basic Offset Table


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
    syntax = TRANSFER_SYNTAXES.get(header.transfer_syntax)
    if syntax is None:
        raise Undecodable(f"{_name(header)} is not read; save it uncompressed")
    if not syntax.encapsulated:
        return _native(header, layout)
    if syntax.plugin and syntax.plugin not in get_decoder(uid.UID(syntax.uid)).available_plugins:
        raise Undecodable(
            f"{syntax.name} needs the package {syntax.package}; install it with: "
            f"pip install {syntax.package}"
        )
    return _encapsulated(header, layout, syntax)


def _name(header: Header) -> str:
    """A registered transfer syntax by its name; others may be anything, so they are not shown."""
    # Unless set to ignore it, pydicom prints what is no UID in a warning.
    registered = uid.UID(header.transfer_syntax, config.IGNORE)
    return str(registered.name) if registered.name != registered else "its private transfer syntax"


def _native(header: Header, layout: Layout) -> StoredValues:
    length, needed = header.pixels_length, layout.bytes
    if length is None:
        raise Undecodable("its pixel data is in fragments, though it says that it is uncompressed")
    # PS3.5 8.1.1: padding may follow. As much again as the image is no padding.
    if not needed <= length < 2 * needed:
        raise Undecodable(
            f"its pixel data has {length} bytes, and {layout.columns} x {layout.rows} pixels "
            f"of {layout.bits_allocated} bits take {needed}"
        )
    if header.pixels_at + length > len(header.data_set):
        raise Undecodable("its pixel data is cut short")
    end = header.pixels_at + min(length, needed + needed % 2)
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


def _encapsulated(header: Header, layout: Layout, syntax: TransferSyntax) -> StoredValues:
    assert syntax.inspect is not None  # noqa: S101 - `encapsulated` says so
    frame, codestream = syntax.inspect(_frame(header, 2 * layout.bytes), layout)
    if codestream is not None:
        _check_codestream(codestream, layout)
    precision = layout.bits_stored if codestream is None else codestream.precision
    try:
        samples = (
            _by_pydicom(frame, layout, syntax, codestream)
            if syntax.decode is None
            else syntax.decode(frame, layout)
        )
    except Undecodable:
        raise
    except Exception as error:
        detail = " ".join(str(error).split(f"{syntax.plugin or syntax.name}: ")[-1].split())[:200]
        reason = f" ({detail})" if detail else ""
        raise Undecodable(f"its {syntax.name} data is damaged or cut short{reason}") from error
    if samples.shape != (layout.rows, layout.columns):
        raise Undecodable(f"its {syntax.name} data is damaged (it has another number of pixels)")
    if precision > layout.bits_stored and not syntax.lossless:
        return _without_overshoot(samples, layout)
    return samples


def _without_overshoot(samples: StoredValues, layout: Layout) -> StoredValues:
    """A lossy codec of more bits than the image has can overshoot; white must not turn black.

    What lies far above white is no overshoot: bits above the stored ones are set, and these mean
    nothing (PS3.5 8.1.1).
    """
    if samples.max() > layout.most + (layout.most - layout.least) // 2:
        return samples
    return np.clip(samples, layout.least, layout.most)


def _by_pydicom(
    frame: bytes, layout: Layout, syntax: TransferSyntax, codestream: Codestream | None
) -> StoredValues:
    allocated, precision = layout.bits_allocated, layout.bits_stored
    if codestream is not None:
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
        "correct_unused_bits": False,  # `values` does not look at them
    }
    item = struct.pack("<HHL", *_ITEM, len(frame))
    samples: StoredValues
    samples, _ = get_decoder(uid.UID(syntax.uid)).as_array(
        b"".join((_NO_OFFSETS, item, frame)),
        index=0,
        validate=False,
        raw=True,
        decoding_plugin=syntax.plugin,
        **options,
    )
    return samples


def _check_codestream(codestream: Codestream, layout: Layout) -> None:
    if (codestream.rows, codestream.columns) != (layout.rows, layout.columns):
        raise Undecodable(
            f"its codestream has {codestream.columns} x {codestream.rows} pixels, "
            f"and its header says {layout.columns} x {layout.rows}"
        )
    if codestream.components != 1:
        raise Undecodable(f"its codestream is in colour ({codestream.components} components)")
    if codestream.precision > layout.bits_allocated:
        raise Undecodable(
            f"its codestream has samples of {codestream.precision} bits, "
            f"and its header has cells of {layout.bits_allocated}"
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
