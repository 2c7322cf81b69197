"""Codes by which a picture is recognised again without being kept: a hash and a sketch.

The hash is the perceptual one of `imagehash.phash`, computed from averages: the signs of the 64
lowest cosine coefficients about their median. The sketch has the signs of the fine detail on a
grid. Both are of the middle of a thumbnail, `CORE` of its rows and columns. A picture that may be a
mirrored, turned or cropped copy is looked at in many views: each has a window that would be that
middle of the original.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.ndimage import gaussian_filter

from lungscope.data.survey import ANGLES, CORE, THUMBNAIL, rotate_thumbnail

Thumbnail = NDArray[np.uint8]
Values = NDArray[np.float32]
Window = tuple[float, float]
"""From where to where along one side, as proportions of it; may lie a little outside 0 to 1."""

GRID = 24
"""Rows and columns of a sketch."""

SKETCH_BYTES = GRID * GRID // 8
LARGEST_CROP = 0.1
"""The proportion of rows, and of columns, that a copy may lack."""

_STEPS = 3
"""Steps in which the crop at an edge is varied, from none to `LARGEST_CROP`."""

_MOVES = (LARGEST_CROP / _STEPS / 2, LARGEST_CROP / _STEPS / 4)
"""How far the edges of a window are moved to fit a sketch, at first and then."""

_TURN = 2.5
"""Degrees by which a turned view is turned further to fit, half the difference of two angles."""

_COARSE = 1.2
"""Deviation in pixels of the Gaussian that leaves the coarse; what it takes away is fine detail."""

_HASH, _SMALL = 8, 32
"""Sides of a hash, and of the picture that its coefficients are of."""


@dataclass(frozen=True)
class View:
    """A way in which a picture may have been copied.

    Attributes:
        angle: degrees that it is turned by, counter-clockwise.
        over: whether it is turned upside down.
        mirrored: whether it is mirrored left-right.
        rows, columns: the window that would be the middle of the original.
    """

    angle: float
    over: bool
    mirrored: bool
    rows: Window
    columns: Window


def _windows() -> tuple[tuple[Window, ...], tuple[Window, ...]]:
    """Windows along a side of a picture that is a crop, and of one that the original is a crop of.

    The first of both is the window of a picture that is neither.
    """
    margin, cuts = (1 - CORE) / 2, [LARGEST_CROP * step / _STEPS for step in range(_STEPS + 1)]
    pairs = [(a, b) for a, b in product(cuts, repeat=2) if a + b <= LARGEST_CROP * 1.001]
    crop = [((margin - a) / (1 - a - b), (1 - margin - a) / (1 - a - b)) for a, b in pairs]
    larger = [(a + margin * (1 - a - b), a + (1 - margin) * (1 - a - b)) for a, b in pairs]
    return tuple(crop), tuple(larger)


_CROP, _LARGER = _windows()
_WHOLE = _CROP[:1]
_PLAIN = tuple((angle, over) for angle in ANGLES for over in (False, True) if angle or over)
"""Turned views, in which no crop is looked for."""


@cache
def list_views() -> tuple[View, ...]:
    """Lists all views, in the order of `hash_views`."""
    return tuple(
        View(angle, over, mirrored, rows, columns)
        for mirrored in (False, True)
        for angle, over, windows in (
            (0, False, _CROP),
            (0, False, _LARGER),
            *((angle, over, _WHOLE) for angle, over in _PLAIN),
        )
        for rows, columns in product(windows, repeat=2)
    )


def hash_views(thumbnail: Thumbnail) -> NDArray[np.uint64]:
    """Hashes a thumbnail, (64, 64), in every view, (V,)."""
    return np.concatenate(
        [
            _hashes(turn_thumbnail(thumbnail, angle, over=over, mirrored=mirrored), windows)
            for mirrored in (False, True)
            for angle, over, windows in (
                (0, False, _CROP),
                (0, False, _LARGER),
                *((angle, over, _WHOLE) for angle, over in _PLAIN),
            )
        ]
    )


def hash_original(thumbnail: Thumbnail) -> np.uint64:
    """Hashes the middle of a thumbnail, (64, 64)."""
    found: np.uint64 = _hashes(thumbnail, _WHOLE)[0]
    return found


def sketch_original(thumbnail: Thumbnail) -> NDArray[np.uint8]:
    """Sketches the middle of a thumbnail, (64, 64), as (SKETCH_BYTES,)."""
    found: NDArray[np.uint8] = _sketches(_fine_detail(thumbnail), _WHOLE, _WHOLE)[0]
    return found


class Sketcher:
    """Sketches one thumbnail in any view.

    Args:
        thumbnail: (64, 64).
    """

    def __init__(self, thumbnail: Thumbnail) -> None:
        self._thumbnail = thumbnail
        self._details: dict[tuple[float, bool, bool], Values] = {}

    def agreements(self, view: View, sketches: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Compares the view's sketch with N others, (N, SKETCH_BYTES); returns (N,) in [0, 1]."""
        own = _sketches(self._detail(view), (view.rows,), (view.columns,))
        return agreement(own, sketches)

    def fit(self, view: View, sketch: NDArray[np.uint8]) -> float:
        """Moves the view's window until it agrees best with a sketch; returns the agreement."""
        best = 0.0
        for number, move in enumerate(_MOVES):
            near = [view]
            if view.angle and number == 0:
                near += [replace(view, angle=view.angle + turn) for turn in (-_TURN, _TURN)]
            rows, columns = _around(view.rows, move), _around(view.columns, move)
            found = np.array(
                [agreement(_sketches(self._detail(each), rows, columns), sketch) for each in near]
            ).reshape(len(near), len(rows), len(columns))
            place = np.unravel_index(int(found.argmax()), found.shape)
            best = max(best, float(found[place]))
            view = replace(near[place[0]], rows=rows[place[1]], columns=columns[place[2]])
        return best

    def _detail(self, view: View) -> Values:
        turned = view.angle, view.over, view.mirrored
        if turned not in self._details:
            self._details[turned] = _fine_detail(
                turn_thumbnail(self._thumbnail, view.angle, over=view.over, mirrored=view.mirrored)
            )
        return self._details[turned]


def agreement(sketches: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Computes the proportion of signs that agree, of sketches (..., SKETCH_BYTES) and others."""
    different = np.bitwise_count(sketches ^ other).sum(axis=-1, dtype=np.int64)
    equal: NDArray[np.float64] = 1 - different / (8 * SKETCH_BYTES)
    return equal


def turn_thumbnail(thumbnail: Thumbnail, angle: float, *, over: bool, mirrored: bool) -> Thumbnail:
    """Rotates a thumbnail, (64, 64), and turns it upside down or mirrors it left-right."""
    return rotate_thumbnail(thumbnail, angle)[:: -1 if over else 1, :: -1 if mirrored else 1]


def _around(window: Window, move: float) -> tuple[Window, ...]:
    start, end = window
    return tuple((start + a, end + b) for a, b in product((-move, 0.0, move), repeat=2))


def _fine_detail(thumbnail: Thumbnail) -> Values:
    image = thumbnail.astype(np.float32)
    detail: Values = image - gaussian_filter(image, _COARSE)
    return detail


def _hashes(thumbnail: Thumbnail, windows: Sequence[Window]) -> NDArray[np.uint64]:
    """Hashes in every pair of windows of rows and columns, (W * W,)."""
    along = _stacked(tuple(windows), _cosines)
    blocks = _blocks(along @ thumbnail.astype(np.float32) @ along.T, _HASH)
    bits = blocks > np.median(blocks, axis=-1, keepdims=True)
    hashes: NDArray[np.uint64] = np.packbits(bits, axis=-1).view(np.uint64)[:, 0]
    return hashes


def _sketches(
    detail: Values, rows: tuple[Window, ...], columns: tuple[Window, ...]
) -> NDArray[np.uint8]:
    """Sketches in every pair of windows, (R * C, SKETCH_BYTES)."""
    found = _stacked(rows, _averages) @ detail @ _stacked(columns, _averages).T
    return np.packbits(_blocks(found, GRID) > 0, axis=-1)


def _blocks(found: Values, side: int) -> Values:
    """(R * S, C * S) as (R * C, S * S)."""
    rows, columns = (length // side for length in found.shape)
    apart = found.reshape(rows, side, columns, side).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(apart).reshape(rows * columns, side * side)


@lru_cache(maxsize=4096)
def _stacked(windows: tuple[Window, ...], operator: Callable[[Window], Values]) -> Values:
    return np.concatenate([operator(window) for window in windows])


def _averages(window: Window) -> Values:
    """Averages the pixels along a window in the cells of a sketch, (GRID, 64)."""
    return _cell_averages(window, GRID).astype(np.float32)


def _cosines(window: Window) -> Values:
    """Computes the lowest cosine coefficients of the averages along a window, (8, 64)."""
    lowest: Values = dct(_cell_averages(window, _SMALL), axis=0)[:_HASH].astype(np.float32)
    return lowest


def _cell_averages(window: Window, cells: int) -> NDArray[np.float64]:
    """Averages in equal cells, (cells, 64); outside lies what is at the edge."""
    edges = np.linspace(*window, cells + 1) * THUMBNAIL
    first, last = np.arange(THUMBNAIL, dtype=np.float64), np.arange(1.0, THUMBNAIL + 1)
    first[0], last[-1] = -np.inf, np.inf
    overlap = np.minimum(edges[1:, None], last) - np.maximum(edges[:-1, None], first)
    averages: NDArray[np.float64] = np.maximum(overlap, 0) / np.diff(edges)[:, None]
    return averages
