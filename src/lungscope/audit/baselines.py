"""Baselines without a view of the lung: classifiers that are shown next to nothing.

A model's accuracy says something about lungs only as far as it exceeds what a thumbnail, the border
or the size of the file predicts (Maguolo and Nanni, 2021, arXiv 2004.12823; DeGrave et al., 2021,
Nature Machine Intelligence 3).
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import RidgeClassifier
from sklearn.preprocessing import StandardScaler
from torch.nn.functional import adaptive_avg_pool2d

from lungscope.audit.effect import mean
from lungscope.audit.masking import border
from lungscope.data.cache import Cache
from lungscope.data.split import SUBSETS, Split, Subset
from lungscope.errors import UnreadableImage
from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling
from lungscope.images import read
from lungscope.progress import OnProgress, ignore

PENALTIES = (1e5, 1e4, 1e3, 1e2, 1e1, 1e0)
"""Penalties of the ridge, on standardised features; of equally good ones the first, the strongest,
is used."""

TREES = 300

_BLOCK = 256
"""Number of images whose features are computed at once: 50 MiB of floats at 224 x 224."""

Features = dict[Subset, NDArray[np.float64]]
"""(images of the subset, F)."""

Labels = dict[Subset, NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class Baseline:
    """A classifier without a view of the lung, fitted on the train subset.

    Attributes:
        name: identifier, e.g. "border".
        title: name for people, e.g. "border alone".
        sees: what it is shown, a sentence.
        accuracy: accuracy on the test subset.
        correct: (N,) which test images it classifies correctly, in the order of the split, for
            pairing with a model's.
    """

    name: str
    title: str
    sees: str
    accuracy: Estimate
    correct: NDArray[np.bool_]

    def to_json(self) -> dict[str, Any]:
        """Returns everything except the single images."""
        return {
            "name": self.name,
            "title": self.title,
            "sees": self.sees,
            "accuracy": asdict(self.accuracy),
        }


def fit_baselines(
    split: Split,
    cache: Cache,
    data: Path,
    resampling: Resampling,
    on_progress: OnProgress = ignore,
) -> tuple[Baseline, ...]:
    """Fits four baselines on the train subset and scores them on the test subset.

    The ridge's penalty is chosen by the accuracy on the validation subset.

    Args:
        split: the subsets of the images.
        cache: the images, decoded at 32 x 32 or larger.
        data: the folder that the split's files are relative to.
        resampling: of the groups of the test subset, in the split's order.
        on_progress: called with the number of fitted baselines, of four.

    Returns:
        Thumbnail, border, statistics, majority.

    Raises:
        UnreadableImage: a file cannot be read.
    """
    labels: Labels = {
        subset: np.array([entry.label for entry in split.subset(subset)], dtype=np.int64)
        for subset in SUBSETS
    }
    found: list[Baseline] = []

    def add(name: str, title: str, sees: str, predicted: NDArray[np.int64]) -> None:
        correct = predicted == labels["test"]
        found.append(Baseline(name, title, sees, mean(correct, resampling), correct))
        on_progress(len(found), 4)

    add(
        "thumbnail",
        f"{SIDE} x {SIDE} thumbnail",
        f"The image averaged down to {SIDE} x {SIDE} pixels, by a ridge classifier.",
        _ridge(_features(split, cache, thumbnails), labels),
    )
    add(
        "border",
        "border alone",
        "The outer 34 of 224 pixels, as coarse as the thumbnail, by a ridge classifier.",
        _ridge(_features(split, cache, borders), labels),
    )
    add(
        "statistics",
        "image statistics",
        "Mean, standard deviation and quantiles of the grey levels, width, height and size of the "
        f"file, by {TREES} trees.",
        _trees(_numbers(split, cache, data), labels),
    )
    add(
        "majority",
        "majority class",
        "Nothing: it always predicts the most common class of the train subset.",
        np.full(len(labels["test"]), np.bincount(labels["train"]).argmax()),
    )
    return tuple(found)


def _features(
    split: Split, cache: Cache, view: Callable[[NDArray[np.uint8]], NDArray[np.float64]]
) -> Features:
    found: Features = {}
    for subset in SUBSETS:
        rows = cache.rows(split.subset(subset))
        blocks = [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]
        found[subset] = np.concatenate([view(cache.pixels[block]) for block in blocks])
    return found


def _numbers(split: Split, cache: Cache, data: Path) -> Features:
    grey = _features(split, cache, statistics)
    return {
        subset: np.hstack([grey[subset], file_facts([data / e.file for e in split.subset(subset)])])
        for subset in SUBSETS
    }


def _ridge(features: Features, labels: Labels) -> NDArray[np.int64]:
    scaler = StandardScaler().fit(features["train"])
    scaled = {subset: scaler.transform(features[subset]) for subset in SUBSETS}
    fitted = [RidgeClassifier(alpha=a).fit(scaled["train"], labels["train"]) for a in PENALTIES]
    best = max(fitted, key=lambda ridge: ridge.score(scaled["validation"], labels["validation"]))
    predicted: NDArray[np.int64] = best.predict(scaled["test"])
    return predicted


def _trees(features: Features, labels: Labels) -> NDArray[np.int64]:
    # Trees, because a class may have the middle sizes, which no linear classifier separates.
    trees = ExtraTreesClassifier(TREES, random_state=0).fit(features["train"], labels["train"])
    predicted: NDArray[np.int64] = trees.predict(features["test"])
    return predicted


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
