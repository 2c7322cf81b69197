"""Every image decoded and resized once, into one memory-mapped array of bytes.

Training reads the array and touches no image file. A cache is named by what is in it (content
hashes and preprocessing), built in a temporary folder under a lock, and renamed when it is whole:
a builder that is killed leaves nothing that could be taken for a cache, and of two builders at
once one waits for the other.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import PIL
from filelock import FileLock
from numpy.typing import NDArray
from platformdirs import user_cache_path

from lungscope.atomic import write_text
from lungscope.data.split import SplitEntry, sha256_of
from lungscope.errors import Inaccessible
from lungscope.images import read, to_square
from lungscope.images.preprocessing import RESIZING
from lungscope.parallel import map_files
from lungscope.progress import OnProgress, ignore

VERSION = 2
PIXELS = "pixels.npy"
DIGEST = "pixels.sha256"


@dataclass(frozen=True, eq=False)
class Cache:
    """Decoded images of a split.

    Attributes:
        pixels: (N, S, S) uint8, memory-mapped, read-only.
        row: SHA-256 of an image file -> its row in `pixels`.
        folder: where the cache lies on disk.
    """

    pixels: NDArray[np.uint8]
    row: dict[str, int]
    folder: Path

    def rows(self, entries: Sequence[SplitEntry]) -> NDArray[np.intp]:
        """The rows of some images of the split, (len(entries),)."""
        return np.array([self.row[entry.sha256] for entry in entries], dtype=np.intp)


def default_cache_folder() -> Path:
    """Where caches are kept unless a caller says otherwise: the user's cache folder."""
    return user_cache_path("lungscope", appauthor=False) / "pixels"


def open_cache(
    root: Path,
    entries: Sequence[SplitEntry],
    size: int,
    folder: Path | None = None,
    workers: int | None = None,
    on_progress: OnProgress = ignore,
) -> Cache:
    """Opens the cache of some images, building it first if it is not there or not whole.

    Args:
        root: the folder that the entries' files are relative to.
        entries: the images; their hashes are believed (`Split.verify` checks them).
        size: side of the square images in pixels.
        folder: where caches are kept; the user's cache folder by default.
        workers: processes that decode; as many as there are processors by default.
        on_progress: called after every image while building.

    Raises:
        LungscopeError: an image can't be read, or the disk is full.
    """
    files = {entry.sha256: entry.file for entry in entries}
    hashes = sorted(files)
    place = (folder or default_cache_folder()) / _key(hashes, size)
    shape = (len(hashes), size, size)
    pixels = _whole(place / PIXELS, shape)
    if pixels is None:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{place}.lock"):
                if _whole(place / PIXELS, shape) is None:
                    paths = [root / files[content] for content in hashes]
                    _build(place, paths, size, workers, on_progress)
                pixels = np.lib.format.open_memmap(place / PIXELS, mode="r")
        except OSError as error:
            raise Inaccessible(
                f"{place.parent}: the image cache cannot be written ({error.strerror or error}); "
                "free some space or choose another cache folder"
            ) from error
    return Cache(pixels, {content: row for row, content in enumerate(hashes)}, place)


def _key(hashes: Sequence[str], size: int) -> str:
    # another release of the decoder may give other pixels
    text = "\n".join([f"version {VERSION} {RESIZING} {size} Pillow {PIL.__version__}", *hashes])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _whole(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    try:
        pixels: NDArray[np.uint8] = np.lib.format.open_memmap(path, mode="r")
        if sha256_of(path) != path.with_name(DIGEST).read_text(encoding="utf-8").strip():
            return None  # damaged since
    except (OSError, ValueError):  # there is none, or it was cut short
        return None
    return pixels if pixels.shape == shape and pixels.dtype == np.uint8 else None


def _build(
    place: Path, paths: Sequence[Path], size: int, workers: int | None, on_progress: OnProgress
) -> None:
    unfinished = place.with_name(f"{place.name}.partial")
    shutil.rmtree(unfinished, ignore_errors=True)  # the lock is held: nobody is writing there
    unfinished.mkdir()
    try:
        squares = map_files(partial(_square, size=size), paths, workers, on_progress)
        _write(unfinished / PIXELS, squares, (len(paths), size, size))
        write_text(unfinished / DIGEST, sha256_of(unfinished / PIXELS) + "\n")
        write_text(
            unfinished / "README.txt",
            f"{len(paths)} radiographs decoded by lungscope, {size} x {size}. Safe to delete.\n",
        )
        shutil.rmtree(place, ignore_errors=True)  # what is there is not whole
        unfinished.rename(place)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _write(path: Path, squares: Iterable[NDArray[np.uint8]], shape: tuple[int, ...]) -> None:
    # Not through a memory map, where a full disk is no exception but a signal that kills us.
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for square in squares:
            file.write(square.tobytes())
        file.flush()
        os.fsync(file.fileno())  # before the rename, so that a power cut leaves no empty pages


def _square(path: Path, size: int) -> NDArray[np.uint8]:
    return to_square(read(path), size)


@dataclass(frozen=True)
class PixelStatistics:
    """Statistics over all pixels of some images, in units of the [0, 1] grey scale."""

    mean: float
    std: float


def compute_pixel_statistics(images: Iterable[NDArray[np.uint8]]) -> PixelStatistics:
    """Computes mean and population standard deviation, exactly, from the grey-level histogram.

    Args:
        images: each (H, W) uint8, at least one. Give the training subset only: the others'
            statistics are not the model's to know.
    """
    counts = np.zeros(256, dtype=np.int64)
    for image in images:
        counts += np.bincount(image.ravel(), minlength=256)
    levels = np.arange(256) / 255
    mean = float(np.average(levels, weights=counts))
    std = float(np.sqrt(np.average((levels - mean) ** 2, weights=counts)))
    return PixelStatistics(mean, std)
