"""The overall metrics: one function each, registered with the words and the rule of its interval.

`metrics.json`, the table of `lungscope evaluate`, the report and comparisons show whatever is
registered here, so that a new metric costs one function (docs/how-to/add-a-metric.md).

The averages of precision, recall and F1 are those of the paper's Table I ("weighted" by class
support, in which recall is accuracy) and the plain mean over all K classes ("macro"). Each equals
scikit-learn's with `zero_division=0` and all K `labels`: a class that is neither there nor
predicted counts as 0.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling, bootstrap_where_defined
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.proportions import average_of_proportions, with_interval

Values = NDArray[np.float64]
IntervalRule = Callable[[float, Values, int], Estimate]
"""Makes an estimate of a value, its bootstrap replicates (D,), and the number of groups."""


@dataclass(frozen=True, eq=False)
class Sample:
    """What a metric is computed from: N images as they are, or D bootstrap draws of them at once.

    Attributes:
        predictions: the model's answers for the N images.
        resampling: the draws, over the groups of the same images; None for the images as they
            are, which count as one draw (D = 1).
    """

    predictions: Predictions
    resampling: Resampling | None = None

    @cached_property
    def matrices(self) -> Values:
        """(D, K, K) counts of images by true class and predicted class."""
        if self.resampling is None:
            return confusion_matrix(self.predictions)[None]
        return resample_confusion_matrix(self.predictions, self.resampling)

    def mean(self, values: Values) -> Values:
        """Computes the mean of per-image values, (N,), over each draw's images, (D,)."""
        if self.resampling is None:
            return np.array([values.mean()])
        means: Values = self.resampling.sums(values) / self.resampling.sums(np.ones(len(values)))
        return means

    @cached_property
    def class_scores(self) -> dict[str, Values]:
        """Precision, recall and F1 of each class, (D, K); 0 where nothing is to be divided."""
        return class_scores(self.matrices)

    @cached_property
    def support(self) -> Values:
        """(D, K) the proportion of images that are of each class."""
        support = self.matrices.sum(axis=-1)
        proportion: Values = support / support.sum(axis=-1, keepdims=True)
        return proportion


@dataclass(frozen=True, eq=False)
class Metric:
    """An overall metric.

    Attributes:
        name: its key in `metrics.json`, an identifier.
        title: its name in tables, with the averaging, e.g. "F1 (weighted)".
        unit: "proportion" for a proportion of images in [0, 1], whose differences are in percentage
            points; a unit such as "nats"; or "" for a plain number.
        better: which values are better.
        interval: the rule of its 95 % interval.
        compared: whether `lungscope compare` shows its differences between models.
        compute: its value in each draw of a sample, (D,): finite on the images as they are, NaN in
            draws in which it is not defined.
    """

    name: str
    title: str
    unit: str
    better: Literal["higher", "lower"]
    interval: IntervalRule
    compared: bool
    compute: Callable[[Sample], Values]

    @property
    def label(self) -> str:
        """The title with its unit, e.g. "loss (nats)"."""
        return self.title if self.unit in {"", "proportion"} else f"{self.title} ({self.unit})"

    def value(self, predictions: Predictions) -> float:
        """Computes the metric on the images as they are.

        Raises:
            ValueError: `compute` does not give one finite number.
        """
        (found,) = self._computed(Sample(predictions), 1)
        if not np.isfinite(found):
            raise ValueError(
                f"the metric {self.name} is {found} on {len(predictions.files)} images"
            )
        return float(found)

    def resample(self, sample: Sample) -> Values:
        """Computes the metric in each of D draws, (D,); NaN where it is not defined.

        Raises:
            ValueError: `compute` does not give D numbers.
        """
        draws = 1 if sample.resampling is None else len(sample.resampling.counts)
        return self._computed(sample, draws)

    def _computed(self, sample: Sample, draws: int) -> Values:
        found = np.asarray(self.compute(sample), dtype=np.float64)
        if found.shape != (draws,):
            raise ValueError(f"the metric {self.name} has the shape {found.shape}, not ({draws},)")
        return found


METRICS: dict[str, Metric] = {}
"""The registered metrics by name, in the order in which tables show them."""


def percentile_interval(value: float, replicates: Values, groups: int) -> Estimate:  # noqa: ARG001
    """Estimates any metric: the percentiles of the draws in which it is defined."""
    return bootstrap_where_defined(value, replicates)


def metric(
    name: str,
    title: str,
    *,
    unit: str = "",
    better: Literal["higher", "lower"] = "higher",
    interval: IntervalRule = percentile_interval,
    compared: bool = False,
) -> Callable[[Callable[[Sample], Values]], Callable[[Sample], Values]]:
    """Registers the function below it as an overall metric; see `Metric` for the arguments.

    Raises:
        ValueError: the name is no identifier, or another metric has it.

    Examples:
        >>> import numpy as np
        >>> from lungscope.evaluation.metrics import METRICS, metric
        >>> @metric("errors", "errors", better="lower")
        ... def compute_errors(sample):
        ...     correct = np.trace(sample.matrices, axis1=1, axis2=2)
        ...     return sample.matrices.sum(axis=(1, 2)) - correct
        >>> METRICS.pop("errors").label
        'errors'
    """
    if not name.isidentifier() or name in METRICS:
        raise ValueError(f"metric {name!r}: give an identifier that no other metric has")

    def register(compute: Callable[[Sample], Values]) -> Callable[[Sample], Values]:
        METRICS[name] = Metric(name, title, unit, better, interval, compared, compute)
        return compute

    return register


def compute_metrics(predictions: Predictions) -> dict[str, float]:
    """Computes every registered metric on the images as they are.

    Examples:
        >>> classes, labels = ("Normal", "Pneumonia"), np.array([0, 0, 1, 1])
        >>> probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
        >>> names = ("a", "b", "c", "d")  # each of a patient of its own
        >>> tested = Predictions(classes, names, names, labels, probabilities)
        >>> found = compute_metrics(tested)
        >>> found["accuracy"], round(found["loss"], 3)
        (0.75, 0.511)
    """
    return {name: each.value(predictions) for name, each in METRICS.items()}


def resample_metrics(predictions: Predictions, resampling: Resampling) -> dict[str, Values]:
    """Computes every registered metric in every bootstrap draw, each (D,).

    Args:
        predictions: of N images.
        resampling: over the groups of the same N images in the same order.
    """
    sample = Sample(predictions, resampling)
    return {name: each.resample(sample) for name, each in METRICS.items()}


@metric("accuracy", "accuracy", unit="proportion", interval=with_interval, compared=True)
def compute_accuracy(sample: Sample) -> Values:
    """Computes the proportion of images that are classified correctly."""
    correct = np.trace(sample.matrices, axis1=-2, axis2=-1)
    accuracy: Values = correct / sample.matrices.sum(axis=(-2, -1))
    return accuracy


@metric("loss", "loss", unit="nats", better="lower", compared=True)
def compute_loss(sample: Sample) -> Values:
    """Computes the mean cross-entropy."""
    return sample.mean(sample.predictions.losses)


@metric(
    "precision_weighted",
    "precision (weighted)",
    unit="proportion",
    interval=average_of_proportions,
)
def compute_weighted_precision(sample: Sample) -> Values:
    """Computes the mean precision, classes weighted by their images."""
    return _weighted(sample, "precision")


# Weighted by class support, recall is accuracy: computed once, so that both round alike.
metric("recall_weighted", "recall (weighted)", unit="proportion", interval=with_interval)(
    compute_accuracy
)


@metric(
    "f1_weighted",
    "F1 (weighted)",
    unit="proportion",
    interval=average_of_proportions,
    compared=True,
)
def compute_weighted_f1(sample: Sample) -> Values:
    """Computes the mean F1, classes weighted by their images."""
    return _weighted(sample, "f1")


@metric("precision_macro", "precision (macro)", unit="proportion", interval=average_of_proportions)
def compute_macro_precision(sample: Sample) -> Values:
    """Computes the plain mean of the classes' precision."""
    return _macro(sample, "precision")


@metric("recall_macro", "recall (macro)", unit="proportion", interval=average_of_proportions)
def compute_macro_recall(sample: Sample) -> Values:
    """Computes the plain mean of the classes' recall."""
    return _macro(sample, "recall")


@metric("f1_macro", "F1 (macro)", unit="proportion", interval=average_of_proportions, compared=True)
def compute_macro_f1(sample: Sample) -> Values:
    """Computes the plain mean of the classes' F1."""
    return _macro(sample, "f1")


def _weighted(sample: Sample, name: str) -> Values:
    mean: Values = (sample.class_scores[name] * sample.support).sum(axis=-1)
    return mean


def _macro(sample: Sample, name: str) -> Values:
    # A draw that misses a class says nothing of it: its mean is undefined, not lower. Only a class
    # that has no value on the images as they are counts as 0, there and in every draw.
    defined = class_scores(confusion_matrix(sample.predictions), np.nan)[name]
    nothing = 0.0 if np.isnan(defined).any() else np.nan
    mean: Values = class_scores(sample.matrices, nothing)[name].mean(axis=-1)
    return mean


def confusion_matrix(predictions: Predictions) -> Values:
    """Counts images by true class (row) and predicted class (column), (K, K).

    Examples:
        >>> import numpy as np
        >>> from lungscope.evaluation.predictions import Predictions
        >>> predictions = Predictions(
        ...     classes=("normal", "pneumonia"),
        ...     files=("a.png", "b.png", "c.png"),
        ...     groups=("1", "2", "3"),
        ...     labels=np.array([0, 1, 1]),
        ...     probabilities=np.array([[0.9, 0.1], [0.3, 0.7], [0.6, 0.4]]),
        ... )
        >>> confusion_matrix(predictions)
        array([[1., 0.],
               [1., 1.]])
    """
    classes = len(predictions.classes)
    matrix = np.zeros((classes, classes))
    np.add.at(matrix, (predictions.labels, predictions.predicted), 1)
    return matrix


def resample_confusion_matrix(predictions: Predictions, resampling: Resampling) -> Values:
    """Counts the images of every draw likewise, (D, K, K)."""
    count, classes = predictions.probabilities.shape
    cells = np.zeros((count, classes, classes))
    cells[np.arange(count), predictions.labels, predictions.predicted] = 1
    return resampling.sums(cells)


def class_scores(matrices: Values, nothing: float = 0.0) -> dict[str, Values]:
    """Computes precision, recall and F1 of each class of each confusion matrix.

    Args:
        matrices: (..., K, K), true class by predicted class.
        nothing: what 0 / 0 is.

    Returns:
        "precision", "recall" and "f1", each (..., K) in [0, 1].
    """
    correct = np.diagonal(matrices, axis1=-2, axis2=-1)
    support, claimed = matrices.sum(axis=-1), matrices.sum(axis=-2)
    return {
        "precision": _ratio(correct, claimed, nothing),
        "recall": _ratio(correct, support, nothing),
        "f1": _ratio(2 * correct, support + claimed, nothing),
    }


def _ratio(above: Values, below: Values, nothing: float) -> Values:
    return np.divide(above, below, out=np.full_like(below, nothing), where=below > 0)
