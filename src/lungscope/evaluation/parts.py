"""How well a model does on a part of the images, such as those of one hospital."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from lungscope.data.classes import find_normal
from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling, bootstrap_estimate
from lungscope.evaluation.metrics import class_scores, confusion_matrix, resample_confusion_matrix
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.proportions import (
    average_of_proportions,
    estimate_proportion_among,
    estimate_proportion_of_all,
    with_interval,
)
from lungscope.evaluation.ranking import Ranking


@dataclass(frozen=True)
class PairDiscrimination:
    """How well two classes are told apart.

    Attributes:
        first, second: the classes.
        auroc: of P(first) / (P(first) + P(second)), on the images of the two.
    """

    first: str
    second: str
    auroc: Estimate


@dataclass(frozen=True)
class Part:
    """Metrics of some images, of the classes that are present among them, with 95 % intervals.

    Attributes:
        value: what the images have in common: their cell of a column, "" where that is empty.
        images, groups: how many there are.
        accuracy: the proportion that is classified correctly.
        balanced_accuracy: the plain mean of the recalls of the classes present; a class without an
            image does not count.
        overconfidence: the mean probability of the predicted class less the accuracy, in [-1, 1];
            0 where probabilities mean here what they meant where they were calibrated.
        recall: of each class present.
        sick_auroc: of 1 - P(Normal), for images of any other class against normal ones; None where
            the model has no class of that name or one side has no image.
        auroc: of each class's probability, for its images against the others here; no class that
            has none, or all of them.
        pairs: each two classes present.
    """

    value: str
    images: int
    groups: int
    accuracy: Estimate
    balanced_accuracy: Estimate
    overconfidence: Estimate
    recall: dict[str, Estimate]
    sick_auroc: Estimate | None
    auroc: dict[str, Estimate]
    pairs: tuple[PairDiscrimination, ...]


def measure_part(predictions: Predictions, value: str = "") -> Part:
    """Measures some images, with intervals by bootstrap over their groups.

    An AUROC is a proportion of pairs of images; where either side has fewer than ten groups, its
    interval is Wilson's for as many observations as that side has groups.

    Args:
        predictions: of the images.
        value: what they have in common.

    Examples:
        >>> classes, labels = ("Normal", "Pneumonia", "Effusion"), np.array([0, 0, 1, 1])
        >>> probabilities = np.array([[0.9, 0.1, 0], [0.6, 0.4, 0], [0.7, 0.3, 0], [0.2, 0.8, 0]])
        >>> names = ("a", "b", "c", "d")  # each of a patient of its own
        >>> part = measure_part(Predictions(classes, names, names, labels, probabilities))
        >>> part.balanced_accuracy.value, part.sick_auroc.value, list(part.recall)
        (0.75, 0.75, ['Normal', 'Pneumonia'])
    """
    resampling = Resampling.over(predictions.groups)
    labels, classes = predictions.labels, predictions.classes
    right = predictions.predicted == labels
    recall = {
        name: found
        for label, name in enumerate(classes)
        if (found := estimate_proportion_among(right, labels == label, resampling)) is not None
    }
    return Part(
        value=value,
        images=len(labels),
        groups=resampling.counts.shape[1],
        accuracy=estimate_proportion_of_all(right, resampling),
        balanced_accuracy=_balanced_accuracy(predictions, resampling),
        overconfidence=_overconfidence(predictions, resampling),
        recall=recall,
        sick_auroc=_sick_auroc(predictions),
        auroc={
            name: found
            for label, name in enumerate(classes)
            if (found := _auroc(predictions, predictions.probabilities[:, label], labels == label))
        },
        pairs=_pairs(predictions),
    )


def measure_parts(predictions: Predictions, cells: Sequence[str]) -> tuple[Part, ...]:
    """Measures the images of each value of a column, in alphabetical order of the values.

    Args:
        predictions: of N images.
        cells: the value of each, length N.
    """
    column = np.asarray(cells)
    return tuple(
        measure_part(predictions.take(np.flatnonzero(column == value)), value)
        for value in sorted(set(cells))
    )


def _balanced_accuracy(predictions: Predictions, resampling: Resampling) -> Estimate:
    present = np.unique(predictions.labels)
    recalls = class_scores(confusion_matrix(predictions), np.nan)["recall"][present]
    matrices = resample_confusion_matrix(predictions, resampling)
    # a draw that lacks a class says nothing of it: there the mean is undefined, not lower
    drawn = class_scores(matrices, np.nan)["recall"][:, present].mean(axis=1)
    groups = resampling.counts.shape[1]
    rule = with_interval if len(present) == 1 else average_of_proportions
    return rule(float(recalls.mean()), drawn, groups)


def _overconfidence(predictions: Predictions, resampling: Resampling) -> Estimate:
    gaps = predictions.probabilities.max(axis=1) - (predictions.predicted == predictions.labels)
    drawn = resampling.sums(gaps) / resampling.sums(np.ones(len(gaps)))
    return bootstrap_estimate(float(gaps.mean()), drawn)


def _sick_auroc(predictions: Predictions) -> Estimate | None:
    normal = find_normal(predictions.classes)
    if normal is None:
        return None
    sick = 1 - predictions.probabilities[:, normal]
    return _auroc(predictions, sick, predictions.labels != normal)


def _pairs(predictions: Predictions) -> tuple[PairDiscrimination, ...]:
    found = []
    for first, second in combinations(np.unique(predictions.labels).tolist(), 2):
        rows = np.flatnonzero(np.isin(predictions.labels, (first, second)))
        two = predictions.take(rows)
        tiny = np.finfo(np.float64).tiny
        logs = np.log(np.maximum(two.probabilities[:, [first, second]], tiny))
        auroc = _auroc(two, logs[:, 0] - logs[:, 1], two.labels == first)
        if auroc is not None:
            names_of = predictions.classes
            found.append(PairDiscrimination(names_of[first], names_of[second], auroc))
    return tuple(found)


def _auroc(
    predictions: Predictions, scores: NDArray[np.float64], positive: NDArray[np.bool_]
) -> Estimate | None:
    if positive.all() or not positive.any():
        return None
    groups = np.asarray(predictions.groups)
    ranking = Ranking.of(scores, positive)
    drawn, _ = ranking.resampled_areas(Resampling.over(predictions.groups))
    fewest = min(len(np.unique(groups[side])) for side in (positive, ~positive))
    return with_interval(float(ranking.areas()[0][0]), drawn, fewest)
