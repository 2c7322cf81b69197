"""Baselines without a view of the lung: classifiers that are shown next to nothing.

A model's accuracy says something about lungs only as far as it exceeds what a thumbnail, the border
or the size of the file predicts (Maguolo and Nanni, 2021, arXiv 2004.12823; DeGrave et al., 2021,
Nature Machine Intelligence 3).
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import RidgeClassifier
from sklearn.preprocessing import StandardScaler

from lungscope.audit.effect import mean
from lungscope.audit.features import SIDE, borders, file_facts, statistics, thumbnails
from lungscope.data.cache import Cache
from lungscope.data.split import SUBSETS, Split, Subset
from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling
from lungscope.progress import OnProgress, ignore

PENALTIES = (1e5, 1e4, 1e3, 1e2, 1e1, 1e0)
"""Penalties of the ridge, on standardised features; of equally good ones the first is used."""

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
