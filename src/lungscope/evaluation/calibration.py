"""Whether a model is as often right as it says: calibration errors, Brier score, likelihood."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from lungscope.evaluation.bootstrap import LEVEL, Estimate, Resampling, estimate
from lungscope.evaluation.predictions import Predictions

BINS = 15
POINTS = 10
"""Bins of the errors, and of a diagram, in which more would hide each other."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """How far probabilities and frequencies are apart.

    The interval of the two errors is not the percentile interval. An error of binned frequencies is
    never 0, chance alone opens gaps, and resampling opens them once more: for a perfectly
    calibrated model that interval never holds the true 0. So `low` is the value less what noise
    alone reaches in 97.5 % of the draws (each bin's gap taken off beforehand). By the triangle
    inequality the true error is not below that; `low` is 0 where chance alone explains the value.
    `high` is the percentile. Both err on the wide side.

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


@dataclass(frozen=True)
class ReliabilityBin:
    """Images of about equal confidence: one point of a reliability diagram.

    Attributes:
        confidence: their mean confidence.
        accuracy: the share that is rightly classified. The interval is Wilson's for as many
            images as there are groups, as if images of one group told the same: a bin without a
            mistake has one too, where the bootstrap would give none.
        images: how many, > 0.
        groups: how many groups they are of.
    """

    confidence: float
    accuracy: Estimate
    images: int
    groups: int


def calibration(predictions: Predictions, resampling: Resampling) -> Calibration:
    """Computes the four numbers with 95 % intervals by bootstrap over groups.

    Bins are those of the images as they are, in every draw.

    Args:
        predictions: of N images.
        resampling: of their groups.
    """
    truth = np.eye(len(predictions.classes))[predictions.labels]
    apart = predictions.probabilities - truth
    confidence, right = _top_label(predictions)
    return Calibration(
        ece_top_label=_error(confidence[:, None], right[:, None], resampling),
        ece_classwise_macro=_error(predictions.probabilities, truth, resampling),
        brier=_mean((apart**2).sum(axis=1), resampling),
        nll=_mean(predictions.losses, resampling),
    )


def reliability(predictions: Predictions, bins: int = POINTS) -> tuple[ReliabilityBin, ...]:
    """Accuracy by confidence, in bins of equally many images.

    Args:
        predictions: of the images.
        bins: at most so many; equal confidences share a bin, which can leave others empty.

    Returns:
        The bins that hold an image, by rising confidence.
    """
    confidence, right = _top_label(predictions)
    number = equal_mass(confidence, bins)
    groups = np.asarray(predictions.groups)
    found = []
    for inside in (number == k for k in np.unique(number)):
        independent = len(np.unique(groups[inside]))
        found.append(
            ReliabilityBin(
                confidence=float(confidence[inside].mean()),
                accuracy=wilson(float(right[inside].mean()), independent),
                images=int(inside.sum()),
                groups=independent,
            )
        )
    return tuple(found)


def equal_mass(values: Values, bins: int = BINS) -> NDArray[np.intp]:
    """The bin of each value, (N,) in [0, bins): bounds are quantiles, as in scikit-learn.

    Equal values share a bin, so that ties can make bins unequal or leave them empty.
    """
    bounds = np.percentile(values, np.linspace(0, 1, bins + 1) * 100)
    number: NDArray[np.intp] = np.searchsorted(bounds[1:-1], values)
    return number


def wilson(share: float, count: int) -> Estimate:
    """A share of `count` independent observations with Wilson's 95 % interval (1927)."""
    squared = ndtri((1 + LEVEL) / 2) ** 2 / count
    centre = (share + squared / 2) / (1 + squared)
    half = np.sqrt(squared * (share * (1 - share) + squared / 4)) / (1 + squared)
    # rounding apart, the interval holds the share
    low, high = max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share))
    return Estimate(share, float(low), float(high))


def _top_label(predictions: Predictions) -> tuple[Values, Values]:
    """Confidence in the predicted class, and whether that is right (0 or 1), each (N,)."""
    right = (predictions.predicted == predictions.labels).astype(np.float64)
    return predictions.probabilities.max(axis=1), right


def _error(probabilities: Values, truth: Values, resampling: Resampling) -> Estimate:
    """The mean over columns of the binned |frequency - probability|; both are (N, M)."""
    count, columns = probabilities.shape
    rows, each = np.arange(count)[:, None], np.arange(columns)
    bins = np.stack([equal_mass(column) for column in probabilities.T], axis=1)
    cells = np.zeros((count, columns, BINS))
    cells[rows, each, bins] = 1
    mean_gap = (cells * (truth - probabilities)[:, :, None]).sum(axis=0)
    mean_gap /= np.maximum(cells.sum(axis=0), 1)

    sizes = resampling.sums(np.ones(count)) * columns
    gaps = resampling.sums(cells * (truth - probabilities)[:, :, None])
    noise = gaps - mean_gap * resampling.sums(cells)
    value = float((np.abs(mean_gap) * cells.sum(axis=0)).sum() / (count * columns))
    resampled = estimate(value, np.abs(gaps).sum(axis=(1, 2)) / sizes)
    by_chance = estimate(0.0, np.abs(noise).sum(axis=(1, 2)) / sizes)
    return Estimate(value, max(0.0, value - by_chance.high), max(value, resampled.high))


def _mean(values: Values, resampling: Resampling) -> Estimate:
    sizes = resampling.sums(np.ones(len(values)))
    return estimate(float(values.mean()), resampling.sums(values) / sizes)
