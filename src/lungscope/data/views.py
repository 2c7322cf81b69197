"""The ways a copy of a picture may be turned: mirrored, upside down, rotated a little.

Augmented copies are published as data sets of their own (the paper's own augmentation flips both
ways and rotates by up to 10 degrees). Two thumbnails are therefore compared in twenty views.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

ANGLES = (0, 5, -5, 10, -10)
"""Degrees, counter-clockwise. No rotation by up to 12.5 degrees is further than 2.5 from one."""

_BACKWARDS = slice(None, None, -1)
MIRRORINGS = (
    (..., slice(None), slice(None)),
    (..., slice(None), _BACKWARDS),
    (..., _BACKWARDS, slice(None)),
    (..., _BACKWARDS, _BACKWARDS),
)
"""Indices of images (..., H, W) as they are, mirrored left-right, upside down, and both."""

CORE = 0.84
"""The middle share of rows and columns that is compared: rotating by 10 degrees leaves it whole."""


def rotated(thumbnail: NDArray[np.uint8], angle: float) -> NDArray[np.uint8]:
    """Rotates a thumbnail about its middle; what comes from outside is black.

    Args:
        thumbnail: (H, W) uint8.
        angle: degrees, counter-clockwise.

    Returns:
        (H, W) uint8.
    """
    if angle == 0:
        return thumbnail
    return np.asarray(Image.fromarray(thumbnail).rotate(angle, Image.Resampling.BILINEAR))


def core(images: NDArray[Any]) -> NDArray[Any]:
    """Cuts the middle out of images.

    Args:
        images: (..., S, S).

    Returns:
        (..., C, C), a view, with C about `CORE` times S and S - C even.
    """
    side = images.shape[-1]
    margin = round(side * (1 - CORE) / 2)
    return images[..., margin : side - margin, margin : side - margin]
