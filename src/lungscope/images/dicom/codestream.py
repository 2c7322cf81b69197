"""What a JPEG or JPEG-LS codestream says about itself, read before it is decoded.

A decoder makes room for what the codestream claims, whatever the DICOM header says. And GDCM, the
only decoder of lossless JPEG under a permissive licence, ends the whole process over a codestream
that is odd before its first scan: it is given one that is rewritten from the parts it needs.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from lungscope.images.raster import Undecodable

_START, _END = b"\xff\xd8", b"\xff\xd9"
_FRAME_HEADERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15, and JPEG-LS
_LOSSLESS, _HUFFMAN_TABLES, _RESTART_INTERVAL, _SCAN = 0xC3, 0xC4, 0xDD, 0xDA
_FRAME_HEADER_LENGTH = 11  # of one component
_SCAN_HEADER = re.compile(rb"\0\x08\x01.[\0-\x30][\x01-\x07]\0[\0-\x0f]", re.DOTALL)
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)  # neither stuffing nor a restart
_FILL = 0xFF


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
    if _END not in frame[-16:]:  # zeros to an even length follow it
        raise Undecodable("its JPEG data is cut short (the end marker is missing)")
    for marker, place, length in _segments(frame):
        if marker in _FRAME_HEADERS:
            return _frame_header(frame, place, length)
    raise Undecodable("its JPEG data is damaged (it has no frame header)")


def rewrite_lossless_jpeg(frame: bytes) -> tuple[bytes, Codestream]:
    """Rewrites lossless JPEG of one component from its necessary segments alone.

    Returns:
        The codestream, and its frame header.

    Raises:
        Undecodable: a segment is missing, malformed or there twice, or a marker stands in the scan.
    """
    parts, header = [_START], None
    for marker, place, length in _segments(frame):
        segment = frame[place - 2 : place + length]
        if marker == _LOSSLESS and length == _FRAME_HEADER_LENGTH and header is None:
            header = _frame_header(frame, place, length)
            if not 8 <= header.precision <= 16:  # GDCM cannot do with fewer
                break
            parts.append(segment)
        elif marker in (_HUFFMAN_TABLES, _RESTART_INTERVAL):
            parts.append(segment)
        elif marker in _FRAME_HEADERS:
            break
        elif marker == _SCAN:
            end = _MARKER.search(frame, place + length)
            if not _SCAN_HEADER.fullmatch(segment[2:]) or header is None:
                break
            if end is None or end[1] != _END[1:]:
                raise Undecodable("its JPEG data is damaged or cut short (within the scan)")
            parts += [segment, frame[place + length : end.start()], _END]
            return b"".join(parts), header
    raise Undecodable("its JPEG data is damaged, or not lossless JPEG of 8 to 16-bit grey")


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


def _frame_header(frame: bytes, place: int, length: int) -> Codestream:
    if length < _FRAME_HEADER_LENGTH - 3 or len(frame) < place + length:
        raise Undecodable("its JPEG data is damaged (in its frame header)")
    precision, rows, columns, components = struct.unpack_from(">BHHB", frame, place + 2)
    return Codestream(rows, columns, components, precision)
