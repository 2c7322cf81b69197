"""Image files written for the tests: by Pillow, or by hand where Pillow does not write them."""

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image
from PIL import __version__ as pillow_version

PILLOW = int(pillow_version.split(".")[0])
ROWS, COLUMNS = 70, 90
RAMP8 = (np.add.outer(np.arange(ROWS) * 2, np.arange(COLUMNS)) % 256).astype(np.uint8)
RAMP16 = np.add.outer(np.arange(ROWS) * 700, np.arange(COLUMNS) * 181).astype(np.uint16)
COLOUR = np.stack([RAMP8, RAMP8[::-1], RAMP8[:, ::-1]], axis=-1)
NOISE = np.random.default_rng(1).integers(0, 256, COLOUR.shape, np.uint8)
ALPHA = np.broadcast_to(np.linspace(0, 255, COLUMNS).astype(np.uint8), RAMP8.shape)

# One encoder a format, and one more for each decoder that a TIFF can take.
ENCODINGS = {
    "png": {"format": "PNG"},
    "jpg": {"format": "JPEG"},
    "tif": {"format": "TIFF"},
    "deflate.tif": {"format": "TIFF", "compression": "tiff_adobe_deflate"},
    "bmp": {"format": "BMP"},
    "webp": {"format": "WEBP", "lossless": True},
}


def encoded(image, **options):
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    buffer = BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def luma(rgb):
    """ITU-R BT.601 by its definition, in [0, 1]."""
    return rgb.astype(np.float64) @ [0.299, 0.587, 0.114] / 255


def png(width, height, depth, colour_type, rows, extra=b""):
    """A PNG written by hand, for what Pillow does not write."""

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", data)
        + chunk(b"IEND", b"")
    )


def tiff(strips, tags, order="<"):
    """A TIFF written by hand: `tags` replace or add to the usual ones, None takes one away."""
    offsets = np.cumsum([8, *map(len, strips)]).tolist()
    values = {
        256: [COLUMNS],
        257: [ROWS],
        258: [16],
        259: [1],
        262: [1],
        273: offsets[:-1],
        277: [1],
        278: [ROWS],
        279: [len(strip) for strip in strips],
        **tags,
    }
    values = {tag: value for tag, value in sorted(values.items()) if value is not None}
    directory = struct.pack(order + "H", len(values))
    beside = b""
    for tag, value in values.items():
        shorts = tag not in (273, 279)
        packed = struct.pack(order + "HI"[not shorts] * len(value), *value)
        if len(packed) > 4:
            place = offsets[-1] + 2 + 12 * len(values) + 4 + len(beside)
            beside += packed
            packed = struct.pack(order + "I", place)
        directory += struct.pack(order + "HHI", tag, 3 if shorts else 4, len(value))
        directory += packed.ljust(4, b"\0")
    header = struct.pack(order + "2sHI", b"II" if order == "<" else b"MM", 42, offsets[-1])
    return header + b"".join(strips) + directory + bytes(4) + beside
