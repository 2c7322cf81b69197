"""What resizing, compressing and stretching leave in an image, as numbers.

Films of two hospitals differ in these numbers before they differ in what they show.
"""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL.JpegImagePlugin import JpegImageFile

from lungscope.images import Radiograph, to_square

SHARPNESS_SIDE = 224
"""Pixels; sharpness is that of the image as the paper's networks see it, so that it does not depend
on the stored size alone."""

_MIDDLE = slice(20, -20)
"""Rows and columns whose sharpness is measured: borders and most marks are outside."""

_STANDARD_MEAN = 57.625
"""Mean of the luminance table of JPEG's Annex K, which libjpeg calls quality 50."""

_SAMPLED = 256
"""Pixels a side that are looked at for the grey levels that occur."""


def measure_sharpness(radiograph: Radiograph) -> float:
    """Measures the energy of the finest detail relative to that of detail twice as coarse.

    Both are second differences along rows and columns (x[-h] - 2 x[0] + x[h]), with a step h of one
    pixel and of two.

    Args:
        radiograph: any size; it is stretched to 224 x 224 first.

    Returns:
        A ratio > 0: 1 for white noise, about 0.2 for radiographs, near 1/16 for an image that was
        enlarged or blurred.
    """
    square = to_square(radiograph, SHARPNESS_SIDE)[_MIDDLE, _MIDDLE].astype(np.float32)
    noise = 1 / 12  # of rounding to 8 bits; it keeps an image without detail from dividing by 0
    return (_difference_energy(square, 1) + noise) / (_difference_energy(square, 2) + noise)


def measure_gaps(radiograph: Radiograph) -> float:
    """Measures how much of the grey range is unused: much after stretching or equalisation.

    Args:
        radiograph: any size; at most about 256 x 256 of its pixels are looked at.

    Returns:
        The proportion of the 256 levels between the darkest and the brightest that do not occur,
        in [0, 1).
    """
    rows, columns = (max(1, side // _SAMPLED) for side in radiograph.pixels.shape)
    sample = np.rint(radiograph.pixels[::rows, ::columns] * 255).astype(np.uint8)
    used = np.flatnonzero(np.bincount(sample.ravel(), minlength=256))
    return float(1 - len(used) / (used[-1] - used[0] + 1))


def estimate_jpeg_quality(content: bytes) -> float | None:
    """Estimates the quality that a JPEG was saved with, by its luminance quantisation table.

    Args:
        content: a file of any kind.

    Returns:
        A quality as libjpeg counts it, in [0, 100]; None for a file that is not JPEG. Programs
        that use other tables give the quality whose table has the same mean.
    """
    if not content.startswith(b"\xff\xd8\xff"):
        return None
    with JpegImageFile(BytesIO(content)) as image:  # reads the head only
        table = image.quantization.get(0)
    if not table:
        return None
    scale = 100 * float(np.mean(table)) / _STANDARD_MEAN
    return max(0.0, (200 - scale) / 2 if scale <= 100 else 5000 / scale)


def _difference_energy(image: NDArray[np.float32], step: int) -> float:
    wide = 2 * step
    down = image[wide:] + image[:-wide] - 2 * image[step:-step]
    right = image[:, wide:] + image[:, :-wide] - 2 * image[:, step:-step]
    return float(np.mean(np.square(down)) + np.mean(np.square(right)))
