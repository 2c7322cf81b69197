"""Operating points: thresholds for the probability of a class, and its rates at them."""

from dataclasses import dataclass

import numpy as np

from lungscope.errors import InvalidData, InvalidSetting
from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.discrimination import compute_class_rates
from lungscope.evaluation.predictions import Predictions


@dataclass(frozen=True)
class OperatingPoint:
    """The rates of one class against the rest at a threshold for its probability.

    Attributes:
        of: the class.
        threshold: images whose probability of the class is at least this are classified as it.
        sensitivity, specificity, ppv, npv: against all other classes, each in [0, 1] with its
            95 % interval; None where there is no image to divide by (ppv where none is classified
            as the class).
    """

    of: str
    threshold: float
    sensitivity: Estimate | None
    specificity: Estimate | None
    ppv: Estimate | None
    npv: Estimate | None


def choose_threshold_for_sensitivity(
    predictions: Predictions, of: str, sensitivity: float
) -> float:
    """Chooses the highest threshold that reaches a sensitivity, for the highest specificity.

    Choose it on validation images: rates are too optimistic on the images that it is chosen on.

    Args:
        predictions: of the images to choose on.
        of: the name of the class.
        sensitivity: wanted, in (0, 1].

    Raises:
        InvalidSetting: an unknown class, or a sensitivity outside (0, 1].
        InvalidData: there is no image of the class.

    Examples:
        >>> classes, labels = ("Normal", "Pneumonia"), np.array([0, 0, 1, 1])
        >>> probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
        >>> names = ("a", "b", "c", "d")  # each of a patient of its own
        >>> tested = Predictions(classes, names, names, labels, probabilities)
        >>> choose_threshold_for_sensitivity(tested, "Pneumonia", 0.9)
        0.3
    """
    label = _label(predictions, of)
    if not 0 < sensitivity <= 1:
        raise InvalidSetting(
            f"the wanted sensitivity is {sensitivity}; give one above 0 and up to 1"
        )
    own = np.sort(predictions.probabilities[predictions.labels == label, label])[::-1]
    if not len(own):
        raise InvalidData(f"there is no image of {of!r} to choose a threshold on")
    found = np.arange(1, len(own) + 1) / len(own)
    return float(own[np.searchsorted(found, sensitivity)])


def measure_operating_point(
    predictions: Predictions, of: str, threshold: float, resampling: Resampling
) -> OperatingPoint:
    """Measures the rates at a threshold, with intervals by bootstrap over groups.

    Args:
        predictions: of the images to measure on.
        of: the name of the class.
        threshold: of its probability, in [0, 1].
        resampling: of the images' groups.

    Raises:
        InvalidSetting: an unknown class.

    Examples:
        >>> classes, labels = ("Normal", "Pneumonia"), np.array([0, 0, 1, 1])
        >>> probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
        >>> names = ("a", "b", "c", "d")  # each of a patient of its own
        >>> tested = Predictions(classes, names, names, labels, probabilities)
        >>> draws = Resampling.over(tested.groups)
        >>> point = measure_operating_point(tested, "Pneumonia", 0.3, draws)
        >>> point.sensitivity.value, point.specificity.value
        (1.0, 0.5)
    """
    label = _label(predictions, of)
    called = predictions.probabilities[:, label] >= threshold
    return OperatingPoint(
        of, threshold, **compute_class_rates(called, predictions.labels == label, resampling)
    )


def _label(predictions: Predictions, of: str) -> int:
    if of not in predictions.classes:
        raise InvalidSetting(
            f"there is no class {of!r}; the classes are {', '.join(predictions.classes)}"
        )
    return predictions.classes.index(of)
