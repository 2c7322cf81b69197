"""Images with their lungs hidden, with all else hidden, or with the lungs of another image."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lungscope.data.cache import Cache
from lungscope.data.split import SplitEntry
from lungscope.images import Radiograph
from lungscope.inference.lung_segmenter import LungSegmenter
from lungscope.progress import OnProgress, ignore

Images = NDArray[np.uint8]
"""(N, S, S) grey levels."""


@dataclass(frozen=True, eq=False)
class LungImages:
    """Images on which both lungs were found.

    Attributes:
        rows: (N,) which of the entries that were searched.
        entries: the N images.
        pixels: (N, S, S) uint8.
        lungs: (N, 2, S, S) bool: the lung field on the image's left, and that on its right.
    """

    rows: NDArray[np.intp]
    entries: tuple[SplitEntry, ...]
    pixels: Images
    lungs: NDArray[np.bool_]

    def cache(self, pixels: Images) -> Cache:
        """A cache in which the N images have other pixels."""
        row = {entry.sha256: number for number, entry in enumerate(self.entries)}
        return Cache(pixels, row, Path())


def find_lungs(
    cache: Cache, entries: Sequence[SplitEntry], on_progress: OnProgress = ignore
) -> LungImages:
    """Finds the lungs on images, and keeps those on which both are plausible.

    Args:
        cache: the images.
        entries: which of them.
        on_progress: called after every image.
    """
    segmenter = LungSegmenter.bundled()
    pixels = cache.pixels[cache.rows(entries)]
    size = pixels.shape[-1]
    rows, lungs = [], []
    for number, square in enumerate(pixels):
        grey = square.astype(np.float32) / np.float32(255)
        field = segmenter.find(Radiograph(grey, Path(), "PNG", "L", 8))
        if field.implausible is None:
            rows.append(number)
            lungs.append(field.resampled_sides(size, size))
        on_progress(number + 1, len(entries))
    return LungImages(
        np.array(rows, dtype=np.intp),
        tuple(entries[row] for row in rows),
        pixels[rows],
        np.array(lungs, dtype=np.bool_).reshape(len(rows), 2, size, size),
    )


def hide(images: Images, hidden: NDArray[np.bool_]) -> Images:
    """Fills a part of each image with the image's mean grey level.

    Args:
        images: (N, S, S).
        hidden: (N, S, S) bool.

    Returns:
        (N, S, S).
    """
    mean = np.rint(images.mean(axis=(1, 2), keepdims=True)).astype(np.uint8)
    return np.where(hidden, mean, images)


def transplant(
    recipient: NDArray[np.uint8],
    lungs: NDArray[np.bool_],
    donor: NDArray[np.uint8],
    donated: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    """Puts the lungs of one image in the place of those of another.

    Each lung's bounding box is stretched to that of the lung that it replaces, and shows within
    that lung's outline alone. Grey levels are adapted so that what surrounds the lungs has the same
    mean and spread in both images.

    Args:
        recipient: (S, S).
        lungs: (2, S, S), its lungs; both hold a pixel or more.
        donor: (S, S).
        donated: (2, S, S), the lungs of the donor; likewise.

    Returns:
        (S, S).
    """
    here, there = recipient[~lungs.any(axis=0)], donor[~donated.any(axis=0)]
    gain = here.std() / max(float(there.std()), 1.0)
    adapted = (donor - there.mean()) * gain + here.mean()
    source = Image.fromarray(np.clip(np.rint(adapted), 0, 255).astype(np.uint8))
    made: NDArray[np.uint8] = recipient.copy()
    for old, new in zip(lungs, donated, strict=True):
        top, bottom, left, right = _box(old)
        above, below, before, after = _box(new)
        stretched = source.resize(
            (right - left, bottom - top), Image.Resampling.BILINEAR, (before, above, after, below)
        )
        within = old[top:bottom, left:right]
        made[top:bottom, left:right][within] = np.asarray(stretched)[within]
    return made


def _box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """First row, row after the last, first column, column after the last."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


@dataclass(frozen=True, eq=False)
class Donors:
    """For each of some images, two others of its class, of other groups.

    Attributes:
        recipients: (M,) places of the images.
        same: (M,) places of a donor from the same source.
        other: (M,) places of a donor from another source.
    """

    recipients: NDArray[np.intp]
    same: NDArray[np.intp]
    other: NDArray[np.intp]


def draw_donors(entries: Sequence[SplitEntry], seed: int = 0) -> Donors:
    """Draws donors for all images that have one of each kind.

    Args:
        entries: the images; those without a source are left out.
        seed: of the draws.
    """
    generator = np.random.default_rng(seed)
    labels = np.array([entry.label for entry in entries])
    groups = np.array([entry.group for entry in entries])
    sources = np.array([entry.source or "" for entry in entries])
    drawn = []
    for place in range(len(entries)):
        apart = (labels == labels[place]) & (groups != groups[place]) & (sources != "")
        alike = np.flatnonzero(apart & (sources == sources[place]))
        others = np.flatnonzero(apart & (sources != sources[place]))
        if sources[place] and len(alike) and len(others):
            drawn.append((place, generator.choice(alike), generator.choice(others)))
    return Donors(*np.array(drawn, dtype=np.intp).reshape(-1, 3).T)
