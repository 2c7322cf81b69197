"""Everything that is measured of one model's answers, together: what `metrics.json` holds."""

from dataclasses import asdict, dataclass
from typing import Any

from lungscope.data.split import Subset
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.calibration import Calibration, compute_calibration
from lungscope.evaluation.discrimination import Discrimination, compute_discrimination
from lungscope.evaluation.evaluation import Evaluation, evaluate
from lungscope.evaluation.operating_points import (
    OperatingPoint,
    choose_threshold_for_sensitivity,
    measure_operating_point,
)
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.selective import (
    Accepted,
    CoverageCurve,
    choose_threshold_for_accuracy,
    compute_coverage_curve,
    measure_accepted,
)

SENSITIVITY = 0.95
"""That operating points are chosen for."""

ACCURACIES = (0.95, 0.98)
"""That thresholds of confidence are chosen for."""


@dataclass(frozen=True)
class AccuracyTarget:
    """Answering only from a confidence on.

    Attributes:
        wanted: the accuracy that the threshold reaches on the images it was chosen on.
        found: what it does to the images assessed; none if no threshold reaches it.
    """

    wanted: float
    found: Accepted | None


@dataclass(frozen=True, eq=False)
class Assessment:
    """What a model is worth, how sure it is, and what its thresholds do.

    Attributes:
        subset: of the split that the images are of.
        temperature: that the predictions were made at.
        evaluation: metrics of the calibrated predictions.
        discrimination: one class against the rest.
        uncalibrated, calibrated: at temperature 1, and at `temperature`.
        coverage: accuracy against coverage.
        answering: thresholds of confidence, chosen on validation images.
        operating_points: one a class, chosen on validation images.
    """

    subset: Subset
    temperature: float
    evaluation: Evaluation
    discrimination: Discrimination
    uncalibrated: Calibration
    calibrated: Calibration
    coverage: CoverageCurve
    answering: tuple[AccuracyTarget, ...]
    operating_points: tuple[OperatingPoint, ...]

    def to_json(self) -> dict[str, Any]:
        """The content of `metrics.json`, but for the model that it is of."""
        of_class, apart = self.evaluation.to_json(), self.discrimination
        return {
            "subset": self.subset,
            **of_class,
            "one_vs_rest": {
                "by_class": _plain(apart.by_class),
                "macro": _plain(apart.macro),
                "prevalence": apart.prevalence,
            },
            "temperature": self.temperature,
            "calibration": {
                "uncalibrated": asdict(self.uncalibrated),
                "calibrated": asdict(self.calibrated),
            },
            "selective": {
                "risk_area": asdict(self.coverage.risk_area),
                "chosen_on": "validation",
                "answering": [asdict(each) for each in self.answering],
            },
            "operating_points": {
                "chosen_on": "validation",
                "for_sensitivity": SENSITIVITY,
                "points": [asdict(each) for each in self.operating_points],
            },
        }


def assess(
    predictions: Predictions,
    validation: Predictions,
    temperature: float,
    subset: Subset,
    seed: int = 0,
) -> Assessment:
    """Computes everything, each interval by bootstrap over groups.

    Args:
        predictions: of the images to assess, at `temperature`.
        validation: of the images that thresholds are chosen on, at the same temperature. Where
            these are the same images, what a threshold does to them flatters it.
        temperature: > 0.
        subset: of the split that the images are of.
        seed: of the bootstrap.
    """
    resampling = Resampling.over(predictions.groups, seed=seed)
    return Assessment(
        subset=subset,
        temperature=temperature,
        evaluation=evaluate(predictions, seed),
        discrimination=compute_discrimination(predictions, resampling),
        uncalibrated=compute_calibration(predictions.tempered(1 / temperature), resampling),
        calibrated=compute_calibration(predictions, resampling),
        coverage=compute_coverage_curve(predictions, resampling),
        answering=_answering(predictions, validation, resampling),
        operating_points=tuple(
            measure_operating_point(
                predictions,
                of,
                choose_threshold_for_sensitivity(validation, of, SENSITIVITY),
                resampling,
            )
            for label, of in enumerate(predictions.classes)
            if (validation.labels == label).any()
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


def _plain(values: Any) -> Any:
    """Estimates, however nested, as JSON objects."""
    if isinstance(values, dict):
        return {name: _plain(value) for name, value in values.items()}
    return values and asdict(values)
