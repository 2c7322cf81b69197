"""Calibration: whether confidence agrees with accuracy, by binned errors and proper scores."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling, bootstrap_estimate
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.proportions import wilson_interval

BINS = 15
"""Bins of the errors, as many as Guo et al. have (2017, arXiv 1706.04599)."""

POINTS = 10
"""Bins of a diagram, in which more would hide each other."""

CHANCE = 0.99
"""What chance opens in so many draws is taken off an error's lower end."""

_BLOCK = 2**22
"""Labels that are drawn at once: 32 MiB."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """How far probabilities and frequencies are apart.

    The interval of the two errors is not the percentile interval. An error of binned frequencies is
    never 0, chance alone opens gaps, and resampling opens them once more: for a perfectly
    calibrated model that interval never holds the true 0. So `low` is the value less what chance
    alone opens in 99 % of draws, and 0 where that explains all of it. What chance opens is the
    larger of two: the error of labels drawn from the probabilities themselves, one draw a group for
    all its images (as if they were right or wrong together); and the resampled error with each
    bin's gap taken off beforehand, scaled by sqrt(g / (g - 1)) in a bin of g groups since that gap
    was fitted to them. The first is exact for a calibrated model and for any number of images, the
    second is for one that is not and needs several groups a bin: of fewer than about 50 groups
    `low` of a very overconfident model can lie above its true error more often than in 2.5 % of
    samples. `high` is the percentile. Of one group both are the value.

    Attributes:
        ece_top_label: expected calibration error of the predicted class, [0, 1]: the mean over
            images of |accuracy - confidence| in their bin, 15 bins of equally many images.
        ece_classwise_macro: the same for the probability of each class against all others, 15
            bins a class, and the plain mean over classes.
        brier: mean over images of the squared distance of probabilities from the truth, summed
            over classes, [0, 2].
        nll: mean negative log-likelihood in nats, the loss.
    """

    ece_top_label: Estimate
    ece_classwise_macro: Estimate
    brier: Estimate
    nll: Estimate


CALIBRATION_TITLES = {
    "ece_top_label": "ECE (predicted class)",
    "ece_classwise_macro": "ECE (classwise, macro)",
    "brier": "Brier score",
    "nll": "loss (nats)",
}
"""Titles of the fields of `Calibration` in tables."""


@dataclass(frozen=True)
class ReliabilityBin:
    """Images of about equal confidence: one point of a reliability diagram.

    Attributes:
        confidence: their mean confidence.
        accuracy: the proportion that is classified correctly. The interval is Wilson's for as many
            images as there are groups, as if all images of a group were one observation: a bin
            without a misclassification has one too, where the bootstrap would give none.
        images: how many, > 0.
        groups: how many groups they are of.
    """

    confidence: float
    accuracy: Estimate
    images: int
    groups: int


def compute_calibration(predictions: Predictions, resampling: Resampling) -> Calibration:
    """Computes the four numbers with 95 % intervals by bootstrap over groups.

    Bins are those of the images as they are, in every draw.

    Args:
        predictions: of N images.
        resampling: of their groups.

    Examples:
        >>> classes, labels = ("Normal", "Pneumonia"), np.array([0, 0, 1, 1])
        >>> probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
        >>> names = ("a", "b", "c", "d")  # each of a patient of its own
        >>> tested = Predictions(classes, names, names, labels, probabilities)
        >>> found = compute_calibration(tested, Resampling.over(tested.groups))
        >>> round(found.brier.value, 3)
        0.35
    """
    truth = np.eye(len(predictions.classes))[predictions.labels]  # one-hot
    apart = predictions.probabilities - truth
    confidence, right = _top_label(predictions)
    return Calibration(
        ece_top_label=_error(confidence[:, None], right[:, None], resampling),
        ece_classwise_macro=_error(predictions.probabilities, truth, resampling),
        brier=_mean((apart**2).sum(axis=1), resampling),
        nll=_mean(predictions.losses, resampling),
    )


def compute_reliability(predictions: Predictions, bins: int = POINTS) -> tuple[ReliabilityBin, ...]:
    """Computes the accuracy by confidence, in bins of equally many images.

    Args:
        predictions: of the images.
        bins: at most so many; equal confidences share a bin, which can leave others empty.

    Returns:
        The bins that hold an image, by rising confidence.

    Examples:
        >>> classes, labels = ("Normal", "Pneumonia"), np.array([0, 0, 1, 1])
        >>> probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
        >>> names = ("a", "b", "c", "d")  # each of a patient of its own
        >>> tested = Predictions(classes, names, names, labels, probabilities)
        >>> found = compute_reliability(tested, bins=2)
        >>> [(round(each.confidence, 2), each.accuracy.value) for each in found]
        [(0.65, 0.5), (0.85, 1.0)]
    """
    confidence, right = _top_label(predictions)
    number = equal_mass_bins(confidence, bins)
    groups = np.asarray(predictions.groups)
    found = []
    for inside in (number == k for k in np.unique(number)):
        # images of one patient are not independent: they count as one observation
        independent = len(np.unique(groups[inside]))
        found.append(
            ReliabilityBin(
                confidence=float(confidence[inside].mean()),
                accuracy=wilson_interval(float(right[inside].mean()), independent),
                images=int(inside.sum()),
                groups=independent,
            )
        )
    return tuple(found)


def equal_mass_bins(values: Values, bins: int = BINS) -> NDArray[np.intp]:
    """Returns the bin of each value, (N,) in [0, bins); bounds are quantiles, as in scikit-learn.

    Equal values share a bin, so that ties can make bins unequal or leave them empty.
    """
    # of equal mass, as the bias of a bin's gap depends on the number of images in it (Nguyen and
    # O'Connor, 2015, arXiv 1508.05154): with equal widths most bins of a confident model are empty
    bounds = np.percentile(values, np.linspace(0, 1, bins + 1) * 100)
    number: NDArray[np.intp] = np.searchsorted(bounds[1:-1], values)
    return number


def _top_label(predictions: Predictions) -> tuple[Values, Values]:
    """Returns the confidence in the predicted class and whether it is right (0 or 1), (N,) each."""
    right = (predictions.predicted == predictions.labels).astype(np.float64)
    return predictions.probabilities.max(axis=1), right


def _error(probabilities: Values, truth: Values, resampling: Resampling) -> Estimate:
    """Computes the mean over columns of the binned |frequency - probability|; both are (N, M)."""
    count, columns = probabilities.shape
    rows, each = np.arange(count)[:, None], np.arange(columns)
    bins = np.stack([equal_mass_bins(column) for column in probabilities.T], axis=1)
    cells = np.zeros((count, columns, BINS))
    cells[rows, each, bins] = 1
    # every image fills one bin per column, so that sums over draws are one matrix product
    apart = cells * (truth - probabilities)[:, :, None]
    sizes = cells.sum(axis=0)
    mean_gap = apart.sum(axis=0) / np.maximum(sizes, 1)
    value = float((np.abs(mean_gap) * sizes).sum() / (count * columns))
    if resampling.counts.shape[1] == 1:  # every draw is the images themselves
        return Estimate(value, value, value)

    images, gaps = resampling.sums(np.ones(count)) * columns, resampling.sums(apart)
    # what is left of a draw's gaps once the model's own gaps are taken off is chance
    noise = (gaps - mean_gap * resampling.sums(cells)) * _refitting(cells, resampling)
    by_chance = max(
        np.quantile(np.abs(noise).sum(axis=(1, 2)) / images, CHANCE),
        np.quantile(_by_chance(probabilities, cells, resampling), CHANCE),
    )
    resampled = bootstrap_estimate(value, np.abs(gaps).sum(axis=(1, 2)) / images)
    # the larger of the two, since neither holds for every model; never an end inside the value
    return Estimate(value, max(0.0, float(value - by_chance)), max(value, resampled.high))


def _refitting(cells: Values, resampling: Resampling) -> Values:
    """Computes by what factor residuals are too small where a cell's mean is fitted to them."""
    held = np.zeros((resampling.counts.shape[1], *cells.shape[1:]))
    np.maximum.at(held, resampling.group, cells)
    groups = held.sum(axis=0)
    factors: Values = np.sqrt(groups / np.maximum(groups - 1, 1))
    return factors


def _by_chance(probabilities: Values, cells: Values, resampling: Resampling) -> Values:
    """Computes the error of labels that are drawn from the probabilities, (D,).

    Column by column a label falls where a uniform number, one a group, lies among the cumulative
    probabilities; of one column, it is 1 where the number lies below its probability.
    """
    draws, groups = resampling.counts.shape
    count, columns = probabilities.shape
    ends = np.cumsum(probabilities, axis=1)
    expected = (cells * probabilities[:, :, None]).sum(axis=0)
    generator = np.random.default_rng(0)  # the same numbers give the same interval
    step = max(1, _BLOCK // count)
    found = np.zeros(draws)
    for start in range(0, draws, step):
        part = found[start : start + step]
        # one number a group: its images are right or wrong together, which widens the noise
        drawn = generator.random((len(part), groups))[:, resampling.group]
        for k in range(columns):
            hit = (drawn < ends[:, k]) & (drawn >= ends[:, k] - probabilities[:, k])
            part += np.abs(hit.astype(np.float64) @ cells[:, k] - expected[k]).sum(axis=1)
    error: Values = found / (count * columns)
    return error


def _mean(values: Values, resampling: Resampling) -> Estimate:
    sizes = resampling.sums(np.ones(len(values)))
    return bootstrap_estimate(float(values.mean()), resampling.sums(values) / sizes)
