"""Temperature scaling: one number that turns scores into probabilities that mean something."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from lungscope.errors import InvalidData

COLDEST, HOTTEST = 0.01, 100.0
"""Temperatures are sought between these."""

_AT_THE_END = 1e-3
"""How far, relatively, a temperature may be from an end of its search range to lie at it."""


@dataclass(frozen=True)
class Temperature:
    """A fitted temperature (Guo et al., 2017, arXiv 1706.04599).

    Attributes:
        value: divisor of the logits, > 0; 1 leaves them as they are, more makes the model less
            sure of itself. The predicted class is the same at every temperature. About `HOTTEST`,
            the end of the search, is no fit: the scores separated the classes no better than
            chance, and all probabilities are made about equal.
        nll_before, nll_after: mean negative log-likelihood in nats on the fitting images.
    """

    value: float
    nll_before: float
    nll_after: float


def find_end(temperature: float) -> float | None:
    """Returns the end of the search that a fitted temperature lies at; None for a real fit.

    Examples:
        >>> find_end(99.9999), find_end(1.3)
        (100.0, None)
    """
    ends = (COLDEST, HOTTEST)
    return next((end for end in ends if math.isclose(temperature, end, rel_tol=_AT_THE_END)), None)


def fit_temperature(
    logits: NDArray[np.float64],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64] | None = None,
) -> Temperature:
    """Fits the temperature that minimises the negative log-likelihood on validation images.

    The likelihood is convex in the temperature's inverse, so it has one valley on the logarithm of
    the temperature, where the search goes. It has none where every image's own class scores
    highest: the colder the better, without end. Such images say nothing about how wrong the model
    is when it is wrong, so the logits are left as they are, at 1. Scores that are no better than
    chance give the other end, `HOTTEST`.

    Args:
        logits: (N, K) unnormalised scores, or logarithms of probabilities, which differ from them
            by a constant an image and give the same temperature.
        labels: (N,) int, 0 <= label < K.
        weights: (N,) how much each image counts, >= 0; all the same by default.

    Raises:
        InvalidData: no images, a label outside the classes, or a score that is not finite.
    """
    _refuse_unfit(logits, labels)
    own = np.arange(len(labels)), labels

    def likelihood_loss(logarithm: float) -> float:
        found = log_softmax(logits / np.exp(logarithm), axis=1)[own]
        return -float(np.average(found, weights=weights))

    before = likelihood_loss(0.0)
    unchanged = Temperature(1.0, before, before)
    if (logits[own] >= logits.max(axis=1)).all():  # no valley: see above
        return unchanged
    # on the logarithm: a temperature of 0.1 is as far from 1 as one of 10
    found = minimize_scalar(
        likelihood_loss,
        bounds=(np.log(COLDEST), np.log(HOTTEST)),
        method="bounded",
        options={"xatol": 1e-7},
    )
    if found.fun >= before:  # the search ends near the optimum: it must not make things worse
        return unchanged
    return Temperature(float(np.exp(found.x)), before, float(found.fun))


def _refuse_unfit(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> None:
    if logits.ndim != 2 or labels.shape != logits.shape[:1]:
        raise InvalidData(
            f"temperature: logits {logits.shape} and labels {labels.shape} do not go together; "
            "give (images, classes) and (images,)"
        )
    if not logits.size:
        raise InvalidData("temperature: there is no image to fit it on; give validation images")
    classes = logits.shape[1]
    if labels.min() < 0 or labels.max() >= classes:
        raise InvalidData(f"temperature: a label is not one of the {classes} classes")
    if not np.isfinite(logits).all():
        raise InvalidData(
            "temperature: a score is not finite; the model's weights are damaged or its training "
            "diverged"
        )
