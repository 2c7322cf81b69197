"""When an exported model should not answer: fitted on a run's training and validation images."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student_t
from sklearn.covariance import ledoit_wolf

from lungscope.data.classes import find_normal
from lungscope.errors import InvalidData
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.selective import choose_threshold_for_accuracy
from lungscope.inference.abstention import SCORE, Reference, Thresholds

KEPT = 0.99
"""Proportion of X-rays that must be accepted as X-rays."""

OTHER_HOSPITALS = 1.5
"""Factor of the largest distance where the gate is asked before: docs/explanation/gate.md has the
distances of X-rays of other hospitals and of other images."""

ACCURACY = 0.95
"""Required accuracy of the answers that are given."""

FEWEST = 20
"""Validation images that must show that what is called abnormal is."""

ANSWERED = 0.5
"""The proportion of validation images that is always answered: a threshold that only a handful of
lucky answers reach means nothing."""

QUANTILES = 101
"""Percentiles of the distances of validation images, for monitoring drift."""

LARGEST_AXES = 2**18
"""Numbers that the axes of a reference may have: 1 MiB."""

NARROWEST = 0.01
"""The smallest deviation along an axis, of standardised features: X-rays that are few or copies of
each other may not differ at all along some, and yet are not all X-rays."""

Values = NDArray[np.float64]


def fit_reference(features: Values) -> Reference:
    """Fits one Gaussian to the features of X-rays of all classes.

    Features are standardised; their covariance is shrunk towards a multiple of the identity
    (Ledoit and Wolf, 2004, Journal of Multivariate Analysis 88), which makes it definite however
    few images there are. Of many features, only the widest axes are kept apart.

    Args:
        features: (N, F) of training images, N >= 2, F >= 2.

    Raises:
        InvalidData: fewer than two images, features that are not finite, or all images alike.
    """
    if len(features) < 2 or not np.isfinite(features).all():
        raise InvalidData(
            f"abstention: the features of {len(features)} training images are not finite or are "
            "too few; it takes two images and a model whose training did not diverge"
        )
    mean, scale = features.mean(axis=0), features.std(axis=0)
    constant = scale <= np.finfo(np.float32).eps * np.abs(features).max()
    if constant.all():
        raise InvalidData("abstention: the model sees no difference between training images")
    scale[constant] = 1  # a feature that is always 0 (ReLU) says nothing, and divides by nothing
    covariance, _ = ledoit_wolf((features - mean) / scale, assume_centered=True)
    # widest first: eigh sorts them the other way round
    variances, vectors = (each[..., ::-1] for each in np.linalg.eigh(covariance))
    count = features.shape[1]
    variances = np.maximum(variances, NARROWEST**2)
    axes = min(count - 1, LARGEST_AXES // count)
    arrays = {
        "mean": mean,
        "scale": scale,
        "axes": vectors.T[:axes],
        "deviations": np.sqrt(variances[:axes]),
        "rest": np.sqrt(variances[axes:].mean(keepdims=True)),
    }
    return Reference(**{name: np.float32(value) for name, value in arrays.items()})


def choose_thresholds(
    distances: Values, predictions: Predictions, *, use_gate: bool = True
) -> Thresholds:
    """Chooses when not to answer.

    Behind the gate, the largest distance is half as large again as the one within which X-rays of
    the same hospitals lie: what is no chest X-ray is refused before, and X-rays of other hospitals
    lie farther.

    The least confidence is the lowest whose answers are right in 95 % of cases: 0 where all answers
    together are, and where only fewer than half of them are, or none, the median.

    Below it, an image is called abnormal from the lowest probability of not being normal at which
    that is right in 95 % of cases; not at all with fewer than 20 validation images to show it.

    Args:
        distances: (N,) of validation images.
        predictions: of validation images, calibrated; the same ones unless some were answered
            by other networks than measured the distances.
        use_gate: whether the gate is asked before.

    Raises:
        InvalidData: a distance is not finite.
    """
    limit = choose_max_distance(distances)  # first: it refuses what is not finite
    limit *= OTHER_HOSPITALS if use_gate else 1
    spread = np.quantile(distances, np.linspace(0, 1, QUANTILES))
    sure = _min_confidence(predictions)
    classes = predictions.classes
    normal = find_normal(classes) if len(classes) > 2 else None  # of two, the other one has no kind
    return Thresholds(
        SCORE,
        limit,
        sure,
        tuple(spread.tolist()),
        gate=use_gate,
        normal=None if normal is None else classes[normal],
        min_abnormality=None if normal is None else _min_abnormality(predictions, normal, sure),
    )


def choose_max_distance(distances: Values) -> float:
    """The distance within which a new X-ray lies with a probability of 0.99 or more.

    It is the conformal quantile (Angelopoulos and Bates, 2021, arXiv 2107.07511, section 1). Fewer
    than 99 images have none, and their largest distance alone would refuse one in n + 1; for them
    it is the prediction limit of a log-normal distribution where that is larger, and no more than
    twice the largest.

    Args:
        distances: (N,) > 0 of X-rays that the reference was not fitted on, N >= 2.

    Raises:
        InvalidData: a distance is not finite.
    """
    if not np.isfinite(distances).all():
        raise InvalidData(
            "abstention: features of validation images are not finite: the model's training "
            "diverged"
        )
    count, largest = len(distances), float(distances.max())
    # rounded before it is rounded up: 0.99 has no exact binary form, and 99.00000001 is not 100
    rank = math.ceil(round((count + 1) * KEPT, 9))
    if rank <= count:
        return float(np.sort(distances)[rank - 1])
    logs = np.log(distances)
    reach = student_t.ppf(KEPT, count - 1) * logs.std(ddof=1) * math.sqrt(1 + 1 / count)
    limit = math.exp(min(logs.mean() + reach, math.log(2 * largest)))
    return max(limit, largest)


def _min_confidence(predictions: Predictions) -> float:
    confidences = predictions.probabilities.max(axis=1)
    found = choose_threshold_for_accuracy(
        predictions, ACCURACY, Resampling.over(predictions.groups)
    )
    if found is not None and found.threshold <= confidences.min():
        return 0.0
    enough = float(np.quantile(confidences, 1 - ANSWERED, method="lower"))
    return enough if found is None else min(found.threshold, enough)


def _min_abnormality(predictions: Predictions, normal: int, min_confidence: float) -> float | None:
    abnormality = 1 - predictions.probabilities[:, normal]
    unsure = predictions.probabilities.max(axis=1) < min_confidence
    asked = unsure & (abnormality > 0.5)
    if asked.sum() < FEWEST:
        return None
    of = predictions.take(np.flatnonzero(asked))
    above = abnormality[asked]
    binary = Predictions(
        ("normal", "abnormal"),
        of.files,
        of.groups,
        (of.labels != normal).astype(np.int64),
        np.column_stack([1 - above, above]),
    )
    found = choose_threshold_for_accuracy(binary, ACCURACY, Resampling.over(binary.groups))
    if found is None or (above >= found.threshold).sum() < FEWEST:
        return None
    return found.threshold
