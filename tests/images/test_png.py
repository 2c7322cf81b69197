"""Chunks of a PNG that its image does not need keep it from nothing."""

import struct
import zlib

import numpy as np
import pytest

from lungscope.images import png
from raster_files import RAMP8, encoded

PNG = encoded(RAMP8, format="PNG")
EXPECTED = np.float32(RAMP8 / 255)


def chunk(name, data, checksum=None):
    checksum = zlib.crc32(name + data) if checksum is None else checksum
    return struct.pack(">L", len(data)) + name + data + struct.pack(">L", checksum)


def with_chunk(made, place=33):
    """The PNG with a chunk after its header."""
    return PNG[:place] + made + PNG[place:]


LARGE = zlib.compress(bytes(3_000_000))


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"zTXt", b"Comment\0\0" + LARGE),
        chunk(b"iTXt", b"Comment\0\1\0\0\0" + LARGE),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + LARGE),
        chunk(b"tEXt", b"Comment\0" + bytes(70_000_000)),
        chunk(b"iCCP", b"profile\0\0" + LARGE),
        chunk(b"iCCP", b"profile\0\0no zlib"),
        chunk(b"iCCP", b"profile\0\7" + LARGE),
        chunk(b"tEXt", b"", checksum=0),
        chunk(b"eXIf", bytes(2_000_000)),
        chunk(b"pHYs", b"\0"),
        chunk(b"gAMA", b""),
    ],
    ids=lambda made: f"{made[4:8].decode()} {len(made)}",
)
def test_an_odd_chunk_that_no_pixel_depends_on_is_left(read, extra):
    np.testing.assert_array_equal(read(with_chunk(extra)).pixels, EXPECTED)


def test_an_unneeded_chunk_does_not_hide_damage(refusal):
    spoilt = bytearray(with_chunk(chunk(b"zTXt", b"Comment\0\0" + LARGE)))
    spoilt[-30] ^= 1
    assert refusal(bytes(spoilt)).startswith("the PNG data is damaged or cut short")


def test_a_file_of_needed_chunks_alone_is_not_copied():
    assert png.needed_chunks(PNG) is PNG


def test_endless_empty_chunks_are_refused(refusal):
    flood = chunk(b"tEXt", b"") * (png.MOST_CHUNKS + 1)
    assert refusal(with_chunk(flood)) == "it holds more than 100000 chunks, which no image needs"


def test_a_second_header_is_refused_for_depth_and_samples_would_not_fit(refusal):
    header = struct.pack(">IIBBBBB", 90, 70, 16, 0, 0, 0, 0)
    assert "begin with its one header" in refusal(with_chunk(chunk(b"IHDR", header)))


def test_a_damaged_length_is_pillows_business(refusal):
    assert refusal(with_chunk(b"\xff\xff\xff\xfftEXt")).startswith("the PNG data is damaged")
