"""Regions without lung: the border and the corners of a square radiograph.

Baselines and masks share them, so that a baseline on the border sees exactly the pixels that a
model with the centre masked sees.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

BORDER = 34 / 224
"""Width of the border as a proportion of the side: it holds 52 % of the pixels, and little lung."""

CORNER = 0.2
"""Side of a corner as a proportion of the image's: where letters and markers are burned in."""

Region: TypeAlias = Callable[[int], NDArray[np.bool_]]
"""Takes the side S of an image in pixels and returns (S, S) bool, True inside."""


def border(size: int) -> NDArray[np.bool_]:
    """Marks the outer frame, `BORDER` times the side wide.

    Args:
        size: side of the image in pixels, >= 4.

    Returns:
        (size, size).
    """
    return ~centre(size)


def centre(size: int) -> NDArray[np.bool_]:
    """Marks all but the border.

    Args:
        size: side of the image in pixels, >= 4.

    Returns:
        (size, size).
    """
    width = round(BORDER * size)
    inside = np.zeros((size, size), dtype=np.bool_)
    inside[width : size - width, width : size - width] = True
    return inside


def corners(size: int) -> NDArray[np.bool_]:
    """Marks four squares in the corners, with sides of `CORNER` times the image's.

    Args:
        size: side of the image in pixels, >= 4.

    Returns:
        (size, size).
    """
    side = round(CORNER * size)
    outside = np.zeros(size, dtype=np.bool_)
    outside[:side] = outside[size - side :] = True
    return np.outer(outside, outside)
