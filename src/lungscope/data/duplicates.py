"""Pictures that are there twice: to the byte, or re-encoded, resized, mirrored."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lungscope.data.survey import Survey, views

DISTANCE = 10
"""Bits of 64 in which the hashes of a candidate pair may differ."""

CORRELATION = 0.8
"""Of the detail of two thumbnails, from which they are one picture."""

BLOCK = 1024


@dataclass(frozen=True)
class Pair:
    """Two files with one picture.

    Attributes:
        first, second: files, first < second.
        kind: "bytes" if the files are equal, "near" if only the pictures are.
        distance: bits of 64 in which their hashes differ.
        correlation: of their thumbnails' detail, in [-1, 1].
    """

    first: str
    second: str
    kind: Literal["bytes", "near"]
    distance: int
    correlation: float


def duplicates(survey: Survey) -> tuple[Pair, ...]:
    """Finds all pairs of files that show one picture, mirrored copies among them."""
    images = sorted(survey.readable, key=lambda image: image.file)
    if not images:
        return ()
    hashes = np.stack([image.hashes for image in images])
    detail = [_detail(image.thumbnail) for image in images]
    pairs: dict[tuple[int, int], Pair] = {}
    for first, second, view, distance in candidates(hashes, DISTANCE):
        a, b = images[first], images[second]
        same = a.sha256 == b.sha256
        correlation = float(np.vdot(detail[first], views(detail[second])[view]))
        if same or correlation >= CORRELATION:
            known = pairs.get((first, second))
            if known is None or known.correlation < correlation:
                pairs[first, second] = Pair(
                    a.file, b.file, "bytes" if same else "near", distance, correlation
                )
    return tuple(pairs[key] for key in sorted(pairs))


def clusters(survey: Survey) -> dict[str, str]:
    """Names the cluster of each readable file: its first file in alphabetical order."""
    files = sorted(image.file for image in survey.readable)
    row = {file: number for number, file in enumerate(files)}
    pairs = duplicates(survey)
    ends = ([row[pair.first] for pair in pairs], [row[pair.second] for pair in pairs])
    links = coo_array((np.ones(len(pairs)), ends), shape=(len(files), len(files)))
    _, components = connected_components(links, directed=False)
    names: dict[int, str] = {}
    return {file: names.setdefault(int(components[row[file]]), file) for file in files}


def candidates(
    hashes: NDArray[np.uint64], distance: int
) -> Iterator[tuple[int, int, int, int]]:
    """Finds all pairs whose hashes differ in few bits, in vectorised blocks.

    Args:
        hashes: (N, V) uint64, view 0 of each image and its mirrored views.
        distance: the most bits that may differ.

    Yields:
        (first, second, view, bits) with first < second: view 0 of the first against that view of
        the second.
    """
    for start in range(0, len(hashes), BLOCK):
        block = hashes[start : start + BLOCK, 0]
        for view in range(hashes.shape[1]):
            others = hashes[start:, view]
            bits = np.bitwise_count(block[:, None] ^ others[None, :])
            rows, columns = np.nonzero(bits <= distance)
            later = columns > rows
            for row, column in zip(rows[later], columns[later], strict=True):
                yield int(start + row), int(start + column), view, int(bits[row, column])


def _detail(thumbnail: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The thumbnail less its coarse brightness, locally normalised, as a unit vector.

    Chest X-rays of different people are alike in the coarse; in the fine they are not.
    """
    image = thumbnail.astype(np.float32)
    fine = image - gaussian_filter(image, 3)
    fine /= np.sqrt(gaussian_filter(fine**2, 4.5)) + 4
    fine -= fine.mean()
    unit: NDArray[np.float32] = fine / (np.linalg.norm(fine) + 1e-6)
    return unit
