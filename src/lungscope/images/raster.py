"""From the bytes of a PNG, JPEG, TIFF, BMP or WebP file to its grey levels.

Pillow decodes; what stands here is what Pillow leaves to its caller: limits before any pixel is
decoded, damage that it passes over, and one meaning for every way of storing a sample. Its plugin
classes are called rather than `Image.open`, whose size limit is a global that answers by a warning.
"""

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageChops
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    IMAGELENGTH,
    IMAGEWIDTH,
    PHOTOMETRIC_INTERPRETATION,
    PLANAR_CONFIGURATION,
    SAMPLEFORMAT,
    TiffImageFile,
)
from PIL.WebPImagePlugin import WebPImageFile

from lungscope.images.depth import find_used_bits
from lungscope.images.jpeg import Colours, decode_jpeg
from lungscope.images.png import needed_chunks
from lungscope.images.tiff import unpack
from lungscope.images.undecodable import Undecodable
from lungscope.text import describe_fault

LEAST_SIDE = 64
"""Pixels; a smaller image is a thumbnail or an icon."""

MOST_PIXELS = 36_000_000
"""Nearly twice a chest detector of the finest kind (20 megapixels), and more than any detector has.

It bounds the memory that a file takes while it is read: `benchmarks/memory.py` measures it.
"""

_OVER_THE_LIMIT = f"over the limit of {MOST_PIXELS / 1e6:g} megapixels; make it smaller first"
_PLUGINS: dict[str, type[ImageFile]] = {
    "PNG": PngImageFile,
    "JPEG": JpegImageFile,  # of a multi-picture file, the primary one, as any JPEG viewer shows
    "TIFF": TiffImageFile,
    "BMP": BmpImageFile,
    "WEBP": WebPImageFile,
}
_JPEG_COLOURS: dict[str, Colours] = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}
_COLOURED = {"P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}
_EIGHT_BIT = {"1", "L", "LA", "La", *_COLOURED}
_DEEP = {"I;16", "I;16B", "I", "F"}
_BMP_RUN_LENGTHS = (1, 2)
_TURNS: dict[Any, Image.Transpose] = {  # by EXIF's orientation; 1 is upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_WHITE_IS_ZERO = 0
_SIGNED = 2
_SEPARATE = 2
_MOST_SAMPLED = 128


@dataclass(frozen=True, eq=False)
class Raster:
    """A decoded image.

    Attributes:
        pixels: (H, W) float32 in [0, 1], upright, bright as the file means it.
        mode: how the file stores its samples, in Pillow's words.
        bits: bits of one sample in the file.
        chroma: how far the image is from having a single tint, in [0, 1]; see `decode_raster`.
        used_bits: bits of one sample, where samples use far fewer than `bits`; else None.
    """

    pixels: NDArray[np.float32]
    mode: str
    bits: int
    chroma: float = 0.0
    used_bits: int | None = None


def decode_raster(content: bytes, kind: str) -> Raster:
    """Decodes one image.

    Integer samples are divided by the largest value that their depth holds; where those of more
    than 8 bits use less than a quarter of it, by that of the depth that they use. 32-bit integers
    hold 16-bit values, as Pillow and ImageJ write them; 32-bit floats are taken as they are. Colour
    becomes grey by the luma of ITU-R BT.601, transparency becomes black, and the EXIF orientation
    is applied.

    Chroma is the root mean square distance of the pixels' colours from the straight line that fits
    them best, white being (1, 1, 1) in red, green and blue and black (0, 0, 0): 0 for grey, however
    it is stored, and for a grey image in one tint, as a blue film or a sepia print is. At most
    128 x 128 of the pixels are looked at, evenly spread.

    Args:
        content: the whole file.
        kind: "PNG", "JPEG", "TIFF", "BMP" or "WEBP"; `content` begins with its signature.

    Raises:
        Undecodable: damaged, cut short, too small, too large, more than one image, or samples
            without an agreed black and white.
    """
    try:
        if kind == "PNG":
            content = needed_chunks(content)
        if kind == "WEBP":
            _check_canvas(content)
        if kind == "TIFF":
            content = _unpacked_tiff(content)
        with _PLUGINS[kind](BytesIO(content)) as image:
            _check_size(image.width, image.height)
            _check_single(image)
            bits = _bits(image, content)
            _check_samples(image, bits)
            mode = image.mode
            if isinstance(image, TiffImageFile):
                _check_covered(image)
            _load(image, content)
            _turn_upright(image)
            if mode in _DEEP:
                return _deep_raster(image, mode, bits)
            flat = _flat(image)
            pixels = _divided(np.asarray(_grey(flat)), 255)
            return Raster(pixels, mode, bits, _chroma(flat) if mode in _COLOURED else 0.0)
    except Undecodable:
        raise
    except Exception as error:  # on hostile bytes Pillow raises nearly every class there is
        detail = " ".join(str(error).split())[:200] or describe_fault(error)
        reason = f" ({detail})" if detail else ""
        raise Undecodable(f"the {kind} data is damaged or cut short{reason}") from error


def _check_size(width: int, height: int) -> None:
    if min(width, height) < LEAST_SIDE:
        raise Undecodable(
            f"{width} x {height} pixels is too small for a radiograph; "
            f"each side needs {LEAST_SIDE} or more"
        )
    if width * height > MOST_PIXELS:
        raise Undecodable(f"{width} x {height} pixels is {_OVER_THE_LIMIT}")


def _check_canvas(content: bytes) -> None:
    """Looks at the size of a WebP before libwebp makes room for two canvases of it."""
    chunk = content[12:30].ljust(18, b"\0")  # its first chunk: a name, a length and a header
    if chunk.startswith(b"VP8X"):
        width, height = (1 + int.from_bytes(chunk[at : at + 3], "little") for at in (12, 15))
    elif chunk.startswith(b"VP8L"):
        packed = int.from_bytes(chunk[9:13], "little")
        width, height = 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    else:
        width, height = (int.from_bytes(chunk[at : at + 2], "little") & 0x3FFF for at in (14, 16))
    if width * height > MOST_PIXELS:
        raise Undecodable(f"{width} x {height} pixels is {_OVER_THE_LIMIT}")


def _unpacked_tiff(content: bytes) -> bytes:
    with TiffImageFile(BytesIO(content)) as image:
        _check_size(image.width, image.height)
        _check_single(image)
        _check_samples(image, _bits(image, content))
        return unpack(image, content, 2 * MOST_PIXELS)  # tiles reach beyond the image's edges


def _check_single(image: ImageFile) -> None:
    if getattr(image, "is_animated", False):
        raise Undecodable("it holds more than one image (pages or frames); save one of them")


def _bits(image: ImageFile, content: bytes) -> int:
    if isinstance(image, PngImageFile):
        return content[24]  # the bit depth in IHDR, which Pillow does not report
    if isinstance(image, TiffImageFile):
        return int(max(image.tag_v2.get(BITSPERSAMPLE, (1,))))
    return 1 if image.mode == "1" else 8


def _check_samples(image: ImageFile, bits: int) -> None:
    if image.mode not in _EIGHT_BIT | _DEEP:
        raise Undecodable(f"the colour space {image.mode} is not read; save it as grey")
    if bits > 8 and image.mode in _EIGHT_BIT:
        raise Undecodable(
            f"{bits}-bit colour or transparency is not read, for Pillow would cut it to 8 bits; "
            "save it as 16-bit grey without transparency"
        )
    if isinstance(image, BmpImageFile) and image.info["compression"] in _BMP_RUN_LENGTHS:
        # Pillow expands it byte by byte in Python: a few kilobytes could keep it busy for minutes.
        raise Undecodable("run-length compressed BMP is not read; save it as PNG")
    if isinstance(image, TiffImageFile):
        _check_tiff(image, bits)


def _check_tiff(image: TiffImageFile, bits: int) -> None:
    tags = image.tag_v2
    if PHOTOMETRIC_INTERPRETATION not in tags:
        raise Undecodable("the TIFF does not say whether 0 is black or white")
    if bits <= 16 and _SIGNED in tags.get(SAMPLEFORMAT, ()):
        raise Undecodable(f"signed {bits}-bit samples are not read; save it as unsigned 16-bit")


def _check_covered(image: TiffImageFile) -> None:
    # Pillow leaves black what no strip or tile covers. Where the bands are stored one after the
    # other, it wants a set of them for each band.
    boxes = [tile.extents for tile in image.tile if tile.extents is not None]
    covered = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in boxes)
    separate = image.tag_v2.get(PLANAR_CONFIGURATION) == _SEPARATE
    if covered < image.width * image.height * (len(image.getbands()) if separate else 1):
        raise Undecodable("the TIFF data is damaged or cut short (strips or tiles are missing)")


def _load(image: ImageFile, content: bytes) -> None:
    if isinstance(image, PngImageFile):
        # Decoding skips the checksums, and verifying uses a reader up.
        PngImageFile(BytesIO(content)).verify()
    if isinstance(image, TiffImageFile):
        # A TIFF that brings its own memory is not measured against Pillow's global limit.
        stored = (image.tag_v2[IMAGEWIDTH], image.tag_v2[IMAGELENGTH])
        image.im = Image.new(image.mode, stored).im
    if isinstance(image, JpegImageFile):
        samples = decode_jpeg(content, _JPEG_COLOURS[image.mode])
        if image.mode == "CMYK":
            samples = 255 - samples  # as Pillow has inks
        image.im = Image.frombuffer(image.mode, image.size, samples, "raw", image.mode, 0, 1).im
        image.tile = []
    image.load()


def _turn_upright(image: ImageFile) -> None:
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Warning:  # where warnings are errors
        raise
    except Exception:  # EXIF that cannot be read says nothing about the image
        return
    method = _TURNS.get(orientation)
    if method is not None:
        image.im = image.im.transpose(method)
        image._size = image.im.size


def _deep_raster(image: ImageFile, mode: str, bits: int) -> Raster:
    samples = np.asarray(image)
    used_bits = None
    if image.mode == "F":
        pixels = _checked_floats(samples)
    else:
        if image.mode == "I":
            samples = _checked_integers(samples)
        transparent = image.info.get("transparency")
        if transparent is not None:
            samples = np.where(samples == transparent, 0, samples)
        depth = min(bits, 16)
        used_bits = find_used_bits(int(samples.max()), depth)
        pixels = _divided(samples, 2 ** (used_bits or depth) - 1)
    if isinstance(image, TiffImageFile) and _white_is_zero(image):
        # Pillow turns samples of 8 bits and less round by itself, but not deeper ones.
        np.subtract(1, pixels, out=pixels)
    return Raster(pixels, mode, bits, used_bits=used_bits)


def _divided(samples: NDArray[np.integer[Any]], white: int) -> NDArray[np.float32]:
    pixels: NDArray[np.float32] = np.divide(samples, white, dtype=np.float32)
    return pixels


def _white_is_zero(image: TiffImageFile) -> bool:
    return bool(image.tag_v2[PHOTOMETRIC_INTERPRETATION] == _WHITE_IS_ZERO)


def _checked_floats(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    if not np.isfinite(samples).all():
        raise Undecodable("some of its 32-bit floats are not finite (NaN or infinity)")
    if samples.min() < 0 or samples.max() > 1:
        raise Undecodable(
            f"its 32-bit floats run from {samples.min():g} to {samples.max():g}, and only 0 to 1 "
            "has an agreed black and white; scale it, or save it as 16-bit grey"
        )
    return samples.astype(np.float32)


def _checked_integers(samples: NDArray[np.int32]) -> NDArray[np.int32]:
    if samples.min() < 0 or samples.max() > 65535:
        raise Undecodable(
            f"its 32-bit integers run from {samples.min()} to {samples.max()}, and only 0 to 65535 "
            "has an agreed black and white; save it as 16-bit grey"
        )
    return samples


def _flat(image: Image.Image) -> Image.Image:
    """Without CMYK's inks, and in RGBA where something is transparent."""
    if image.mode == "La":
        return image.getchannel(0)  # already multiplied by its alpha, that is: laid on black
    if image.mode == "CMYK":
        if isinstance(image, JpegImageFile) and "adobe" not in image.info:
            # Adobe stores inks inverted and says so in a marker; Pillow turns every file round.
            image = ImageChops.invert(image)
        image = image.convert("RGB")
    return image.convert("RGBA") if image.has_transparency_data else image


def _grey(flat: Image.Image) -> Image.Image:
    if flat.mode == "RGBA":
        black = Image.new("L", flat.size)
        return Image.composite(flat.convert("L"), black, flat.getchannel("A"))
    return flat.convert("L")


def _chroma(flat: Image.Image) -> float:
    size = (min(flat.width, _MOST_SAMPLED), min(flat.height, _MOST_SAMPLED))
    sampled = flat.resize(size, Image.Resampling.NEAREST).convert("RGBA")
    samples = np.asarray(sampled, np.float64).reshape(-1, 4) / 255
    colours = samples[:, :3] * samples[:, 3:]
    # The variance along each of three directions, the line's last.
    variances = np.linalg.eigvalsh(np.cov(colours, rowvar=False, bias=True))
    return float(np.sqrt(max(variances[0] + variances[1], 0.0)))
