"""Radiographs with drawn lungs: reading them, and what each drawing says of a complete lung field.

Drawings follow two conventions. Some hold the whole field in which lung is projected, that behind
the heart included; others, and those of other networks, hold what is seen to be aerated. A field
from which dense opacities or the heart are left out would show by its shape what the film shows,
so the complete field is what is learned. An aerated drawing says of it that what it holds is
inside, and what the convex hull of both lungs together leaves out is outside. Of what is between,
opacities and the heart with the lung behind it, it says nothing; the hull of each lung
alone would say that the lung behind the heart is outside.
"""

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import center_of_mass, label
from scipy.spatial import ConvexHull, QhullError

from lungscope.errors import InvalidData, NotFound, UnreadableImage
from lungscope.images import read, to_square

COMPLETE, AERATED = "complete", "aerated"
"""Conventions of a drawing: with the lung behind the heart, or without."""

_SPECK = 0.002
"""Of the image: what is smaller is no lung."""

_HELD_OUT = 4
"""One in so many groups is held out."""


@dataclass(frozen=True)
class DrawnFilm:
    """A film with drawn lungs.

    Attributes:
        image: file of the film.
        mask: file of the drawing: an image of the film's size, lungs not black.
        source: where both come from.
        human: whether a person drew it, not another network.
        convention: "complete" or "aerated".
        group: films of one group are of one patient.
    """

    image: Path
    mask: Path
    source: str
    human: bool
    convention: str
    group: str

    @property
    def held_out(self) -> bool:
        """Whether the film is left for testing: one in four groups, by a hash of their name."""
        return hashlib.sha256(self.group.encode()).digest()[0] % _HELD_OUT == 0


def read_table(path: Path, complete: Sequence[str] = ()) -> list[DrawnFilm]:
    """Reads a table of drawn films.

    Args:
        path: CSV with the columns image, mask, source, drawn ("human" or "automatic") and group;
            files are named relative to it.
        complete: the sources whose drawings are complete lung fields.

    Raises:
        NotFound: no such file.
        InvalidData: a column is missing, or there is no row.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError as error:
        raise NotFound(f"{path}: {error.strerror}") from error
    missing = {"image", "mask", "source", "drawn", "group"} - set(rows[0] if rows else ())
    if missing:
        raise InvalidData(f"{path}: no rows with the columns {', '.join(sorted(missing))}")
    return [
        DrawnFilm(
            path.parent / row["image"],
            path.parent / row["mask"],
            row["source"],
            row["drawn"] == "human",
            COMPLETE if row["source"] in complete else AERATED,
            row["group"],
        )
        for row in rows
    ]


def read_mask(path: Path) -> NDArray[np.bool_]:
    """Reads a drawing, (H, W), True in the lungs.

    Raises:
        UnreadableImage: no image.
    """
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("L")) > 0
    except OSError as error:
        raise UnreadableImage(f"{path}: not a readable image") from error


def split_lungs(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Separates the two lungs of a drawing.

    Its parts go to the nearer of the two largest parts; specks go.

    Args:
        mask: (H, W).

    Returns:
        (2, H, W): the lung on the image's left (the patient's right), and the other.

    Raises:
        InvalidData: the drawing does not have two parts.
    """
    parts, count = label(mask)
    areas = np.bincount(parts.ravel(), minlength=count + 1)
    areas[0] = 0
    lungs = np.argsort(areas)[::-1][:2]
    if count < 2 or areas[lungs].min() < _SPECK * mask.size:
        raise InvalidData("the drawing does not show two lungs apart")
    kept = [part for part in range(1, count + 1) if areas[part] >= _SPECK * mask.size]
    columns = {part: center_of_mass(parts == part)[1] for part in kept}
    left, right = sorted(lungs, key=lambda part: columns[part])
    middle = (columns[left] + columns[right]) / 2
    sides = np.zeros((2, *mask.shape), dtype=np.bool_)
    for part in kept:
        sides[int(columns[part] > middle)] |= parts == part
    return sides


def fill_hull(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fills the convex hull of what is marked.

    Args:
        mask: (H, W).

    Returns:
        (H, W); `mask` itself where it is on one line or empty.
    """
    points = np.argwhere(mask)[:, ::-1]
    try:
        corners = points[ConvexHull(points).vertices]
    except (QhullError, ValueError):
        return mask
    drawn = Image.new("1", mask.shape[::-1])
    ImageDraw.Draw(drawn).polygon([(int(x), int(y)) for x, y in corners], fill=1, outline=1)
    return np.asarray(drawn) | mask


@dataclass(frozen=True, eq=False)
class Target:
    """What a drawing teaches, on a square.

    Channels are the complete field of the lung on the image's left, of that on its right, and both
    lungs as far as they are aerated.

    Attributes:
        image: (S, S) uint8.
        inside: (3, S, S) uint8, 0 or 255.
        known: (3, S, S) uint8: 255 where the drawing says what is inside, 0 where it does not.
    """

    image: NDArray[np.uint8]
    inside: NDArray[np.uint8]
    known: NDArray[np.uint8]


def make_target(film: DrawnFilm, side: int) -> Target:
    """Reads a film and its drawing for training.

    Args:
        film: which.
        side: of the squares, in pixels.

    Raises:
        UnreadableImage: the film or its drawing cannot be read.
        InvalidData: the drawing does not show two lungs.
    """
    mask = read_mask(film.mask)
    lungs = split_lungs(mask)
    whole = lungs.any(axis=0)
    if film.convention == COMPLETE:
        known = np.stack([np.ones_like(whole), np.ones_like(whole), ~whole])
    else:
        decided = ~fill_hull(whole) | whole
        opacities = np.stack([fill_hull(lung) for lung in lungs]).any(axis=0) & ~whole
        aerated = np.ones_like(whole) if film.human else ~opacities
        known = np.stack([decided, decided, aerated])
    stretch = [_stretch(part, side) for part in (*lungs, whole)]
    return Target(
        to_square(read(film.image), side),
        np.stack(stretch),
        np.stack([_stretch(part, side) for part in known]),
    )


def _stretch(mask: NDArray[np.bool_], side: int) -> NDArray[np.uint8]:
    image = Image.fromarray(mask.astype(np.uint8) * 255)
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR))
