"""How well one number of a file alone, such as its size or sharpness, tells the classes apart.

A network sees most of these numbers in the pixels. Where one of them predicts the class, a high
accuracy says nothing of the lung.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, bootstrap, mannwhitneyu, rankdata
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from lungscope.data.checks.issue import DataIssue
from lungscope.data.index import Index
from lungscope.data.survey import ImageRecord
from lungscope.estimate import LEVEL, Estimate
from lungscope.text import join_words

TELLING_AUC = 0.75
"""Area under the ROC curve from which a number alone is said to give a class away: of an image of
the class and one of another, it names the right one three times in four."""

TELLING_GAIN = 0.1
"""Accuracy above that of always naming the most frequent class from which a number alone is said to
give the class away; the lower end of the interval counts."""

CHANCE = 0.01
"""Largest p-value (Mann-Whitney) at which an area is reported."""

LARGEST_TREE = 8
"""Intervals of a number that a rule tells apart: a class may have the middle values."""

MOST_VALUES = 20
"""A column of numbers with more different values than this is a property, with fewer a category."""

SMALLEST_LEAF = 5
"""Images that an interval of a rule is fitted on at least, and one in a hundred."""

_FOLDS = 5
_DRAWS = 1000
_FEW_GROUPS = 10
_LISTED = 4
_BLACK, _WHITE, _NEARLY_ALL = 12, 243, 0.95

PROPERTIES: Mapping[str, Callable[[ImageRecord], float]] = {
    "file size": lambda image: image.bytes,
    "number of pixels": lambda image: image.width * image.height,
    "aspect ratio": lambda image: image.width / image.height,
    "bits per pixel": lambda image: 8 * image.bytes / (image.width * image.height),
    "JPEG quality": lambda image: 100.0 if image.quality is None else image.quality,
    "sharpness": lambda image: image.sharpness,
    "unused grey levels": lambda image: image.gaps,
    "uniform border": lambda image: measure_border(image.thumbnail),
    "mean brightness": lambda image: image.mean,
    "contrast": lambda image: float(image.thumbnail.std()),
    "darkest grey level": lambda image: float(np.quantile(image.thumbnail, 0.01)),
    "brightest grey level": lambda image: float(np.quantile(image.thumbnail, 0.99)),
}
"""The number of an image by the name of the property."""

OF_THE_FILM = frozenset(
    {"sharpness", "mean brightness", "contrast", "darkest grey level", "brightest grey level"}
)
"""Properties that a disease may change as well as the way a film was taken and stored."""


@dataclass(frozen=True)
class PropertyRule:
    """How well one property alone tells the classes apart.

    Attributes:
        name: of the property, one of `PROPERTIES` or a further column.
        accuracy: of a decision tree of at most 8 leaves on this number alone, on images of groups
            that it was not fitted on; the interval is over groups. None with fewer than two groups
            in a class.
        majority: proportion of the most frequent class.
        most_frequent: that class.
        auroc: area under the ROC curve between the class that it separates best and the others,
            at least 0.5, and 0.5 where it is not significant.
        separated: that class.
        larger: whether the class has the larger values.
    """

    name: str
    accuracy: Estimate | None
    majority: float
    most_frequent: str
    auroc: float
    separated: str
    larger: bool

    @property
    def gain(self) -> float:
        """Accuracy beyond that of always naming the most frequent class; -1 where unknown."""
        return -1.0 if self.accuracy is None else self.accuracy.value - self.majority

    @property
    def is_telling(self) -> bool:
        """Whether a model could use the property in place of the lung."""
        gains = self.accuracy is not None and self.accuracy.low - self.majority >= TELLING_GAIN
        return gains or self.auroc >= TELLING_AUC


def list_properties(index: Index, images: Sequence[ImageRecord]) -> dict[str, NDArray[np.float64]]:
    """Returns the number of each image for every property that orders them.

    Args:
        index: the labelled images; its further columns with more than 20 different numbers are
            properties too.
        images: the N readable ones of them.

    Returns:
        (N,) by property; NaN where a column has no number.
    """
    found = {
        name: np.array([of(image) for image in images], dtype=np.float64)
        for name, of in PROPERTIES.items()
    }
    entries = {entry.file: entry for entry in index.entries}
    further = [dict(entries[image.file].columns) for image in images]
    for name in further[0] if further else ():
        cells = [columns[name] for columns in further]
        if len(set(cells)) > MOST_VALUES and (numbers := _numbers(cells)) is not None:
            found[name] = numbers
    ranked: dict[bytes, str] = {}  # of two properties with one order, such as file size and bits
    for name, values in found.items():  # per pixel where all images have one size, the first counts
        if len(np.unique(values)) > 1:
            ranked.setdefault(rankdata(values, nan_policy="omit").tobytes(), name)
    return {name: found[name] for name in ranked.values()}


def measure_properties(
    properties: Mapping[str, NDArray[np.float64]], labels: Sequence[str], groups: Sequence[str]
) -> tuple[PropertyRule, ...]:
    """Measures how well each property alone tells the classes apart, the best first.

    Args:
        properties: (N,) the number of each image, by name.
        labels: the class of each image, (N,).
        groups: the group of each image, (N,).
    """
    classes, label = np.unique(np.asarray(labels), return_inverse=True)
    if len(classes) < 2:
        return ()
    folds = _make_folds(label, np.asarray(groups))
    counts = np.bincount(label)
    found = []
    for name, values in properties.items():
        areas = [_signed_area(values, label == own) for own in range(len(classes))]
        best = int(np.argmax(np.abs(areas)))
        found.append(
            PropertyRule(
                name=name,
                accuracy=_accuracy(values, label, np.asarray(groups), folds) if folds else None,
                majority=float(counts.max() / len(label)),
                most_frequent=str(classes[counts.argmax()]),
                auroc=float(0.5 + abs(areas[best])),
                separated=str(classes[best]),
                larger=bool(areas[best] > 0),
            )
        )
    return tuple(sorted(found, key=lambda rule: (-rule.gain, -rule.auroc)))


def find_telling_properties(rules: Sequence[PropertyRule]) -> list[DataIssue]:
    """Reports the property that tells the classes apart best, and names the others that do."""
    telling = [rule for rule in rules if rule.is_telling]
    if not telling:
        return []
    strongest, others = telling[0], telling[1:]
    text = describe_rule(strongest)
    if others:
        listed = [f"{rule.name} ({describe_strength(rule)})" for rule in others[:_LISTED]]
        if len(others) > _LISTED:
            listed.append(f"{len(others) - _LISTED} more")
        text += f"; so {'does' if len(others) == 1 else 'do'} {join_words(listed)}"
    return [DataIssue("warning", "class-by-property", text, strongest.name)]


def describe_rule(rule: PropertyRule) -> str:
    """Says in plain words how well a property alone tells the classes apart."""
    text = f"{rule.name} alone tells the classes apart: "
    if rule.accuracy is not None and rule.accuracy.low > rule.majority:
        text += (
            f"the class guessed from it is right for {rule.accuracy:.1%} of the images, always "
            f"{rule.most_frequent} for {100 * rule.majority:.1f} %; "
        )
    text += (
        f"{rule.separated} has the {'larger' if rule.larger else 'smaller'} values (area under "
        f"the ROC curve {rule.auroc:.2f})"
    )
    return text + (", which the disease may change too" if rule.name in OF_THE_FILM else "")


def describe_strength(rule: PropertyRule) -> str:
    """Says briefly how well a property tells the classes apart, e.g. "54.0 %, 0.71"."""
    area = f"area {rule.auroc:.2f} for {rule.separated}"
    return area if rule.accuracy is None else f"{100 * rule.accuracy.value:.1f} % right, {area}"


def measure_border(thumbnail: NDArray[np.uint8]) -> float:
    """Measures the uniform black or white border of an image.

    Args:
        thumbnail: (S, S).

    Returns:
        The proportion of the image that lies in it, in [0, 1].
    """
    flat = (thumbnail <= _BLACK) | (thumbnail >= _WHITE)
    return 1 - math.prod(_count_inside(flat.mean(axis=axis)) for axis in (0, 1)) / thumbnail.size


def _count_inside(flat: NDArray[np.float64]) -> int:
    """Counts the rows from the first to the last that are not flat nearly everywhere."""
    shown = np.flatnonzero(flat < _NEARLY_ALL)
    return int(shown[-1] - shown[0] + 1) if len(shown) else 0


def _numbers(cells: Sequence[str]) -> NDArray[np.float64] | None:
    try:
        return np.array([float(cell) if cell else math.nan for cell in cells])
    except ValueError:
        return None


def _make_folds(label: NDArray[Any], groups: NDArray[Any]) -> list[Any]:
    """Divides the images into folds that share no group; none if a class has a single group."""
    of_class = [len(np.unique(groups[label == own])) for own in range(int(label.max()) + 1)]
    count = min(_FOLDS, *of_class)
    if count < 2:
        return []
    made = StratifiedGroupKFold(count, shuffle=True, random_state=0)
    folds = list(made.split(label[:, np.newaxis], label, groups))
    return folds if all(len(train) and len(test) for train, test in folds) else []


def _accuracy(
    values: NDArray[np.float64], label: NDArray[Any], groups: NDArray[Any], folds: list[Any]
) -> Estimate:
    rule = DecisionTreeClassifier(
        max_leaf_nodes=LARGEST_TREE,
        min_samples_leaf=max(SMALLEST_LEAF, len(label) // 100),
        random_state=0,
    )
    predicted = cross_val_predict(rule, values[:, np.newaxis], label, cv=folds)
    return _proportion(predicted == label, groups)


def _proportion(correct: NDArray[np.bool_], groups: NDArray[Any]) -> Estimate:
    """The proportion that is correct, with its interval over groups.

    With few groups, or where all draws agree, it is Wilson's, for as many images as groups.
    """
    _, group = np.unique(groups, return_inverse=True)
    right, of = np.bincount(group, weights=correct), np.bincount(group)
    value, count = float(correct.mean()), len(of)
    if count < _FEW_GROUPS or value in {0.0, 1.0}:
        wilson = binomtest(round(value * count), count).proportion_ci(LEVEL, method="wilson")
        return Estimate(value, min(float(wilson.low), value), max(float(wilson.high), value))
    ends = bootstrap(
        (right, of),
        lambda right, of, axis: right.sum(axis=axis) / of.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=_DRAWS,
        confidence_level=LEVEL,
        method="percentile",
        random_state=np.random.default_rng(0),
    ).confidence_interval
    return Estimate(value, float(ends.low), float(ends.high))


def _signed_area(values: NDArray[np.float64], mask: NDArray[np.bool_]) -> float:
    """The area under the ROC curve of the masked against the rest, less 0.5; 0 if by chance."""
    known = ~np.isnan(values)
    inside, outside = values[mask & known], values[~mask & known]
    if not len(inside) or not len(outside) or np.ptp(values[known]) == 0:
        return 0.0
    test = mannwhitneyu(inside, outside)
    if test.pvalue >= CHANCE:
        return 0.0
    return float(test.statistic / (len(inside) * len(outside)) - 0.5)
