"""Abstention on the least confident images: accuracy against coverage."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungscope.errors import InvalidSetting
from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling, bootstrap_estimate
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.proportions import (
    estimate_proportion_among,
    estimate_proportion_of_all,
    ratio,
    with_interval,
)
from lungscope.evaluation.ranking import Ranking
from lungscope.figures.coverage import CoverageCurve

POINTS = 200
"""Most thresholds of a curve; more could not be seen in a figure."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Accepted:
    """The images that a confidence threshold accepts.

    Attributes:
        threshold: images whose most probable class has at least this probability are accepted.
        coverage: the proportion of images that are accepted.
        accuracy: the proportion of them that are classified correctly; None if none is accepted.
    """

    threshold: float
    coverage: Estimate
    accuracy: Estimate | None


def compute_coverage_curve(predictions: Predictions, resampling: Resampling) -> CoverageCurve:
    """Computes the accuracy at every coverage, or at `POINTS` of them, spread evenly.

    Args:
        predictions: of N images.
        resampling: of their groups.

    Examples:
        >>> classes, labels = ("Normal", "Pneumonia"), np.array([0, 0, 1, 1])
        >>> probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
        >>> names = ("a", "b", "c", "d")  # each of a patient of its own
        >>> tested = Predictions(classes, names, names, labels, probabilities)
        >>> curve = compute_coverage_curve(tested, Resampling.over(tested.groups))
        >>> [(float(c), round(float(a), 2)) for c, a in zip(curve.coverage, curve.accuracy)]
        [(0.25, 1.0), (0.5, 1.0), (0.75, 0.67), (1.0, 0.75)]
    """
    ranking = _by_confidence(predictions)
    shown = np.unique(np.linspace(0, len(ranking.last) - 1, POINTS).round().astype(np.intp))
    accuracies = []
    for weights in resampling.weights(ranking.order):
        right, taken = ranking.counts(weights)
        accuracies.append(ratio(right[:, shown], taken[:, shown]))
    right, taken = ranking.counts()
    accuracy = ratio(right, taken)[0, shown]
    draws = np.concatenate(accuracies)
    intervals = [
        with_interval(float(value), column, int(groups))
        for value, column, groups in zip(
            accuracy, draws.T, _groups(ranking, resampling)[shown], strict=True
        )
    ]
    return CoverageCurve(
        threshold=ranking.thresholds[shown],
        coverage=taken[0, shown] / taken[0, -1],
        accuracy=accuracy,
        low=np.array([interval.low for interval in intervals]),
        high=np.array([interval.high for interval in intervals]),
    )


def compute_risk_area(predictions: Predictions, resampling: Resampling) -> Estimate:
    """Estimates the area under the curve of risk by coverage (AURC), [0, 1], lower is better.

    It is the mean over n = 1..N of the proportion of misclassifications among the n most confident
    images, in expectation over the order of equal confidences (Geifman and El-Yaniv, 2017,
    arXiv 1705.08500).

    Args:
        predictions: for N images.
        resampling: of their groups.
    """
    ranking = _by_confidence(predictions)
    areas = [_risk_area(*ranking.counts(weights)) for weights in resampling.weights(ranking.order)]
    value = float(_risk_area(*ranking.counts())[0])
    return bootstrap_estimate(value, np.concatenate(areas))


def choose_threshold_for_accuracy(
    predictions: Predictions, accuracy: float, resampling: Resampling
) -> Accepted | None:
    """Chooses the lowest confidence threshold whose accepted images reach an accuracy.

    The accuracy at it is too optimistic on the images that it is chosen on, being the best of many:
    choose on validation images, and measure others with `measure_accepted`.

    Args:
        predictions: of the images to choose on.
        accuracy: wanted, in (0, 1].
        resampling: of their groups.

    Returns:
        None if no threshold reaches it.

    Raises:
        InvalidSetting: an accuracy outside (0, 1].

    Examples:
        >>> classes, labels = ("Normal", "Pneumonia"), np.array([0, 0, 1, 1])
        >>> probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
        >>> names = ("a", "b", "c", "d")  # each of a patient of its own
        >>> tested = Predictions(classes, names, names, labels, probabilities)
        >>> choose_threshold_for_accuracy(tested, 0.9, Resampling.over(tested.groups)).threshold
        0.8
    """
    if not 0 < accuracy <= 1:
        raise InvalidSetting(f"the wanted accuracy is {accuracy}; give one above 0 and up to 1")
    ranking = _by_confidence(predictions)
    reached = np.flatnonzero(ratio(*ranking.counts())[0] >= accuracy)
    if not len(reached):
        return None
    return measure_accepted(predictions, float(ranking.thresholds[reached[-1]]), resampling)


def measure_accepted(
    predictions: Predictions, threshold: float, resampling: Resampling
) -> Accepted:
    """Measures coverage and accuracy at a confidence threshold, with 95 % intervals.

    In draws without an accepted image there is no accuracy; its interval is that of the others.

    Args:
        predictions: of the images.
        threshold: of the confidence, in [0, 1].
        resampling: of their groups.
    """
    taken = predictions.probabilities.max(axis=1) >= threshold
    right = predictions.predicted == predictions.labels
    return Accepted(
        threshold,
        coverage=estimate_proportion_of_all(taken, resampling),
        accuracy=estimate_proportion_among(right, taken, resampling),
    )


def _by_confidence(predictions: Predictions) -> Ranking:
    right = predictions.predicted == predictions.labels
    return Ranking.of(predictions.probabilities.max(axis=1), right)


def _groups(ranking: Ranking, resampling: Resampling) -> NDArray[np.intp]:
    """Counts the groups of the images with a score of at least each threshold, (T,)."""
    in_order = resampling.group[ranking.order]
    first = np.zeros(len(in_order), dtype=np.intp)
    first[np.unique(in_order, return_index=True)[1]] = 1
    found: NDArray[np.intp] = np.cumsum(first)[ranking.last]
    return found


def _risk_area(right: Values, taken: Values) -> Values:
    """Computes the mean of the selective risk over every number of accepted images, (D,).

    Images of equal confidence may come in any order, so misclassifications are spread evenly among
    them. Let m images with e misclassifications come before images m + 1 to m', of which the
    proportion r is misclassified. Then e + (n - m) r of the first n images are expected to be
    misclassified, and the sum of (e + (n - m) r) / n over n from m + 1 to m' is r (m' - m) +
    (e - r m) (H(m') - H(m)), where H is the harmonic number.
    """
    wrong = taken - right
    before = np.hstack([np.zeros((len(taken), 1)), taken[:, :-1]])
    wrong_before = np.hstack([np.zeros((len(wrong), 1)), wrong[:, :-1]])
    tied = taken - before
    risk = np.divide(wrong - wrong_before, tied, out=np.zeros_like(tied), where=tied > 0)
    largest = int(taken.max())
    harmonic = np.append(0, np.cumsum(1 / np.arange(1, largest + 1)))
    harmonics = harmonic[taken.astype(np.intp)] - harmonic[before.astype(np.intp)]
    area: Values = (risk * tied + (wrong_before - risk * before) * harmonics).sum(axis=1)
    return area / taken[:, -1]
