"""One pass over all files of a data set: what each one is, or why it cannot be read.

The check, the search for duplicates and the split all read the survey, not the files.
"""

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lungscope.data.index import Entry, Index
from lungscope.data.views import ANGLES, MIRRORINGS, core, rotated
from lungscope.images import UnreadableImage, read, to_square
from lungscope.parallel import map_files
from lungscope.progress import OnProgress, ignore

THUMBNAIL = 64
"""Side of a thumbnail in pixels."""


@dataclass(frozen=True, eq=False)
class Surveyed:
    """A readable image.

    Attributes:
        file: path relative to the index's root.
        label: position of its class in the index's classes.
        sha256: of the file's bytes, in hexadecimal.
        bytes: size of the file.
        width, height: in pixels.
        format, mode, bits: as in `Radiograph`.
        mean, peak: average and largest of the pixels, in [0, 1].
        hashes: (20,) uint64, perceptual hashes of the thumbnail's core; `hashes[4 * a + m]` is
            that of the thumbnail rotated by `ANGLES[a]`, then mirrored by `MIRRORINGS[m]`.
        thumbnail: (64, 64) uint8.
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
    hashes: NDArray[np.uint64]
    thumbnail: NDArray[np.uint8]


@dataclass(frozen=True)
class Refused:
    """A file that cannot be read, and why (one line, without its name)."""

    file: str
    label: int
    reason: str


@dataclass(frozen=True)
class Survey:
    """What was found, in the order of the index."""

    readable: tuple[Surveyed, ...]
    refused: tuple[Refused, ...]


def survey(index: Index, workers: int | None = None, on_progress: OnProgress = ignore) -> Survey:
    """Reads every file of an index once, on all processors.

    Args:
        index: the labelled images.
        workers: processes; as many as there are processors by default.
        on_progress: told of every file.
    """
    found = list(map_files(partial(_look, index.root), index.entries, workers, on_progress))
    return Survey(
        tuple(image for image in found if isinstance(image, Surveyed)),
        tuple(image for image in found if isinstance(image, Refused)),
    )


def _look(root: Path, entry: Entry) -> Surveyed | Refused:
    path = root / entry.file
    try:
        radiograph = read(path)
    except UnreadableImage as error:
        return Refused(entry.file, entry.label, error.reason)
    content = path.read_bytes()
    thumbnail = to_square(radiograph, THUMBNAIL)
    return Surveyed(
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
        hashes=hashes(thumbnail),
        thumbnail=thumbnail,
    )


def hashes(thumbnail: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Hashes a thumbnail (64, 64) in every view: `Surveyed.hashes`."""
    turned = (core(rotated(thumbnail, angle)) for angle in ANGLES)
    views = (image[mirroring] for image in turned for mirroring in MIRRORINGS)
    return np.array([_hash(view) for view in views], dtype=np.uint64)


def _hash(image: NDArray[np.uint8]) -> int:
    bits = imagehash.phash(Image.fromarray(np.ascontiguousarray(image))).hash
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
