"""What the baselines see of an image: a thumbnail, its border, or a few numbers."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch.nn.functional import adaptive_avg_pool2d

from lungscope.audit.regions import border
from lungscope.errors import UnreadableImage
from lungscope.images import read

SIDE = 32
"""Side of the thumbnails in pixels: ribs and vessels are lost, the outline of the body is left."""

_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def thumbnails(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Averages images down to 32 x 32.

    Args:
        pixels: (N, S, S), S >= 32.

    Returns:
        (N, 1024), in [0, 255].
    """
    images = torch.tensor(pixels, dtype=torch.float32).unsqueeze(1)
    small: NDArray[np.float64] = adaptive_avg_pool2d(images, SIDE).flatten(1).double().numpy()
    return small


def borders(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Averages the border alone, as coarsely as `thumbnails`.

    Pixels of the centre are set to black before they are averaged with those of the border, so
    that nothing of them is left.

    Args:
        pixels: (N, S, S), S >= 32.

    Returns:
        (N, F), in [0, 255]; F is how many of a thumbnail's pixels touch the border.
    """
    shown = border(pixels.shape[-1])
    touched = thumbnails(shown[None].astype(np.uint8))[0] > 0
    return thumbnails(pixels * shown)[:, touched]


def statistics(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Computes mean, standard deviation and seven quantiles of each image's grey levels.

    Args:
        pixels: (N, S, S).

    Returns:
        (N, 9), in [0, 255].
    """
    levels = pixels.reshape(len(pixels), -1)
    return np.column_stack(
        [levels.mean(axis=1), levels.std(axis=1), np.quantile(levels, _QUANTILES, axis=1).T]
    )


def file_facts(paths: Sequence[Path]) -> NDArray[np.float64]:
    """Returns width and height in pixels as stored, their ratio, and the file size in bytes.

    Only the head of a file is read.

    Args:
        paths: N images.

    Returns:
        (N, 4).

    Raises:
        UnreadableImage: a file cannot be read.
    """
    return np.array([_facts(path) for path in paths], dtype=np.float64)


def _facts(path: Path) -> tuple[float, float, float, float]:
    try:
        width, height = _size(path)
        return width, height, width / height, path.stat().st_size
    except OSError as error:
        raise UnreadableImage(path, f"cannot be read: {error.strerror or error}") from error


def _size(path: Path) -> tuple[int, int]:
    try:
        with warnings.catch_warnings():
            # Whether an image is too large was decided when it was decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=("PNG", "JPEG", "TIFF", "BMP", "WEBP")) as image:
                return int(image.width), int(image.height)
    except UnidentifiedImageError:  # a format that only `read` knows
        radiograph = read(path)
        return radiograph.width, radiograph.height
