"""Small valid image files of every format and way of storing, made in code."""

import struct
import zlib

import imagecodecs
import numpy as np
from PIL import Image, PngImagePlugin
from pydicom import uid

from dicom_files import LOSSLESS, NATIVE, RAMP12, dataset, item, jpeg, with_frame, written
from dicom_files import RAMP8 as DICOM_RAMP8
from raster_files import ALPHA, COLOUR, COLUMNS, NOISE, RAMP8, RAMP16, ROWS, encoded, tiff


def pngs():
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", "a ramp")
    texts.add_text("Long", "ramp " * 100, zip=True)
    texts.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="6"/>')
    palette = Image.fromarray(COLOUR).quantize(16)
    return [
        encoded(RAMP8, format="PNG", pnginfo=texts),
        encoded(RAMP16, format="PNG"),
        encoded(COLOUR, format="PNG", exif=turned(6)),
        encoded(np.dstack([COLOUR, ALPHA]), format="PNG"),
        encoded(palette, format="PNG", transparency=3),
        encoded(Image.fromarray(RAMP8).convert("1"), format="PNG"),
        encoded(RAMP16, format="PNG", transparency=700, icc_profile=bytes(300)),
    ]


def jpegs():
    inks = Image.fromarray(np.dstack([NOISE, RAMP8]), "CMYK")
    return [
        encoded(RAMP8, format="JPEG", exif=turned(3)),
        encoded(COLOUR, format="JPEG", comment=b"a ramp"),
        encoded(COLOUR, format="JPEG", progressive=True, subsampling=0),
        encoded(RAMP8, format="JPEG", restart_marker_blocks=5),
        encoded(inks, format="JPEG"),
    ]


def tiffs():
    compressions = ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "tiff_deflate", "zstd")
    floats = Image.fromarray(RAMP8.astype(np.float32) / 255)
    tile = np.zeros((80, 96), np.uint16)
    tile[:ROWS, :COLUMNS] = RAMP16
    tiled = {273: None, 279: None, 278: None, 322: [96], 323: [80], 324: [8], 325: [tile.nbytes]}
    planes = [COLOUR[..., band].tobytes() for band in range(3)]
    rows = [RAMP16[:40].tobytes(), RAMP16[40:].tobytes()]
    return [
        *(encoded(RAMP8, format="TIFF", compression=each) for each in compressions),
        *(encoded(RAMP16, format="TIFF", compression=each) for each in compressions[:3]),
        encoded(COLOUR, format="TIFF", compression="jpeg"),
        encoded(COLOUR, format="TIFF", compression="tiff_lzw", tiffinfo={317: 2, 274: 6}),
        encoded(np.dstack([COLOUR, ALPHA]), format="TIFF"),
        encoded(Image.fromarray(RAMP8).convert("1"), format="TIFF", compression="packbits"),
        encoded(Image.fromarray(COLOUR).quantize(16), format="TIFF"),
        encoded(floats, format="TIFF"),
        encoded(RAMP16, format="TIFF", big_tiff=True),
        tiff(rows, {278: [40]}),
        tiff([each[::-1] for each in rows], {278: [40]}, order=">"),
        tiff([tile.tobytes()], tiled),
        tiff(planes, {258: [8, 8, 8], 262: [2], 277: [3], 284: [2]}),
    ]


def webps():
    alpha = np.dstack([COLOUR, ALPHA])
    return [
        encoded(RAMP8, format="WEBP", lossless=True),
        encoded(COLOUR, format="WEBP", exif=turned(8), icc_profile=bytes(200)),
        encoded(alpha, format="WEBP"),
        encoded(alpha, format="WEBP", lossless=True, xmp=b"<x/>"),
    ]


def bmps():
    return [
        encoded(RAMP8, format="BMP"),
        encoded(COLOUR, format="BMP"),
        encoded(Image.fromarray(RAMP8).convert("1"), format="BMP"),
        encoded(Image.fromarray(COLOUR).quantize(16), format="BMP"),
        _run_lengths(),
    ]


def others():
    fax = encoded(Image.fromarray(RAMP8).convert("1"), format="TIFF", compression="group4")
    return [fax, *(encoded(RAMP8, format=name) for name in ("GIF", "PPM", "TGA", "ICO"))]


def dicoms(name):
    """Files of one transfer syntax, by its keyword."""
    return list(_DICOM[name]())


def _compressed(syntax):
    yield written(dataset(RAMP12, 12), syntax)
    yield written(dataset(DICOM_RAMP8, PixelPaddingValue=3, ViewPosition="PA"), syntax)


def _looked_up():
    tables = {"VOILUTSequence": [item(0, np.arange(4096), 12)]}
    yield written(dataset(RAMP12, 12, **tables, PatientOrientation=["R", "H"]))
    tables = {"ModalityLUTSequence": [item(5, np.arange(4096), 12)]}
    yield written(dataset(RAMP12, 12, **tables, PhotometricInterpretation="MONOCHROME1"))
    window = {"WindowCenter": "2000", "WindowWidth": "900", "RescaleSlope": "2"}
    yield written(dataset(RAMP12.view(np.int16), 12, **window))


def _lossy(syntax):
    if syntax == uid.JPEGBaseline8Bit:
        yield with_frame(dataset(DICOM_RAMP8), jpeg(DICOM_RAMP8), syntax, fragments=3)
    elif syntax == uid.JPEGExtended12Bit:
        frame = imagecodecs.jpeg8_encode(RAMP12, 90, bitspersample=12)
        yield with_frame(dataset(RAMP12, 12), frame, syntax)
    elif syntax == uid.JPEGLSNearLossless:
        yield with_frame(dataset(RAMP12, 12), imagecodecs.jpegls_encode(RAMP12, 2), syntax)
    else:
        frame = imagecodecs.jpeg2k_encode(RAMP12, 40, codecformat="j2k", bitspersample=12)
        yield with_frame(dataset(RAMP12, 12), frame, syntax)


_LOSSY = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLSNearLossless, uid.JPEG2000)
_DICOM = {
    **{each.keyword: lambda each=each: _compressed(each) for each in (*NATIVE, *LOSSLESS)},
    **{each.keyword: lambda each=each: _lossy(each) for each in _LOSSY},
    "Values": _looked_up,
}
TRANSFER_SYNTAXES = tuple(_DICOM)
"""Keywords of those that are read, and "Values" for look-up tables and windows."""


def turned(orientation):
    exif = Image.Exif()
    exif[274] = orientation
    return exif.tobytes()


def _run_lengths():
    rows = b"".join(bytes([COLUMNS, row, 0, 0]) for row in range(ROWS)) + b"\0\1"
    palette = b"".join(bytes([n, n, n, 0]) for n in range(256))
    head = struct.pack("<LllHHLLllLL", 40, COLUMNS, ROWS, 1, 8, 1, len(rows), 0, 0, 256, 0)
    start = 14 + len(head) + len(palette)
    return struct.pack("<2sLLL", b"BM", start + len(rows), 0, start) + head + palette + rows


def with_checksums(content):
    """A PNG whose chunks have the checksums of what they hold now, so that it is looked at."""
    made, place = bytearray(content), 8
    while place + 12 <= len(made):
        (length,) = struct.unpack_from(">L", made, place)
        end = place + 8 + length
        if end + 4 > len(made):
            break
        made[end : end + 4] = struct.pack(">L", zlib.crc32(made[place + 4 : end]))
        place = end + 4
    return bytes(made)
