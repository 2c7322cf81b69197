"""Accuracy, precision, recall, F1 from confusion matrices: one, or thousands at once.

The averages are those of the paper's Table I ("weighted" by class support, in which recall is
accuracy) and the plain mean over all K classes ("macro"). Each equals scikit-learn's with
`zero_division=0` and all K `labels`: a class that is neither there nor predicted counts as 0. Here
they are computed for a whole stack of resampled matrices at once.
"""

import numpy as np
from numpy.typing import NDArray

from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.predictions import Predictions

Counts = NDArray[np.float64]


def confusion_matrix(predictions: Predictions) -> Counts:
    """Counts of images by true class (row) and predicted class (column), (K, K)."""
    classes = len(predictions.classes)
    matrix = np.zeros((classes, classes))
    np.add.at(matrix, (predictions.labels, predictions.predicted), 1)
    return matrix


def resample_confusion_matrix(predictions: Predictions, resampling: Resampling) -> Counts:
    """The same of every draw's images, (D, K, K)."""
    count, classes = predictions.probabilities.shape
    cells = np.zeros((count, classes, classes))
    cells[np.arange(count), predictions.labels, predictions.predicted] = 1
    return resampling.sums(cells)


def overall_scores(predictions: Predictions) -> dict[str, float]:
    """`scores` of the images as they are, and "loss": the mean cross-entropy in nats."""
    found = scores(confusion_matrix(predictions)) | {"loss": predictions.losses.mean()}
    return {name: float(value) for name, value in found.items()}


def resample_scores(predictions: Predictions, resampling: Resampling) -> dict[str, Counts]:
    """The same of every bootstrap draw, each (D,).

    Args:
        predictions: of N images.
        resampling: over the groups of the same N images in the same order.
    """
    found = scores(resample_confusion_matrix(predictions, resampling))
    return found | {"loss": resample_loss(predictions, resampling)}


def resample_loss(predictions: Predictions, resampling: Resampling) -> Counts:
    """The mean cross-entropy in nats of every bootstrap draw, (D,)."""
    images = resampling.sums(np.ones(len(predictions.files)))
    loss: Counts = resampling.sums(predictions.losses) / images
    return loss


def scores(matrices: Counts) -> dict[str, Counts]:
    """Overall scores of each matrix.

    Args:
        matrices: (..., K, K), true class by predicted class, each with a positive sum.

    Returns:
        accuracy, and precision, recall and F1 with `_weighted` and `_macro` averages; each
        (...) in [0, 1].
    """
    support = matrices.sum(axis=-1)
    weight = support / support.sum(axis=-1, keepdims=True)
    right = np.trace(matrices, axis1=-2, axis2=-1)
    found = {"accuracy": right / matrices.sum(axis=(-2, -1))}
    each = class_scores(matrices)
    equal = np.full_like(weight, 1 / weight.shape[-1])
    for average, share in (("weighted", weight), ("macro", equal)):
        for name, value in each.items():
            found[f"{name}_{average}"] = (value * share).sum(axis=-1)
    found["recall_weighted"] = found["accuracy"]  # as it is, rounding included
    return found


def class_scores(matrices: Counts, nothing: float = 0.0) -> dict[str, Counts]:
    """Precision, recall and F1 of each class of each matrix.

    Args:
        matrices: (..., K, K), true class by predicted class.
        nothing: what 0 / 0 is.

    Returns:
        "precision", "recall" and "f1", each (..., K) in [0, 1].
    """
    right = np.diagonal(matrices, axis1=-2, axis2=-1)
    support, claimed = matrices.sum(axis=-1), matrices.sum(axis=-2)
    return {
        "precision": _ratio(right, claimed, nothing),
        "recall": _ratio(right, support, nothing),
        "f1": _ratio(2 * right, support + claimed, nothing),
    }


def _ratio(above: Counts, below: Counts, nothing: float) -> Counts:
    return np.divide(above, below, out=np.full_like(below, nothing), where=below > 0)
