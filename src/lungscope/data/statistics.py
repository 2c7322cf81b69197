"""Mean and standard deviation of the training pixels (paper, section III-B)."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PixelStatistics:
    """Statistics over all pixels of some images, in units of the [0, 1] grey scale."""

    mean: float
    std: float


def compute_pixel_statistics(images: Iterable[NDArray[np.uint8]]) -> PixelStatistics:
    """Computes mean and population standard deviation, exactly, from the grey-level histogram.

    Args:
        images: each (H, W) uint8, at least one. Give the training subset only: the others'
            statistics are not the model's to know.
    """
    counts = np.zeros(256, dtype=np.int64)
    for image in images:
        counts += np.bincount(image.ravel(), minlength=256)
    levels = np.arange(256) / 255
    mean = float(np.average(levels, weights=counts))
    std = float(np.sqrt(np.average((levels - mean) ** 2, weights=counts)))
    return PixelStatistics(mean, std)
