"""Brushes of the chest phantom: pixel grids, soft edges, smooth noise and wide blur.

Products with the smooth basis are sparse rather than BLAS calls: those start threads that cost
more than the product.
"""

from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline
from scipy.sparse import csr_array

Field: TypeAlias = NDArray[np.floating[Any]]
"""Always float32, and (S, S), one value a pixel, where nothing else is said.

NumPy's type stubs take float32 times a Python float for float64, hence the wider type."""


@lru_cache(maxsize=4)
def grid(size: int) -> tuple[Field, Field]:
    """Pixel centres of a square image that reaches from -1 to 1.

    Returns:
        x, y: (size, size) float32, read-only.
    """
    line = (np.arange(size, dtype=np.float32) + 0.5) * (2 / size) - 1
    x, y = np.meshgrid(line, line)
    x.flags.writeable = y.flags.writeable = False
    return x, y


def ramp(distance: Field, width: float) -> Field:
    """A smooth step: exactly 0 where `distance` <= 0, exactly 1 where it is >= `width`."""
    t = distance * (1 / width)
    t.clip(0, 1, out=t)
    step = 3 - 2 * t
    step *= t
    step *= t
    return step


def disc(x: Field, y: Field, centre: tuple[float, float], radius: float, edge: float) -> Field:
    """A disc of ones whose rim falls to 0 at `radius` over a width of `edge`."""
    dx, dy = x - centre[0], y - centre[1]
    return ramp(radius - np.sqrt(dx * dx + dy * dy), edge)


def mottle(rng: np.random.Generator, size: int, blobs: int) -> Field:
    """Smooth noise of mean 0 and variance about 1, its blobs 1 / `blobs` of the image wide.

    The same generator gives the same pattern at every size.
    """
    basis = _basis(size, blobs)
    knots = basis.shape[1]
    # White noise through a cubic B-spline keeps 151/315 of its variance along each axis.
    return _spread(basis, rng.standard_normal((knots, knots), np.float32) * np.float32(315 / 151))


def wide_blur(field: Field, blobs: int) -> Field:
    """A field blurred over about 1 / `blobs` of its width, as scattered rays blur it."""
    return _spread(_basis(len(field), blobs), _spread(_average(len(field), blobs), field))


@lru_cache(maxsize=32)
def _basis(size: int, blobs: int) -> csr_array:
    knots = np.arange(-3, blobs + 4, dtype=np.float64)
    places = (np.arange(size) + 0.5) * (blobs / size)
    return csr_array(BSpline.design_matrix(places, knots, 3), dtype=np.float32)


@lru_cache(maxsize=32)
def _average(size: int, blobs: int) -> csr_array:
    basis = _basis(size, blobs)
    return csr_array(basis.multiply(1 / basis.sum(axis=0)).T, dtype=np.float32)


def _spread(basis: csr_array, coarse: Field) -> Field:
    rows = basis @ coarse
    columns = basis @ np.ascontiguousarray(rows.T)
    return np.ascontiguousarray(columns.T)
