"""How much of the attribution lies where no lung is: on shoulders, arms, letters and markers.

Nothing here looks at the image: a segmentation of the lungs would be another network that may be
wrong. The thorax is an ellipse that holds it on frontal radiographs of adults and of children. It
was fitted to the convex hulls of both lungs, as thresholding found them on 389 normal radiographs
(174 of adults from RSNA, 215 of children from Guangzhou, both of the COVID-19 Radiography
Database): the smallest ellipse with 99 % of the hulls' area. Of every hundredth hull it leaves
out 6 % or more. On a radiograph with much abdomen, or a rotated one, it is a coarse measure.
"""

import math

import numpy as np
from numpy.typing import NDArray

from lungscope.inference.explain.heatmap import Heatmap

CENTRE = (0.50, 0.52)
"""Of the ellipse, as proportions of width and height."""

HALF_AXES = (0.44, 0.47)
"""Of the ellipse, as proportions of width and height."""

EVEN = 1 - math.pi * HALF_AXES[0] * HALF_AXES[1]
"""Proportion of evenly spread attribution that is outside, 0.35, as of the image itself."""

_GRID = 224


def thorax_mask(height: int, width: int) -> NDArray[np.bool_]:
    """Marks the pixels whose middle is in the thorax.

    Returns:
        (height, width), True inside.

    Examples:
        >>> inside = thorax_mask(64, 64)
        >>> bool(inside[32, 32]), bool(inside[0, 0])
        (True, False)
    """
    y = (np.arange(height) + 0.5) / height - CENTRE[1]
    x = (np.arange(width) + 0.5) / width - CENTRE[0]
    distance = (y[:, None] / HALF_AXES[1]) ** 2 + (x[None, :] / HALF_AXES[0]) ** 2
    inside: NDArray[np.bool_] = distance <= 1
    return inside


def proportion_outside_thorax(heatmap: Heatmap) -> float | None:
    """Computes the proportion of the attribution outside the thorax, in [0, 1].

    Above `EVEN` the attribution points away from the thorax more than one that points nowhere, and
    the answer is suspect: it may rest on a marker, on the edge of the radiograph or on how a
    patient was held. A heatmap of 7 x 7 cells is too coarse to fall below some 0.1 to 0.2. None
    where there is no attribution.
    """
    values = heatmap.resampled(_GRID, _GRID).astype(np.float64)
    total = values.sum()
    if total == 0:
        return None
    return float(values[~thorax_mask(_GRID, _GRID)].sum() / total)
