"""Images that occur more than once: equal byte for byte, re-encoded, resized, cropped or turned.

Candidates are found by the distance of perceptual hashes in every view (`survey.ANGLES`,
`MIRRORINGS`), and confirmed by the correlation of the thumbnails' fine detail after a small
movement. Chest X-rays of different people are alike in the coarse: at `DISTANCE`, 0.9 % of pairs
are candidates, and before the coarse brightness is taken away two people correlate up to 0.95;
after it up to 0.72, aligned up to 0.79.

Measured on 3,024 X-rays of adults and children (240 x 240, 4.57 million pairs), with copies of 300
of them. Found at the thresholds below: JPEG of quality 50, other sizes and aspects, brightness and
contrast by 25 %, gamma 0.6-1.6, either mirroring, rotation by up to 10 degrees, and the paper's
whole augmentation: 100 %; histogram equalisation 96 %; a crop of up to 3 % a side 95 %; the paper's
augmentation, cropped so and brightened besides, 94 %. Not made for: zoom by up to 10 % (69 %) and
shifts by up to 5 % (21 %). Pairs of different radiographs taken for one: none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lungscope.data.survey import ANGLES, MIRRORINGS, ImageRecord, Survey, core, rotate_thumbnail

DISTANCE = 10
"""Bits of 64 in which the hashes of a candidate pair may differ."""

WORTH_ALIGNING = 0.55
"""Correlation of the details of two thumbnails from which a small movement is looked for."""

CORRELATION = 0.82
"""Correlation of the details, aligned, from which two files show one image."""

BLOCK = 1024
"""Hashes, and pairs of thumbnails, that are compared at a time."""


@dataclass(frozen=True)
class DuplicatePair:
    """Two files that show one image.

    Attributes:
        first, second: files, first < second.
        kind: "bytes" if the files are equal, "near" if only the images are.
        distance: bits of 64 in which their hashes differ, in the view where they are most alike.
        correlation: correlation of their thumbnails' detail in that view, in [-1, 1].
    """

    first: str
    second: str
    kind: Literal["bytes", "near"]
    distance: int
    correlation: float


def find_duplicates(survey: Survey) -> tuple[DuplicatePair, ...]:
    """Finds the files that show one image, in the order of their names.

    Where several files are equal byte for byte, each is paired with the first of them, and only
    the first is compared with other images.

    Args:
        survey: what `survey_images` found.

    Examples:
        >>> from lungscope.data.index import Index
        >>> from lungscope.data.survey import survey_images
        >>> find_duplicates(survey_images(Index.open("xrays")))
        ()
    """
    firsts: dict[str, ImageRecord] = {}
    equal: list[DuplicatePair] = []
    for image in sorted(survey.readable, key=lambda image: image.file):
        first = firsts.setdefault(image.sha256, image)
        if first is not image:
            equal.append(DuplicatePair(first.file, image.file, "bytes", 0, 1.0))
    near = _near(list(firsts.values()))
    return tuple(sorted([*equal, *near], key=lambda pair: (pair.first, pair.second)))


def cluster_duplicates(
    survey: Survey, pairs: Sequence[DuplicatePair] | None = None
) -> dict[str, str]:
    """Names the cluster of each readable file: its first file in alphabetical order.

    Files are in one cluster if a chain of duplicate pairs links them.

    Args:
        survey: what `survey_images` found.
        pairs: what `find_duplicates` found in it; searched for by default.

    Examples:
        >>> from lungscope.data import Index, survey_images
        >>> clusters = cluster_duplicates(survey_images(Index.open("xrays")))
        >>> len(clusters)
        60
    """
    files = sorted(image.file for image in survey.readable)
    row = {file: number for number, file in enumerate(files)}
    pairs = find_duplicates(survey) if pairs is None else pairs
    ends = ([row[pair.first] for pair in pairs], [row[pair.second] for pair in pairs])
    links = coo_array((np.ones(len(pairs)), ends), shape=(len(files), len(files)))
    _, components = connected_components(links, directed=False)
    names: dict[int, str] = {}
    return {file: names.setdefault(int(components[row[file]]), file) for file in files}


def find_candidates(
    hashes: NDArray[np.uint64], turned: NDArray[np.uint64], distance: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.uint8]]]:
    """Finds all pairs whose hashes differ in few bits, without a matrix of all pairs.

    Args:
        hashes: (N,) uint64, of the images as they are.
        turned: (N,) uint64, of the same images in another view.
        distance: the most bits that may differ.

    Yields:
        Arrays (P,) of pairs of positions, first < second, and of the bits in which
        `hashes[first]` and `turned[second]` differ.
    """
    for start in range(0, len(hashes), BLOCK):
        bits = np.bitwise_count(hashes[start : start + BLOCK, None] ^ turned[None, start:])
        first, second = np.nonzero(bits <= distance)
        later = np.flatnonzero(second > first)
        for part in np.array_split(later, len(later) // BLOCK + 1):
            rows, columns = first[part], second[part]
            yield rows + start, columns + start, bits[rows, columns]


def _near(images: Sequence[ImageRecord]) -> list[DuplicatePair]:
    if not images:
        return []
    hashes = np.stack([image.hashes for image in images], axis=1)
    thumbnails = [image.thumbnail for image in images]
    best: dict[tuple[int, int], tuple[float, int]] = {}
    details = _details(thumbnails, 0)
    for number, angle in enumerate(ANGLES):
        rotated_details = _details(thumbnails, angle) if angle else details
        for mirroring, view in enumerate(MIRRORINGS):
            turned = hashes[number * len(MIRRORINGS) + mirroring]
            for first, second, bits in find_candidates(hashes[0], turned, DISTANCE):
                correlations = _alike(details[first], rotated_details[second][view])
                for found in np.flatnonzero(correlations >= CORRELATION):
                    pair = int(first[found]), int(second[found])
                    seen = float(correlations[found]), -int(bits[found])
                    best[pair] = max(seen, best.get(pair, seen))
    return [
        DuplicatePair(images[first].file, images[second].file, "near", -bits, correlation)
        for (first, second), (correlation, bits) in best.items()
    ]


def _details(thumbnails: Sequence[NDArray[np.uint8]], angle: float) -> NDArray[np.float16]:
    """The detail of each thumbnail, rotated: (N, C, C), of mean 0 and length 1.

    Coarse brightness is taken away and the rest locally normalised. Half precision, because
    it is kept for all images at once.
    """
    return np.stack([_detail(rotate_thumbnail(thumbnail, angle)) for thumbnail in thumbnails])


def _detail(thumbnail: NDArray[np.uint8]) -> NDArray[np.float16]:
    image = thumbnail.astype(np.float32)
    fine = image - gaussian_filter(image, 3)
    fine /= np.sqrt(gaussian_filter(fine**2, 4.5)) + 4  # 4 grey levels are noise
    fine = core(fine)
    fine = fine - fine.mean()
    length = np.linalg.norm(fine)
    unit: NDArray[np.float16] = (fine / max(length, 1e-6)).astype(np.float16)
    return unit


def _alike(details: NDArray[np.float16], turned: NDArray[np.float16]) -> NDArray[np.float32]:
    """The correlation of P pairs of details (P, C, C), aligned where that is worth it."""
    fixed, moving = details.astype(np.float32), turned.astype(np.float32)
    found: NDArray[np.float32] = np.einsum("nij,nij->n", fixed, moving)
    promising = np.flatnonzero(found >= WORTH_ALIGNING)
    found[promising] = _aligned(fixed[promising], moving[promising])
    return found


def _aligned(fixed: NDArray[np.float32], moving: NDArray[np.float32]) -> NDArray[np.float32]:
    """The correlation left after the small affine movement that fits best, to first order.

    A shift, zoom or turn by less than the detail's size adds to an image a sum of its gradients
    (Lucas and Kanade, 1981): `fixed` is regressed on `moving` and these, and the multiple
    correlation is returned. Both (P, C, C); the result (P,) in [0, 1].
    """
    dy, dx = np.gradient(moving, axis=(1, 2))
    y, x = np.meshgrid(*2 * [np.linspace(-1, 1, moving.shape[1], dtype=np.float32)], indexing="ij")
    terms = np.stack([moving, dx, dy, dx * x, dx * y, dy * x, dy * y], axis=1)
    terms = terms.reshape(len(moving), 7, x.size)
    terms -= terms.mean(axis=-1, keepdims=True)
    products = terms @ terms.transpose(0, 2, 1)
    targets = terms @ fixed.reshape(len(fixed), x.size, 1)
    explained = (
        targets.transpose(0, 2, 1) @ np.linalg.pinv(products, 1e-6, hermitian=True) @ targets
    )
    aligned: NDArray[np.float32] = np.sqrt(np.clip(explained[:, 0, 0], 0, 1))
    return aligned
