"""One pass over all files of a data set: what each one is, or why it cannot be read.

The check, the search for duplicates and the split all read the survey, not the files.
"""

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lungscope.data.index import Entry, Index
from lungscope.data.processing_traces import (
    estimate_jpeg_quality,
    measure_gaps,
    measure_sharpness,
)
from lungscope.errors import InvalidData, UnreadableImage
from lungscope.images import read, to_square
from lungscope.parallel import map_files
from lungscope.progress import OnProgress, ignore

THUMBNAIL = 64
"""Width and height of a thumbnail in pixels."""


@dataclass(frozen=True, eq=False)
class ImageRecord:
    """A readable image.

    Attributes:
        file: path relative to the index's root.
        label: position of its class in the index's classes.
        sha256: of the file's bytes, in hexadecimal.
        bytes: size of the file.
        width, height: in pixels.
        format, mode, bits: as in `Radiograph`.
        mean, peak: average and largest of the pixels, in [0, 1].
        sharpness: energy of the finest detail relative to detail twice as coarse.
        gaps: proportion of the grey range that is unused, in [0, 1).
        quality: of a JPEG, in [0, 100]; None for other formats.
        hashes: (20,) uint64, perceptual hashes of the thumbnail's core; `hashes[4 * a + m]` is
            that of the thumbnail rotated by `ANGLES[a]`, then mirrored by `MIRRORINGS[m]`.
        thumbnail: (64, 64) uint8.
        used_bits: as in `Radiograph`.
    """

    file: str
    label: int
    sha256: str
    bytes: int
    width: int
    height: int
    format: str
    mode: str
    bits: int
    mean: float
    peak: float
    sharpness: float
    gaps: float
    quality: float | None
    hashes: NDArray[np.uint64]
    thumbnail: NDArray[np.uint8]
    used_bits: int | None = None


@dataclass(frozen=True)
class Refused:
    """A file that cannot be read.

    Attributes:
        file: path relative to the index's root.
        label: position of its class in the index's classes.
        reason: why, in one line without the file's name.
    """

    file: str
    label: int
    reason: str


@dataclass(frozen=True)
class Survey:
    """What one pass over the files of an index found.

    Attributes:
        readable: the images, in the order of the index.
        refused: the files that cannot be read, likewise.
    """

    readable: tuple[ImageRecord, ...]
    refused: tuple[Refused, ...]

    def __repr__(self) -> str:
        return f"Survey({len(self.readable)} readable, {len(self.refused)} refused)"


def survey_images(
    index: Index, workers: int | None = None, on_progress: OnProgress = ignore
) -> Survey:
    """Reads every file of an index once, on all processors.

    Args:
        index: the labelled images.
        workers: processes; as many as there are processors by default.
        on_progress: called after each file.

    Raises:
        InvalidSetting: `workers` is below 1.
        LungscopeError: a worker process was killed.

    Examples:
        >>> survey_images(Index.open("xrays"))
        Survey(60 readable, 0 refused)
    """
    found = list(map_files(partial(_look, index.root), index.entries, workers, on_progress))
    return Survey(
        tuple(image for image in found if isinstance(image, ImageRecord)),
        tuple(image for image in found if isinstance(image, Refused)),
    )


def require_readable(index: Index, survey: Survey, *, skip: bool = False) -> Index:
    """Returns the images of an index that can be read.

    Args:
        index: the labelled images.
        survey: of that index.
        skip: whether unreadable files are left out instead of refused.

    Raises:
        InvalidData: files cannot be read and `skip` is off, or a class has no readable image.

    Examples:
        >>> index = Index.open("xrays")
        >>> require_readable(index, survey_images(index)) == index
        True
    """
    if not survey.refused:
        return index
    if not skip:
        first = survey.refused[0]
        raise InvalidData(
            f"{index.root}: {len(survey.refused)} of {len(index.entries)} files cannot be read, "
            f"first {first.file} ({first.reason})",
            remedy="skip-unreadable",
        )
    return index.without(refused.file for refused in survey.refused)


def _look(root: Path, entry: Entry) -> ImageRecord | Refused:
    path = root / entry.file
    try:
        radiograph = read(path)
    except UnreadableImage as error:
        return Refused(entry.file, entry.label, error.reason)
    content = path.read_bytes()
    thumbnail = to_square(radiograph, THUMBNAIL)
    return ImageRecord(
        file=entry.file,
        label=entry.label,
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        width=radiograph.width,
        height=radiograph.height,
        format=radiograph.format,
        mode=radiograph.mode,
        bits=radiograph.bits,
        mean=float(radiograph.pixels.mean()),
        peak=float(radiograph.pixels.max()),
        sharpness=measure_sharpness(radiograph),
        gaps=measure_gaps(radiograph),
        quality=estimate_jpeg_quality(content),
        hashes=perceptual_hashes(thumbnail),
        thumbnail=thumbnail,
        used_bits=radiograph.used_bits,
    )


def perceptual_hashes(thumbnail: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Hashes a thumbnail (64, 64) in every view: `ImageRecord.hashes`."""
    turned = (core(rotate_thumbnail(thumbnail, angle)) for angle in ANGLES)
    views = (image[mirroring] for image in turned for mirroring in MIRRORINGS)
    return np.array([_hash(view) for view in views], dtype=np.uint64)


def _hash(image: NDArray[np.uint8]) -> int:
    bits = imagehash.phash(Image.fromarray(np.ascontiguousarray(image))).hash
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


ANGLES = (0, 5, -5, 10, -10)
"""Degrees, counter-clockwise. No rotation by up to 12.5 degrees is further than 2.5 from one."""

_BACKWARDS = slice(None, None, -1)
MIRRORINGS = (
    (..., slice(None), slice(None)),
    (..., slice(None), _BACKWARDS),
    (..., _BACKWARDS, slice(None)),
    (..., _BACKWARDS, _BACKWARDS),
)
"""Indices of images (..., H, W) as they are, mirrored left-right, upside down, and both."""

CORE = 0.84
"""Proportion of rows and columns, in the middle, that is compared.

A rotation by 10 degrees leaves it whole.
"""


def rotate_thumbnail(thumbnail: NDArray[np.uint8], angle: float) -> NDArray[np.uint8]:
    """Rotates a thumbnail about its middle; what comes from outside is black.

    Args:
        thumbnail: (H, W) uint8.
        angle: degrees, counter-clockwise.

    Returns:
        (H, W) uint8.
    """
    if angle == 0:
        return thumbnail
    return np.asarray(Image.fromarray(thumbnail).rotate(angle, Image.Resampling.BILINEAR))


def core(images: NDArray[Any]) -> NDArray[Any]:
    """Cuts the middle out of images.

    Args:
        images: (..., S, S).

    Returns:
        (..., C, C), a view, with C about `CORE` times S and S - C even.
    """
    side = images.shape[-1]
    margin = round(side * (1 - CORE) / 2)
    return images[..., margin : side - margin, margin : side - margin]
