"""What a JPEG or JPEG-LS codestream says about itself, read before it is decoded.

A decoder makes room for what the codestream claims, whatever the file around it says.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from lungscope.images.undecodable import Undecodable

_START, _END = b"\xff\xd8", b"\xff\xd9"
_FRAME_HEADERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15, and JPEG-LS
_SEQUENTIAL = {0xC0, 0xC1}
_SCAN, _APP0, _APP14 = 0xDA, 0xE0, 0xEE
_FILL = 0xFF
_LEAST_FRAME_HEADER = 8  # bytes, up to the number of components


@dataclass(frozen=True)
class Codestream:
    """The frame header of a codestream.

    Attributes:
        rows, columns: pixels.
        components: samples of one pixel.
        precision: bits of one sample.
    """

    rows: int
    columns: int
    components: int
    precision: int


def read_jpeg(frame: bytes) -> Codestream:
    """Reads the frame header of JPEG (ITU-T T.81, B.2.2) or JPEG-LS (ITU-T T.87, C.2.2).

    Raises:
        Undecodable: there is none, or the codestream has no end.
    """
    if _END not in frame:  # within a scan it cannot occur; anything may follow it
        raise Undecodable("its JPEG data is cut short (the end marker is missing)")
    precision, rows, columns, components = struct.unpack_from(">BHHB", frame, _frame_header(frame))
    return Codestream(rows, columns, components, precision)


def with_precision(frame: bytes, bits: int) -> bytes:
    """A JPEG codestream whose frame header says another number of bits of one sample.

    Raises:
        Undecodable: it has no frame header.
    """
    place = _frame_header(frame)
    return b"".join((frame[:place], bytes([bits]), frame[place + 1 :]))


def with_usual_headers(frame: bytes) -> bytes:
    """A JPEG codestream without what libjpeg warns of in headers, though no sample depends on it.

    These are a version of JFIF that it does not know, a colour transform of Adobe's that it does
    not know (it assumes the usual one), and parameters of progression in a sequential scan.
    """
    mended = bytearray(frame)
    components = read_jpeg(frame).components
    sequential = False
    for marker, place, length in _segments(frame):
        if marker in _SEQUENTIAL:
            sequential = True
        elif marker == _APP0 and frame.startswith(b"JFIF\0", place + 2):
            mended[place + 7] = 1
        elif marker == _APP14 and frame.startswith(b"Adobe", place + 2) and length > 13:
            if frame[place + 13] > 2:
                mended[place + 13] = 1 if components == 3 else 2
        elif marker == _SCAN and sequential:
            mended[place + length - 3 : place + length] = b"\0\x3f\0"
    return bytes(mended)


def _frame_header(frame: bytes) -> int:
    """Where the frame header has the number of bits of one sample."""
    for marker, place, length in _segments(frame):
        if marker in _FRAME_HEADERS:
            if length < _LEAST_FRAME_HEADER or len(frame) < place + length:
                raise Undecodable("its JPEG data is damaged (in its frame header)")
            return place + 2
    raise Undecodable("its JPEG data is damaged (it has no frame header)")


def _segments(frame: bytes) -> Iterator[tuple[int, int, int]]:
    """The marker, the place after it and the length of each segment up to the first scan's."""
    if not frame.startswith(_START):
        raise Undecodable("its pixel data is no JPEG")
    place = len(_START)
    marker = None
    while marker != _SCAN:
        while frame[place : place + 2] == b"\xff\xff":
            place += 1
        if len(frame) < place + 4 or frame[place] != _FILL:
            return
        marker = frame[place + 1]
        (length,) = struct.unpack_from(">H", frame, place + 2)
        yield marker, place + 2, length
        place += 2 + length
