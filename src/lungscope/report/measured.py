"""What `lungscope evaluate` found about a run, read back from `metrics.json`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lungscope.data.split import Split, Subset
from lungscope.errors import LungscopeError
from lungscope.estimate import Estimate
from lungscope.evaluation.assessment import AccuracyTarget
from lungscope.evaluation.calibration import Calibration
from lungscope.evaluation.operating_points import OperatingPoint
from lungscope.evaluation.selective import Accepted
from lungscope.report.reading import (
    count,
    estimate,
    estimates,
    estimates_where_defined,
    number,
    results_of,
    subset,
    text,
)

OVERALL = {
    "accuracy": "accuracy (over images)",
    "loss": "loss, mean cross-entropy in nats (over images)",
    "precision_weighted": "precision (weighted by class support)",
    "recall_weighted": "recall (weighted by class support)",
    "f1_weighted": "F1 (weighted by class support)",
    "precision_macro": "precision (macro)",
    "recall_macro": "recall (macro)",
    "f1_macro": "F1 (macro)",
}
"""What must be in the file and is shown, with the averaging in its name."""

ONE_VS_REST = {
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "ppv": "PPV",
    "npv": "NPV",
    "auroc": "AUROC",
    "auprc": "AUPRC",
}

RATES = ("sensitivity", "specificity", "ppv", "npv")
"""Those of them that an operating point has."""


@dataclass(frozen=True, eq=False)
class Measured:
    """The numbers of one evaluation; see `lungscope.evaluation` for what each of them is.

    Attributes:
        weights_sha256: of the model; empty if the file does not name it.
        subset: of the split that was assessed.
        images, groups: how many of them.
        interval: how intervals were made, in words.
        overall: the metrics of `OVERALL`.
        f1: F1 of each class.
        counts: images by true class (row) and predicted class (column).
        one_vs_rest: for each class the metrics of `ONE_VS_REST`.
        macro: their plain means over classes.
        prevalence: share of images of each class.
        temperature: divisor of the logits.
        uncalibrated, calibrated: at temperature 1, and at `temperature`.
        risk_area: area under the curve of risk by coverage.
        answering: thresholds of confidence, chosen on validation images.
        for_sensitivity: that operating points were chosen for, on validation images.
        operating_points: one a class.
    """

    weights_sha256: str
    subset: Subset
    images: int
    groups: int
    interval: str
    overall: Mapping[str, Estimate]
    f1: Mapping[str, Estimate]
    counts: tuple[tuple[int, ...], ...]
    one_vs_rest: Mapping[str, Mapping[str, Estimate | None]]
    macro: Mapping[str, Estimate | None]
    prevalence: Mapping[str, float]
    temperature: float
    uncalibrated: Calibration
    calibrated: Calibration
    risk_area: Estimate
    answering: tuple[AccuracyTarget, ...]
    for_sensitivity: float
    operating_points: tuple[OperatingPoint, ...]

    @property
    def accuracy(self) -> Estimate:
        """Share of images that is rightly classified."""
        return self.overall["accuracy"]

    @property
    def mistakes(self) -> int:
        """How many images were wrongly classified."""
        return self.images - sum(row[place] for place, row in enumerate(self.counts))

    @property
    def most_frequent(self) -> float:
        """The accuracy of always naming the most frequent class."""
        return max(self.prevalence.values())


def read_measured(path: Path, split: Split) -> Measured:
    """Reads `metrics.json`.

    Args:
        path: the file.
        split: of the run: the file must be about one of its subsets.

    Raises:
        LungscopeError: not found, damaged, or about other images than the split's.
    """
    with results_of(path, "lungscope evaluate RUN --force") as value:
        measured = _measured(value)
        confusion = value["confusion"]["classes"]
    expected = len(split.subset(measured.subset))
    if confusion != list(split.classes) or measured.images != expected:
        raise LungscopeError(
            f"{path}: is about {measured.images} {measured.subset} images of "
            f"{len(confusion)} classes, but the run's split has {expected} of "
            f"{len(split.classes)}; evaluate anew with `lungscope evaluate RUN --force`"
        )
    return measured


def _measured(value: dict[str, Any]) -> Measured:
    apart, selective, points = (
        value["one_vs_rest"],
        value["selective"],
        value["operating_points"],
    )
    overall, classes = estimates(value["overall"]), value["confusion"]["classes"]
    calibration = value["calibration"]
    return Measured(
        weights_sha256=text(value.get("weights_sha256", "")),
        subset=subset(value["subset"]),
        images=count(value["images"]),
        groups=count(value["groups"]),
        interval=text(value["interval"]),
        overall={name: overall[name] for name in OVERALL},
        f1={name: estimate(value["by_class"][name]["f1"]) for name in classes},
        counts=_square(value["confusion"]["counts"], len(classes), count(value["images"])),
        one_vs_rest={name: _each(apart["by_class"][name]) for name in classes},
        macro=_each(apart["macro"]),
        prevalence={name: number(apart["prevalence"][name]) for name in classes},
        temperature=number(value["temperature"]),
        uncalibrated=Calibration(**estimates(calibration["uncalibrated"])),
        calibrated=Calibration(**estimates(calibration["calibrated"])),
        risk_area=estimate(selective["risk_area"]),
        answering=tuple(_answering(each) for each in selective["answering"]),
        for_sensitivity=number(points["for_sensitivity"]),
        operating_points=tuple(_point(each) for each in points["points"]),
    )


def _square(value: Any, size: int, images: int) -> tuple[tuple[int, ...], ...]:
    rows = tuple(tuple(count(cell) for cell in row) for row in value)
    if [len(row) for row in rows] != [size] * size or sum(map(sum, rows)) != images:
        raise ValueError(f"confusion is not {size} x {size} counts of {images} images")
    return rows


def _each(value: Any) -> dict[str, Estimate | None]:
    found = estimates_where_defined(value)
    return {name: found[name] for name in ONE_VS_REST}


def _answering(value: Any) -> AccuracyTarget:
    found = value["found"]
    if found is None:
        return AccuracyTarget(number(value["wanted"]), None)
    accuracy = None if found["accuracy"] is None else estimate(found["accuracy"])
    accepted = Accepted(number(found["threshold"]), estimate(found["coverage"]), accuracy)
    return AccuracyTarget(number(value["wanted"]), accepted)


def _point(value: Any) -> OperatingPoint:
    rates = estimates_where_defined({name: value[name] for name in RATES})
    return OperatingPoint(text(value["of"]), number(value["threshold"]), **rates)
