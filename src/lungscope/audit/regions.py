"""Where the lung is not: the border and the corners of a square radiograph.

The baselines and the masks take them from here, so that a baseline on the border is shown exactly
the pixels that a model with its centre masked is shown.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

BORDER = 34 / 224
"""Width of the border as a share of the side: it holds 52 % of the pixels, and little lung."""

CORNER = 0.2
"""Side of a corner as a share of the image's: where letters and markers are burned in."""

Region: TypeAlias = Callable[[int], NDArray[np.bool_]]
"""The side S of an image in pixels -> (S, S), True inside."""


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
