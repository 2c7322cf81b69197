"""Unpack the strips or tiles of a TIFF, so that Pillow is given raw samples.

Left to itself Pillow has libtiff unpack them, which writes to standard error what is wrong with a
file, passes over some of it, and drops libjpeg's warnings. Tags are still Pillow's to read.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    COLORMAP,
    COMPRESSION,
    EXTRASAMPLES,
    FILLORDER,
    IMAGELENGTH,
    IMAGEWIDTH,
    JPEGTABLES,
    PHOTOMETRIC_INTERPRETATION,
    PLANAR_CONFIGURATION,
    PREDICTOR,
    ROWSPERSTRIP,
    SAMPLEFORMAT,
    SAMPLESPERPIXEL,
    STRIPBYTECOUNTS,
    STRIPOFFSETS,
    TILEBYTECOUNTS,
    TILELENGTH,
    TILEOFFSETS,
    TILEWIDTH,
    ImageFileDirectory_v2,
    TiffImageFile,
)

from lungscope.images.codestream import read_jpeg
from lungscope.images.jpeg import COLOURS_BY_COMPONENTS, decode_jpeg
from lungscope.images.undecodable import Undecodable

MOST_BITS = 32
"""Bits of one pixel: four samples of 8, or a float."""

_RAW, _OLD_JPEG, _JPEG = 1, 6, 7
_YCBCR, _RGB = 6, 2
_SEPARATE = 2
_FLOAT = 3
_HEADER = 8  # bytes
_BIG = 43  # the number by which BigTIFF is known
_ORIENTATION = 274
_KEPT = (
    *(IMAGEWIDTH, IMAGELENGTH, BITSPERSAMPLE, PHOTOMETRIC_INTERPRETATION, SAMPLESPERPIXEL),
    *(PLANAR_CONFIGURATION, COLORMAP, EXTRASAMPLES, SAMPLEFORMAT, _ORIENTATION),
)
_DAMAGED = "the TIFF data is damaged or cut short"
_MISSING = f"{_DAMAGED} (strips or tiles are missing)"
_ADOBE = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0"  # a marker segment up to the colour transform


@dataclass(frozen=True)
class _Layout:
    """How samples are divided into strips or tiles.

    Attributes:
        across, down: numbers of parts.
        width, height: of a part; of the last strip less.
        rows, columns: of the whole image.
        planes: sets of parts, one a band where bands are stored one after the other.
        samples: of a pixel in a part.
        bits: of a sample.
        tiled: whether the last parts are as large as the others.
    """

    across: int
    down: int
    width: int
    height: int
    rows: int
    columns: int
    planes: int
    samples: int
    bits: int
    tiled: bool

    def places(self) -> Iterator[tuple[int, int, int, int]]:
        """The plane, top row, leftmost byte and height of each part, in the order in the file."""
        for plane in range(self.planes):
            for top in range(0, self.rows, self.height):
                height = self.height if self.tiled else min(self.height, self.rows - top)
                for column in range(self.across):
                    yield plane, top, column * self.row_bytes, height

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of a part."""
        return -(-self.width * self.samples * self.bits // 8)

    @property
    def image_row_bytes(self) -> int:
        """Bytes of a row of the image."""
        return -(-self.columns * self.samples * self.bits // 8)


def unpack(image: TiffImageFile, content: bytes, most_pixels: int) -> bytes:
    """Unpacks a TIFF.

    Args:
        image: the open file, of a size that is accepted.
        content: of the file.
        most_pixels: that all parts together may have.

    Returns:
        A TIFF of one image with the same samples, uncompressed; `content` where it is that already.

    Raises:
        Undecodable: damaged, or packed in a way that is not read.
    """
    tags = image.tag_v2
    _check_directory(content, tags.prefix)
    compression = tags.get(COMPRESSION, _RAW)
    if compression == _RAW:
        return content
    if compression == _OLD_JPEG:
        raise Undecodable("old-style JPEG in TIFF is not read; save it as PNG")
    if compression != _JPEG and compression not in _UNPACKERS:
        raise Undecodable(f"the TIFF's compression {compression} is not read; save it as PNG")
    if tags.get(FILLORDER, 1) != 1:
        raise Undecodable("compressed TIFF with reversed bits is not read; save it as PNG")
    if compression != _JPEG and tags.get(PHOTOMETRIC_INTERPRETATION) == _YCBCR:
        raise Undecodable("YCbCr in TIFF is read as JPEG only; save it as PNG")
    layout = _layout(tags)
    if layout.across * layout.down * layout.width * layout.height > most_pixels:
        raise Undecodable(f"{_DAMAGED} (its strips or tiles are too large)")
    whole = np.empty((layout.planes, layout.rows, layout.image_row_bytes), np.uint8)
    for packed, (plane, top, left, height) in zip(
        _packed(tags, content, layout), layout.places(), strict=True
    ):
        part = _part(packed, height, layout, tags)
        room = whole[plane, top : top + height, left : left + layout.row_bytes]
        room[:] = part[: room.shape[0], : room.shape[1]]
    return _written(tags, layout, whole)


def _check_directory(content: bytes, prefix: bytes) -> None:
    """Looks whether the first directory is whole; Pillow takes of one that is cut what is there."""
    order = "<" if prefix == b"II" else ">"
    big = content[2 if order == "<" else 3] == _BIG
    (place,) = struct.unpack_from(f"{order}{'Q' if big else 'L'}", content, 8 if big else 4)
    (count,) = struct.unpack_from(f"{order}{'Q' if big else 'H'}", content, place)
    if place + (8 + 20 * count if big else 2 + 12 * count) > len(content):
        raise Undecodable(f"{_DAMAGED} (in its directory)")


def _layout(tags: ImageFileDirectory_v2) -> _Layout:
    width, rows = int(tags[IMAGEWIDTH]), int(tags[IMAGELENGTH])
    tiled = TILEWIDTH in tags and STRIPOFFSETS not in tags
    across, down = (
        (int(tags[TILEWIDTH]), int(tags[TILELENGTH]))
        if tiled
        else (width, min(int(tags.get(ROWSPERSTRIP, rows)), rows))
    )
    if min(across, down) < 1:
        raise Undecodable(f"{_DAMAGED} (in the size of its strips or tiles)")
    depths = set(tags.get(BITSPERSAMPLE, (1,)))
    samples = int(tags.get(SAMPLESPERPIXEL, 1))
    if len(depths) != 1 or not 1 <= samples * min(depths) <= MOST_BITS:
        raise Undecodable(f"the TIFF's {samples} samples of different or many bits are not read")
    if tiled and across * min(depths) % 8:  # tiles are as wide as a multiple of 16 pixels
        raise Undecodable(f"{_DAMAGED} (in the size of its strips or tiles)")
    separate = tags.get(PLANAR_CONFIGURATION) == _SEPARATE
    return _Layout(
        across=-(-width // across),
        down=-(-rows // down),
        width=across,
        height=down,
        rows=rows,
        columns=width,
        planes=samples if separate else 1,
        samples=1 if separate else samples,
        bits=int(min(depths)),
        tiled=tiled,
    )


def _packed(tags: ImageFileDirectory_v2, content: bytes, layout: _Layout) -> list[bytes]:
    offsets = tags.get(TILEOFFSETS if layout.tiled else STRIPOFFSETS, ())
    lengths = tags.get(TILEBYTECOUNTS if layout.tiled else STRIPBYTECOUNTS, ())
    count = layout.across * layout.down * layout.planes
    if len(offsets) < count or len(lengths) < count:
        raise Undecodable(_MISSING)
    return [
        content[place : place + length]
        for place, length in zip(offsets[:count], lengths[:count], strict=True)
    ]


def _part(
    packed: bytes, height: int, layout: _Layout, tags: ImageFileDirectory_v2
) -> NDArray[np.uint8]:
    """A part as (rows, bytes of a row)."""
    if tags[COMPRESSION] == _JPEG:
        return _jpeg_part(packed, height, layout, tags)
    size = height * layout.row_bytes
    try:
        samples = _UNPACKERS[tags[COMPRESSION]](packed, size)
    except (zlib.error, RuntimeError, ValueError) as error:
        raise Undecodable(_DAMAGED) from error
    if len(samples) < size:
        raise Undecodable(_DAMAGED)
    rows = np.frombuffer(samples, np.uint8, size).reshape(height, layout.row_bytes)
    return _unpredicted(rows, layout, tags)


def _unpredicted(
    rows: NDArray[np.uint8], layout: _Layout, tags: ImageFileDirectory_v2
) -> NDArray[np.uint8]:
    predictor = tags.get(PREDICTOR, 1)
    if predictor == 1:
        return rows
    if predictor not in (2, _FLOAT) or layout.bits not in (8, 16, 32):
        raise Undecodable(f"the TIFF's predictor {predictor} is not read; save it as PNG")
    if predictor == _FLOAT and layout.bits != MOST_BITS:
        raise Undecodable(f"{_DAMAGED} (a predictor of floats on other samples)")
    order = "<" if tags.prefix == b"II" else ">"
    kind = "f" if predictor == _FLOAT else "u"
    samples = rows.view(f"{order}{kind}{layout.bits // 8}")
    samples = samples.reshape(len(rows), layout.width, layout.samples)
    decode = imagecodecs.floatpred_decode if predictor == _FLOAT else imagecodecs.delta_decode
    whole: NDArray[np.uint8] = decode(samples, axis=-2).reshape(len(rows), -1).view(np.uint8)
    return whole


def _jpeg_part(
    packed: bytes, height: int, layout: _Layout, tags: ImageFileDirectory_v2
) -> NDArray[np.uint8]:
    # The tables that all parts share are a codestream of their own, between its two markers.
    tables = bytes(tags.get(JPEGTABLES, b""))[2:-2]
    transform = int(tags.get(PHOTOMETRIC_INTERPRETATION) == _YCBCR)
    codestream = b"".join((packed[:2], _ADOBE, bytes([transform]), tables, packed[2:]))
    header = read_jpeg(codestream)
    if header.components not in COLOURS_BY_COMPONENTS:
        raise Undecodable(f"JPEG of {header.components} components is not read; save it as PNG")
    if (
        header.columns != layout.width
        or not height <= header.rows <= layout.height
        or header.components != layout.samples
        or layout.bits != 8
    ):
        raise Undecodable(f"{_DAMAGED} (its JPEG data has another size than the TIFF says)")
    samples = decode_jpeg(codestream, COLOURS_BY_COMPONENTS[header.components])
    return samples.reshape(header.rows, -1)


def _written(tags: ImageFileDirectory_v2, layout: _Layout, whole: NDArray[np.uint8]) -> bytes:
    directory = ImageFileDirectory_v2(prefix=tags.prefix)
    for tag in _KEPT:
        if tag in tags:
            directory[tag] = tags[tag]
    directory[COMPRESSION] = _RAW
    if tags[COMPRESSION] == _JPEG and tags.get(PHOTOMETRIC_INTERPRETATION) == _YCBCR:
        directory[PHOTOMETRIC_INTERPRETATION] = _RGB
    size = whole[0].nbytes
    directory[ROWSPERSTRIP] = layout.rows
    # Pillow counts these from the end of the directory
    directory[STRIPOFFSETS] = tuple(size * plane for plane in range(layout.planes))
    directory[STRIPBYTECOUNTS] = (size,) * layout.planes
    order: Literal["little", "big"] = "little" if tags.prefix == b"II" else "big"
    head = tags.prefix + (42).to_bytes(2, order) + _HEADER.to_bytes(4, order)
    return b"".join((head, directory.tobytes(_HEADER), whole.data))


def _inflated(packed: bytes, size: int) -> bytes:
    # one byte more, so that the checksum at the end is looked at
    return zlib.decompressobj().decompress(packed, size + 1)


def _by_codec(decode: Callable[..., Any], slack: int = 0) -> Callable[[bytes, int], Any]:
    return lambda packed, size: decode(packed, out=bytearray(size + slack))


_UNPACKERS: dict[int, Callable[[bytes, int], bytes | bytearray | memoryview]] = {
    5: _by_codec(imagecodecs.lzw_decode),
    8: _inflated,
    32946: _inflated,
    # a run may go beyond the end, by at most 127 bytes
    32773: _by_codec(imagecodecs.packbits_decode, 127),
    50000: _by_codec(imagecodecs.zstd_decode),
}
"""By TIFF's number of a compression; called with a packed part and its size when unpacked."""
