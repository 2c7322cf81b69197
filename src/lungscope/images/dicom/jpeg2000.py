"""What a JPEG 2000 codestream asks of its decoder, held to limits before it is decoded.

A few kilobytes of it can ask for gigabytes and minutes: by tiles, precincts or code-blocks of a few
pixels each, for every one of which OpenJPEG makes room before it looks for any data. Section
numbers are of ITU-T T.800.
"""

import struct
from collections.abc import Iterator

from lungscope.images.codestream import Codestream
from lungscope.images.undecodable import Undecodable

MOST_TILES = 10_000
"""Tiles of an image; one is usual, and 64 x 64 pixels about the smallest in use."""

MOST_LAYERS = 256
"""Quality layers; one is usual in radiography."""

LEAST_BLOCK_EXPONENT = 8
"""log2 of the samples of a code-block; 64 x 64, that is 12, is usual."""

MOST_PRECINCTS = 100_000
"""Precincts of a tile, over all resolutions, each of which costs about 1.5 KB. One a resolution is
usual; 64 x 64 samples, the smallest in use, in six resolutions of a whole image make 53,000."""

_START = b"\xff\x4f\xff\x51"  # SOC and SIZ
_SIZE, _CODING, _COMPONENT_CODING = 0xFF51, 0xFF52, 0xFF53
_TILE_PART, _DATA, _END = 0xFF90, 0xFF93, 0xFFD9
_TILE_PART_HEADER = 12


def read_jpeg_2000(frame: bytes) -> tuple[bytes, Codestream]:
    """Finds a JPEG 2000 codestream, bare or in a JP2 file, and looks through its headers.

    A JP2 file is against PS3.5 A.4.4, and found all the same.

    Returns:
        The bare codestream, so that what is decoded is what was looked at; and its size.

    Raises:
        Undecodable: there is none, it is cut short, malformed, or over one of the limits above.
    """
    start = frame.find(_START)
    if start < 0:
        raise Undecodable("its pixel data is no JPEG 2000")
    frame = frame[start:]
    try:
        codestream, tile = _size(frame)
        place = _check_header(frame, 2, _TILE_PART, tile)
        while place < len(frame) and _u16(frame, place) == _TILE_PART:
            (length,) = struct.unpack_from(">L", frame, place + 6)
            data = _check_header(frame, place + _TILE_PART_HEADER, _DATA, tile)
            if length == 0:  # A.4.2: up to the end; there can be no further tile-part
                break
            if place + length < data:
                raise Undecodable("its JPEG 2000 data is damaged (in a tile-part header)")
            place += length
    except (struct.error, IndexError) as error:
        raise Undecodable("its JPEG 2000 data is cut short") from error
    return frame, codestream


def _size(frame: bytes) -> tuple[Codestream, tuple[int, int]]:
    """SIZ, A.5.1: the image's, and the width and height of its largest tile."""
    right, bottom, left, top, *tile = struct.unpack_from(">8L", frame, 8)
    components, precision = struct.unpack_from(">HB", frame, 40)
    width, height, x, y = tile
    if min(width, height) == 0 or left < x or top < y:
        raise Undecodable("its JPEG 2000 data is damaged (in its tile size)")
    if -(-(right - x) // width) * -(-(bottom - y) // height) > MOST_TILES:
        raise Undecodable(f"its JPEG 2000 data has more than {MOST_TILES} tiles")
    codestream = Codestream(bottom - top, right - left, components, (precision & 0x7F) + 1)
    return codestream, (min(width, right - x), min(height, bottom - y))


def _check_header(frame: bytes, place: int, end: int, tile: tuple[int, int]) -> int:
    """Looks through the marker segments from a place to a marker, and says where that stands."""
    for marker, segment in _segments(frame, place, end):
        if marker == _CODING:  # A.6.1
            (layers,) = struct.unpack_from(">H", segment, 2)
            if layers > MOST_LAYERS:
                raise Undecodable(f"its JPEG 2000 data has more than {MOST_LAYERS} layers")
            _check_coding(segment[0], segment[5:], tile)
        elif marker == _COMPONENT_CODING:  # A.6.2, of less than 257 components
            _check_coding(segment[1], segment[2:], tile)
        place += 4 + len(segment)
    return place


def _check_coding(style: int, parameters: bytes, tile: tuple[int, int]) -> None:
    """SPcod and SPcoc, tables A.15 and A.20."""
    levels, block_width, block_height = parameters[:3]
    if (block_width & 15) + (block_height & 15) + 4 < LEAST_BLOCK_EXPONENT:
        raise Undecodable("its JPEG 2000 data is in code-blocks of a few pixels")
    exponents = parameters[5 : 6 + levels] if style & 1 else b""
    precincts = 0
    for level, exponent in enumerate(exponents):  # from the coarsest resolution to the finest
        across, down = (
            -(-side >> (levels - level + shift))  # rounded up
            for side, shift in zip(tile, (exponent & 15, exponent >> 4), strict=True)
        )
        precincts += across * down
    if precincts > MOST_PRECINCTS:
        raise Undecodable(f"its JPEG 2000 data has more than {MOST_PRECINCTS} precincts")


def _segments(frame: bytes, place: int, end: int) -> Iterator[tuple[int, bytes]]:
    while (marker := _u16(frame, place)) != end:
        length = _u16(frame, place + 2)
        if not _SIZE - 1 <= marker < _END or length < 2 or place + 2 + length > len(frame):
            raise Undecodable("its JPEG 2000 data is damaged (in a header)")
        yield marker, frame[place + 4 : place + 2 + length]
        place += 2 + length


def _u16(frame: bytes, place: int) -> int:
    (value,) = struct.unpack_from(">H", frame, place)
    return int(value)
