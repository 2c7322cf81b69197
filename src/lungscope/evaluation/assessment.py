"""Everything that is measured of one model's predictions: the content of `metrics.json`."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from lungscope.atomic import write_json
from lungscope.data.split import Subset
from lungscope.estimate import LEVEL, Estimate
from lungscope.evaluation.bootstrap import DRAWS, Resampling
from lungscope.evaluation.calibration import Calibration, compute_calibration
from lungscope.evaluation.discrimination import (
    CLASS_METRICS,
    Discrimination,
    compute_discrimination,
)
from lungscope.evaluation.evaluation import evaluate
from lungscope.evaluation.metrics import METRICS
from lungscope.evaluation.operating_points import (
    OperatingPoint,
    choose_threshold_for_sensitivity,
    measure_operating_point,
)
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.proportions import FEW
from lungscope.evaluation.selective import (
    Accepted,
    choose_threshold_for_accuracy,
    compute_risk_area,
    measure_accepted,
)
from lungscope.json_files import load_json
from lungscope.text import format_quantity

SENSITIVITY = 0.95
"""Sensitivity that operating points are chosen for."""

ACCURACIES = (0.95, 0.98)
"""Accuracies that thresholds of confidence are chosen for."""

MAX_IMAGES = 10**12
"""Larger counts are damage."""


@dataclass(frozen=True)
class IntervalMethod:
    """How intervals were made.

    Attributes:
        method: whole groups are resampled; with one group there is nothing to resample.
        level: coverage.
        draws: of the bootstrap.
        wilson_below_groups: proportions of fewer groups, and those that are the same in every
            draw, have Wilson's interval instead.
    """

    method: Literal["group-bootstrap"] = "group-bootstrap"
    level: float = LEVEL
    draws: int = DRAWS
    wilson_below_groups: int = FEW


@dataclass(frozen=True)
class ConfusionCounts:
    """Images by true and predicted class.

    Attributes:
        classes: the K class names.
        rows, columns: what they stand for.
        counts: K rows of K counts.
    """

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    rows: Literal["true class"] = "true class"
    columns: Literal["predicted class"] = "predicted class"


@dataclass(frozen=True)
class CalibrationPair:
    """Calibration at temperature 1, and at the checkpoint's temperature."""

    uncalibrated: Calibration
    calibrated: Calibration


@dataclass(frozen=True)
class AccuracyTarget:
    """A threshold of confidence for an accuracy.

    Attributes:
        wanted: the accuracy that the threshold reaches on the images it was chosen on.
        found: what it does to the images assessed; None if no threshold reaches it.
    """

    wanted: float
    found: Accepted | None


@dataclass(frozen=True)
class SelectiveResult:
    """What abstention on the least confident images is worth.

    Attributes:
        risk_area: area under the curve of risk by coverage, [0, 1], lower is better.
        chosen_on: the subset that thresholds are chosen on.
        answering: one for each of `ACCURACIES`.
    """

    risk_area: Estimate
    chosen_on: Subset
    answering: tuple[AccuracyTarget, ...]


@dataclass(frozen=True)
class OperatingPoints:
    """Thresholds of a class's probability.

    Attributes:
        chosen_on: the subset that they are chosen on.
        for_sensitivity: the sensitivity that they reach there.
        points: one a class.
    """

    chosen_on: Subset
    for_sensitivity: float
    points: tuple[OperatingPoint, ...]


@dataclass(frozen=True)
class Assessment:
    """A model's metrics on one subset, its calibration, and what its thresholds do.

    Attributes:
        weights_sha256: of the model; empty if it is not recorded.
        subset: of the split.
        images, groups: how many were assessed.
        interval: how intervals were made.
        overall: the registered metrics by name; see `lungscope.evaluation.metrics`.
        by_class: precision, recall and F1 of each class.
        confusion: images by true and predicted class.
        one_vs_rest: each class against all others.
        temperature: divisor of the logits.
        calibration: before and after the temperature.
        selective: abstention by confidence.
        operating_points: thresholds for single classes.

    Raises:
        ValueError: the parts do not fit together.
    """

    weights_sha256: str = field(default="", kw_only=True)
    subset: Subset
    images: int
    groups: int
    interval: IntervalMethod
    overall: dict[str, Estimate]
    by_class: dict[str, dict[str, Estimate]]
    confusion: ConfusionCounts
    one_vs_rest: Discrimination
    temperature: float
    calibration: CalibrationPair
    selective: SelectiveResult
    operating_points: OperatingPoints

    def __post_init__(self) -> None:
        classes, counts = self.confusion.classes, self.confusion.counts
        size = len(classes)
        if not (0 < self.images < MAX_IMAGES and 0 < self.groups <= self.images):
            raise ValueError(f"{self.images} images in {self.groups} groups are not plausible")
        if [len(row) for row in counts] != [size] * size or min(map(min, counts), default=0) < 0:
            raise ValueError(f"confusion is not {size} x {size} counts")
        if sum(map(sum, counts)) != self.images:
            raise ValueError(f"confusion is not of {self.images} images")
        apart = self.one_vs_rest
        _require("overall", self.overall, METRICS)
        _require("by_class", self.by_class, classes)
        _require("one_vs_rest.macro", apart.macro, CLASS_METRICS)
        _require("one_vs_rest.by_class", apart.by_class, classes)
        _require("one_vs_rest.prevalence", apart.prevalence, classes)
        for name in classes:
            _require(f"by_class.{name}", self.by_class[name], ("precision", "recall", "f1"))
            _require(f"one_vs_rest.by_class.{name}", apart.by_class[name], CLASS_METRICS)

    def __repr__(self) -> str:
        images = format_quantity(self.images, f"{self.subset} image")
        return f"Assessment({images} in {self.groups:,} groups: accuracy {self.accuracy})"

    @property
    def accuracy(self) -> Estimate:
        """The proportion of images that are classified correctly."""
        return self.overall["accuracy"]

    @property
    def misclassified(self) -> int:
        """Number of images that are misclassified."""
        counts = self.confusion.counts
        return self.images - sum(row[place] for place, row in enumerate(counts))

    @property
    def most_frequent(self) -> float:
        """The accuracy of always predicting the most frequent class."""
        return max(self.one_vs_rest.prevalence.values())

    def to_json(self) -> dict[str, Any]:
        """Returns the content of `metrics.json`."""
        return asdict(self)

    def save(self, path: Path) -> None:
        """Writes `metrics.json`, whole or not at all.

        Raises:
            Inaccessible: it cannot be written.
        """
        write_json(path, self.to_json())

    @classmethod
    def load(cls, path: Path) -> "Assessment":
        """Reads what `save` wrote.

        Raises:
            NotFound: there is no such file.
            InvalidData: it is damaged, or lacks a metric that is registered now.
            Inaccessible: it cannot be read.
        """
        return load_json(path, cls, "evaluate-again")


def assess(
    predictions: Predictions,
    validation: Predictions,
    temperature: float,
    subset: Subset,
    seed: int = 0,
    weights_sha256: str = "",
) -> Assessment:
    """Computes everything, each interval by bootstrap over groups.

    Args:
        predictions: for the images to assess, at `temperature`.
        validation: for the images that thresholds are chosen on, at the same temperature. On
            these images themselves, a threshold looks better than it is.
        temperature: > 0.
        subset: of the split that the images are of.
        seed: of the bootstrap.
        weights_sha256: of the model.

    Examples:
        >>> from pathlib import Path
        >>> tested = Predictions.load(Path("runs/lung/evaluation/predictions.csv"))
        >>> validation = tested  # to be short; give those of validation images
        >>> found = assess(tested, validation, temperature=1.3, subset="test")
        >>> found.images, found.confusion.classes
        (6, ('Lung Opacity', 'Normal', 'Viral Pneumonia'))
    """
    resampling = Resampling.over(predictions.groups, seed=seed)
    evaluation = evaluate(predictions, seed)
    return Assessment(
        weights_sha256=weights_sha256,
        subset=subset,
        images=evaluation.images,
        groups=evaluation.groups,
        interval=IntervalMethod(),
        overall=evaluation.overall,
        by_class=evaluation.by_class,
        confusion=ConfusionCounts(
            predictions.classes,
            tuple(tuple(int(count) for count in row) for row in evaluation.matrix),
        ),
        one_vs_rest=compute_discrimination(predictions, resampling),
        temperature=temperature,
        calibration=CalibrationPair(
            uncalibrated=compute_calibration(predictions.tempered(1 / temperature), resampling),
            calibrated=compute_calibration(predictions, resampling),
        ),
        selective=SelectiveResult(
            risk_area=compute_risk_area(predictions, resampling),
            chosen_on="validation",
            answering=_answering(predictions, validation, resampling),
        ),
        operating_points=OperatingPoints(
            chosen_on="validation",
            for_sensitivity=SENSITIVITY,
            points=tuple(
                measure_operating_point(
                    predictions,
                    of,
                    choose_threshold_for_sensitivity(validation, of, SENSITIVITY),
                    resampling,
                )
                for label, of in enumerate(predictions.classes)
                if (validation.labels == label).any()
            ),
        ),
    )


def _answering(
    predictions: Predictions, validation: Predictions, resampling: Resampling
) -> tuple[AccuracyTarget, ...]:
    on_validation = Resampling.over(validation.groups, draws=1)  # its intervals are not shown
    found = []
    for wanted in ACCURACIES:
        chosen = choose_threshold_for_accuracy(validation, wanted, on_validation)
        found.append(
            AccuracyTarget(
                wanted, chosen and measure_accepted(predictions, chosen.threshold, resampling)
            )
        )
    return tuple(found)


def _require(place: str, found: Any, names: Any) -> None:
    missing = [name for name in names if name not in found]
    if missing:
        raise ValueError(f"{place}: {missing[0]} is missing")
