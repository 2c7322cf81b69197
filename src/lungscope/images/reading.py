"""A file or its bytes become a radiograph: one way for all formats, one error for all refusals."""

import os
import stat
from pathlib import Path

from lungscope.errors import UnreadableImage, UnwantedImage
from lungscope.images.dicom.acquisition import CHEST_RADIOGRAPHS, Policy
from lungscope.images.files import SUFFIXES_BY_FORMAT
from lungscope.images.radiograph import Radiograph
from lungscope.images.raster import decode_raster
from lungscope.images.undecodable import Undecodable

LARGEST_FILE = 512 * 2**20
"""Bytes; the largest radiograph that `raster` decodes, uncompressed, is smaller."""

LONGEST_NAME = 255
"""Characters of the name of bytes; file systems allow no more."""

_SIGNATURES = (
    ("DICOM", 128, b"DICM"),  # first: the preamble is free, and may be a TIFF header
    ("PNG", 0, b"\x89PNG\r\n\x1a\n"),
    ("JPEG", 0, b"\xff\xd8\xff"),
    ("TIFF", 0, b"II*\0"),
    ("TIFF", 0, b"MM\0*"),
    ("TIFF", 0, b"II+\0"),  # BigTIFF
    ("WEBP", 8, b"WEBP"),
    ("GIF", 0, b"GIF8"),
    ("BMP", 0, b"BM"),
)
_SUFFIXES = SUFFIXES_BY_FORMAT | {"GIF": (".gif",)}


def read(path: str | Path, accept: Policy = CHEST_RADIOGRAPHS) -> Radiograph:
    """Reads a radiograph from a DICOM, PNG, JPEG, TIFF, BMP or WebP file.

    The content decides the format. A name that says another format is refused, because a file
    that lies about one thing may be a mix-up; a missing or unknown extension says nothing.

    Pillow's and pydicom's warnings about damaged metadata go through Python's `warnings`; where
    these are errors, the file is refused. None of them, nor any error, quotes a patient's name or
    another identifier from a DICOM file.

    Args:
        path: the file; not a folder, a pipe or a device.
        accept: which DICOM images are read, by modality, body part and view; other formats say
            none of them.

    Returns:
        The radiograph: (H, W) float32 in [0, 1], H and W >= 64, bright is dense, upright.

    Raises:
        UnwantedImage: a DICOM image of a kind that is not accepted.
        UnreadableImage: the file is missing, closed to us, empty or over 512 MiB; is of another
            format, damaged, cut short, or named after another format; holds several images,
            fewer than 64 pixels on a side, more than 36 megapixels, a single grey level, or samples
            without an agreed black and white; is a DICOM image in colour, or in a transfer syntax
            without a decoder.

    Examples:
        >>> radiograph = read("xray.png")
        >>> radiograph.pixels.shape, radiograph.pixels.dtype
        ((64, 64), dtype('float32'))
        >>> read("xrays")
        Traceback (most recent call last):
        ...
        lungscope.errors.UnreadableImage: xrays: it is a folder; name the image files in it
    """
    path = Path(path)
    return _radiograph(_content(path), path, accept)


def read_content(content: bytes, name: str, accept: Policy = CHEST_RADIOGRAPHS) -> Radiograph:
    """Reads a radiograph from the bytes of a file, within the limits of `read`; no file is touched.

    Args:
        content: the whole file.
        name: what the bytes came with, as an upload does. It is only repeated, without
            characters that do not print and of at most `LONGEST_NAME`, and compared with the
            content as the name of a file is.
        accept: which DICOM images are read.

    Returns:
        What `read` returns for a file of that content and name.

    Raises:
        UnreadableImage: as by `read`.

    Examples:
        >>> read_content(Path("xray.png").read_bytes(), "upload.png").format
        'PNG'
    """
    printable = "".join(character for character in name if character.isprintable())
    path = Path(printable[:LONGEST_NAME] or "unnamed")
    _check_length(len(content), path)
    return _radiograph(content, path, accept)


def _radiograph(content: bytes, path: Path, accept: Policy) -> Radiograph:
    kind = _kind(content, path)
    if kind == "DICOM":
        radiograph = _dicom_radiograph(content, path, accept)
    else:
        try:
            raster = decode_raster(content, kind)
        except Undecodable as error:
            raise UnreadableImage(path, str(error)) from error
        radiograph = Radiograph(
            raster.pixels,
            path,
            kind,
            raster.mode,
            raster.bits,
            chroma=raster.chroma,
            used_bits=raster.used_bits,
        )
    if radiograph.pixels.min() == radiograph.pixels.max():
        raise UnreadableImage(path, "every pixel has the same value: the image is blank")
    return radiograph


def _dicom_radiograph(content: bytes, path: Path, accept: Policy) -> Radiograph:
    # Imported here, for pydicom takes as long to import as a hundred radiographs to read.
    from lungscope.images.dicom.decoding import UnwantedAcquisition, decode_dicom

    try:
        image = decode_dicom(content, accept)
    except UnwantedAcquisition as error:
        raise UnwantedImage(path, str(error), error.code) from error
    except Undecodable as error:
        raise UnreadableImage(path, str(error)) from error
    raster = image.raster
    return Radiograph(
        raster.pixels,
        path,
        "DICOM",
        raster.mode,
        raster.bits,
        image.acquisition,
        image.identifiers,
        used_bits=raster.used_bits,
    )


def _content(path: Path) -> bytes:
    try:
        status = path.stat()
        # Asked before opening: to open a pipe waits for someone to write to it.
        if stat.S_ISDIR(status.st_mode) and not os.access(path, os.R_OK | os.X_OK):
            raise UnreadableImage(path, "it is a folder that there is no permission to look into")
        if stat.S_ISDIR(status.st_mode):
            raise UnreadableImage(path, "it is a folder; name the image files in it")
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableImage(path, "it is a pipe or a device, not a file on disk")
        _check_length(status.st_size, path)
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UnreadableImage(path, "there is no such file") from error
    except PermissionError as error:
        raise UnreadableImage(path, "there is no permission to read it") from error
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = getattr(error, "strerror", None) or error
        raise UnreadableImage(path, f"it cannot be read ({reason})") from error


def _check_length(length: int, path: Path) -> None:
    if length == 0:
        raise UnreadableImage(path, "the file is empty (0 bytes)")
    if length > LARGEST_FILE:
        raise UnreadableImage(
            path, f"{length} bytes is over the limit of {LARGEST_FILE // 2**20} MiB"
        )


def _kind(content: bytes, path: Path) -> str:
    suffix = path.suffix.lower()
    kind = next(
        (kind for kind, start, mark in _SIGNATURES if content.startswith(mark, start)), None
    )
    if kind is None and suffix in _SUFFIXES["DICOM"]:
        raise UnreadableImage(
            path, "it is not a DICOM file (DICM is missing at byte 128); export it again"
        )
    if kind == "GIF":
        raise UnreadableImage(path, "GIF is not read; save the image as PNG")
    if kind is None:
        raise UnreadableImage(path, "it is not a DICOM, PNG, JPEG, TIFF, BMP or WebP image")
    if suffix not in _SUFFIXES[kind] and any(suffix in known for known in _SUFFIXES.values()):
        right_name = path.with_suffix(_SUFFIXES[kind][0]).name
        raise UnreadableImage(
            path, f"it is a {kind} image, though named {suffix}; rename it to {right_name}"
        )
    return kind
