"""The images that the gate learns from, as small squares in memory, and what each one shows."""

import csv
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lungscope.errors import LungscopeError
from lungscope.images import ANYTHING, Radiograph, read, to_square
from lungscope.inference.gate import shrink
from lungscope.parallel import cpu_count
from lungscope.phantom.drawing import CLASSES, draw_phantom

FRONTAL, LATERAL = "frontal", "lateral-chest"
PHANTOM = "phantom"
PHANTOMS = 200
SIDE = 128
"""Of the squares that views are drawn from: twice the gate's, so that they stay sharp."""

FAMILIES = {
    "ct": "ct",
    "ct-64px": "ct",
    "mr-64px": "mr",
    "hand": "limb",
    "hand-64px": "limb",
    "bones": "limb",
    "knee": "limb",
    "dental-panoramic": "dental",
    "skull-cephalometric": "skull",
    "ultrasound-breast": "ultrasound",
    "dicom CR EXTREMITY AP": "limb",
    "dicom CR HIP": "limb",
}
"""Kinds that are left out together, as one is like the other."""


@dataclass(frozen=True, eq=False)
class Films:
    """N images and what they show.

    Attributes:
        pixels: (N, 128, 128) uint8, from which views are drawn.
        exact: (N, S, S) uint8, as the gate is given them.
        kind: (N,) "frontal", "lateral-chest", "phantom", or a family of other images.
        source: (N,) the collection.
        group: (N,) the patient.
        path: (N,) where it is, relative to the data folder.
    """

    pixels: NDArray[np.uint8]
    exact: NDArray[np.uint8]
    kind: NDArray[np.str_]
    source: NDArray[np.str_]
    group: NDArray[np.str_]
    path: NDArray[np.str_]

    @classmethod
    def load(cls, data: Path, cache: Path) -> "Films":
        """Reads all images, or what an earlier call kept in `cache` (an npz file)."""
        if not cache.exists():
            np.savez(cache, **vars(_read(data)))
        with np.load(cache) as kept:
            return cls(**{each.name: kept[each.name] for each in fields(cls)})


def _read(data: Path) -> Films:
    listed = [*_listed(data)]
    with ThreadPoolExecutor(cpu_count()) as pool:
        squares = list(pool.map(lambda each: _squares(each[0]), listed))
    kept = [(*squares_, *each) for squares_, each in zip(squares, listed, strict=True) if squares_]
    for number in range(PHANTOMS):
        size = (64, 224, 512)[number % 3]
        drawn = draw_phantom(CLASSES[number % len(CLASSES)], number, size).pixels
        radiograph = Radiograph(np.float32(drawn / 255), Path(), "PNG", "L", 8)
        name = f"phantom-{number}"
        kept.append((*_both(radiograph), Path(name), PHANTOM, PHANTOM, name))
    pixels, exact, files, kinds, sources, groups = zip(*kept, strict=True)
    names = [str(each.relative_to(data)) if each.is_absolute() else str(each) for each in files]
    return Films(np.stack(pixels), np.stack(exact), *map(np.array, (kinds, sources, groups, names)))


def _listed(data: Path) -> Iterator[tuple[Path, str, str, str]]:
    """File, kind, source and group of every image."""
    for name in ("lung-xray", "multi-site"):
        for row in _rows(data / name):
            yield data / name / row["file"], FRONTAL, row["source"], row["group"]
    for row in _rows(data / "refuse"):
        kind = FAMILIES.get(row["kind"], row["kind"])
        if kind.startswith("dicom"):
            kind = {"CT": "ct", "MR": "mr"}.get(kind.split()[1], "dicom-other")
        yield data / "refuse" / row["file"], kind, row["source"], row["file"]
    for file in sorted((data / "not-xrays").iterdir()):
        yield file, "photograph", "not-xrays", file.name


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metadata.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _squares(file: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
    try:
        return _both(read(file, ANYTHING))
    except LungscopeError as error:
        print(f"left out: {error}")
        return None


def _both(radiograph: Radiograph) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    return to_square(radiograph, SIDE), shrink(to_square(radiograph, 224))
