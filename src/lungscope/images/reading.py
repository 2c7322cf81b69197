"""Opening a file as a radiograph: one function for every format, one error for every refusal."""

import stat
from pathlib import Path

from lungscope.errors import LungscopeError
from lungscope.images.dicom_acquisition import CHEST_RADIOGRAPHS, Acquisition, Policy
from lungscope.images.radiograph import Radiograph
from lungscope.images.raster import Raster, Undecodable, decode

LARGEST_FILE = 512 * 2**20
"""Bytes; the largest radiograph that `raster` decodes, uncompressed, is smaller."""

_SIGNATURES = (
    ("DICOM", 128, b"DICM"),  # first: what stands before it is free, and may be a TIFF header
    ("PNG", 0, b"\x89PNG\r\n\x1a\n"),
    ("JPEG", 0, b"\xff\xd8\xff"),
    ("TIFF", 0, b"II*\0"),
    ("TIFF", 0, b"MM\0*"),
    ("TIFF", 0, b"II+\0"),  # BigTIFF
    ("WEBP", 8, b"WEBP"),
    ("GIF", 0, b"GIF8"),
    ("BMP", 0, b"BM"),
)
_SUFFIXES = {
    "PNG": (".png", ".apng"),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "BMP": (".bmp", ".dib"),
    "DICOM": (".dcm", ".dicom"),
}


class UnreadableImage(LungscopeError):
    """A file that is not a radiograph that lungscope can read.

    Attributes:
        path: the file.
        reason: what is wrong and what to do, one line, without the path.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)  # both, so that it survives the way back from a worker
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def read(path: str | Path, accept: Policy = CHEST_RADIOGRAPHS) -> Radiograph:
    """Reads a radiograph from a DICOM, PNG, JPEG, TIFF, BMP or WebP file.

    The content decides the format. A name that says another format is refused, because a file
    that lies about one thing may be a mix-up; a missing or unknown extension says nothing.

    Pillow's and pydicom's warnings about damaged metadata go through Python's `warnings`; where
    these are errors, the file is refused. None of them, nor any error, quotes a patient's name or
    another identifier from a DICOM file.

    Args:
        path: the file; not a folder, a pipe or a device.
        accept: which DICOM images are read, by modality and body part; other formats say neither.

    Returns:
        The radiograph: (H, W) float32 in [0, 1], H and W >= 64, bright is dense, upright.

    Raises:
        UnreadableImage: the file is missing, closed to us, empty or over 512 MiB; is of another
            format, damaged, cut short, or named after another format; holds several pictures,
            fewer than 64 pixels on a side, more than 100 megapixels (DICOM: 36), a single grey
            level, or samples without an agreed black and white; is a DICOM image in colour, of a
            kind that is not accepted, or in a transfer syntax without a decoder.
    """
    path = Path(path)
    content = _content(path)
    kind = _kind(content, path)
    try:
        raster, acquisition = _decoded(content, kind, accept)
    except Undecodable as error:
        raise UnreadableImage(path, str(error)) from error
    if raster.pixels.min() == raster.pixels.max():
        raise UnreadableImage(path, "every pixel has the same value: the picture is blank")
    return Radiograph(raster.pixels, path, kind, raster.mode, raster.bits, acquisition)


def _decoded(content: bytes, kind: str, accept: Policy) -> tuple[Raster, Acquisition | None]:
    if kind == "DICOM":
        # Imported here, for pydicom takes as long to import as a hundred radiographs to read.
        from lungscope.images.dicom import decode_dicom

        return decode_dicom(content, accept)
    return decode(content, kind), None


def _content(path: Path) -> bytes:
    try:
        status = path.stat()
        # Asked before opening: to open a pipe waits for someone to write to it.
        if stat.S_ISDIR(status.st_mode):
            raise UnreadableImage(path, "it is a folder; name the image files in it")
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableImage(path, "it is a pipe or a device, not a file on disk")
        if status.st_size == 0:
            raise UnreadableImage(path, "the file is empty (0 bytes)")
        if status.st_size > LARGEST_FILE:
            raise UnreadableImage(
                path, f"{status.st_size} bytes is over the limit of {LARGEST_FILE // 2**20} MiB"
            )
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UnreadableImage(path, "there is no such file") from error
    except PermissionError as error:
        raise UnreadableImage(path, "there is no permission to read it") from error
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = getattr(error, "strerror", None) or error
        raise UnreadableImage(path, f"it cannot be read ({reason})") from error


def _kind(content: bytes, path: Path) -> str:
    suffix = path.suffix.lower()
    kind = next(
        (kind for kind, start, mark in _SIGNATURES if content.startswith(mark, start)), None
    )
    if kind is None and suffix in _SUFFIXES["DICOM"]:
        raise UnreadableImage(
            path, "it is no DICOM file (DICM is missing at byte 128); export it anew"
        )
    if kind == "GIF":
        raise UnreadableImage(path, "GIF is not read; save the picture as PNG")
    if kind is None:
        raise UnreadableImage(path, "it is not a DICOM, PNG, JPEG, TIFF, BMP or WebP image")
    if suffix not in _SUFFIXES[kind] and any(suffix in known for known in _SUFFIXES.values()):
        right_name = path.with_suffix(_SUFFIXES[kind][0]).name
        raise UnreadableImage(
            path, f"it is a {kind} image, though named {suffix}; rename it to {right_name}"
        )
    return kind
