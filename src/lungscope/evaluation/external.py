"""What is measured of a model on data that it was not made with: the content of `external.json`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lungscope.atomic import write_json
from lungscope.data.overlap import Overlap
from lungscope.estimate import Estimate
from lungscope.evaluation.assessment import ConfusionCounts, IntervalMethod
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.calibration import Calibration, compute_calibration
from lungscope.evaluation.discrimination import compute_discrimination
from lungscope.evaluation.metrics import METRICS, Sample, confusion_matrix
from lungscope.evaluation.parts import Part, measure_part, measure_parts
from lungscope.evaluation.predictions import Predictions
from lungscope.json_files import load_json
from lungscope.text import format_quantity

SOURCE = "source"
"""The column that results are always given by."""

USUAL_COLUMNS = ("age", "sex", "view", "finding")
"""Further columns that results are given by where the data has them and none is asked for."""

MOST_VALUES = 40
"""Different values of a column from which on they are no groups of patients but measurements."""

ModelKind = Literal["run", "exported"]


@dataclass(frozen=True)
class ModelFacts:
    """Which model was evaluated.

    Attributes:
        identity: architecture and short hash.
        weights_sha256: of its weights.
        kind: "run" for a run's best checkpoint, "exported" for an exported model.
        classes: its class names.
        temperature: divisor of its logits.
        abstains: whether it decides when not to answer; a run learns that when it is exported.
    """

    identity: str
    weights_sha256: str
    kind: ModelKind
    classes: tuple[str, ...]
    temperature: float
    abstains: bool


@dataclass(frozen=True)
class LabelCount:
    """What became of a label of the data set.

    Attributes:
        label: as the data set has it.
        mapped_to: a class of the model; None where its images are left out.
        images: how many have it, overlapping ones included.
    """

    label: str
    mapped_to: str | None
    images: int


@dataclass(frozen=True)
class AnswerCount:
    """How many images of a source were answered.

    Attributes:
        source: "" where it is unknown.
        images: how many the model was asked about.
        read: how many of them could be read.
        answered: how many got an answer; all that were read, where the model does not abstain.
        refused: the others by the code of why: an abstention's, "unreadable", or "unwanted-" and
            what about a DICOM image is not accepted.
    """

    source: str
    images: int
    read: int
    answered: int
    refused: dict[str, int]


@dataclass(frozen=True)
class UnreadFile:
    """A file that could not be read, with the reason in one line."""

    file: str
    reason: str


@dataclass(frozen=True)
class Measurement:
    """Metrics on some images, with 95 % intervals.

    Attributes:
        overall: the registered metrics by name, but no plain mean over classes where a class of
            the model has no image: they count it as 0.
        whole: all images together.
        parts: the images of each value of a column, by the column's name; always by "source".
        confusion: images by true and predicted class.
        one_vs_rest: for each class the metrics of `Discrimination.by_class`.
        calibration: of the calibrated probabilities.
    """

    overall: dict[str, Estimate]
    whole: Part
    parts: dict[str, tuple[Part, ...]]
    confusion: ConfusionCounts
    one_vs_rest: dict[str, dict[str, Estimate | None]]
    calibration: Calibration

    def by(self, column: str, value: str) -> Part | None:
        """Returns the part of a column's value, if there is one."""
        return next((part for part in self.parts[column] if part.value == value), None)


@dataclass(frozen=True)
class ExternalAssessment:
    """A model on another data set.

    Attributes:
        model: which model.
        data: name of the data set.
        listed: images that it lists.
        labels: what became of each label.
        overlap: images that were left out because the model has seen them or their patients.
        ungrouped: of the images asked about, those without a known group (patient); each counts as
            a group of its own.
        columns_left_out: usual columns with too many different values to give results by.
        answers: by source.
        unread: files that could not be read.
        interval: how intervals were made.
        forced: on all images that were read, whether the model abstains or not.
        answered: on those that it answered; None where it does not abstain or answered none.
    """

    model: ModelFacts
    data: str
    listed: int
    labels: tuple[LabelCount, ...]
    overlap: Overlap
    ungrouped: int
    columns_left_out: tuple[str, ...]
    answers: tuple[AnswerCount, ...]
    unread: tuple[UnreadFile, ...]
    interval: IntervalMethod
    forced: Measurement
    answered: Measurement | None

    def __repr__(self) -> str:
        whole = self.forced.whole
        return (
            f"ExternalAssessment({self.model.identity} on {self.data!r}: "
            f"{format_quantity(whole.images, 'image')}, balanced accuracy "
            f"{whole.balanced_accuracy})"
        )

    @property
    def left_out(self) -> int:
        """Images of labels that are no class of the model."""
        return sum(each.images for each in self.labels if each.mapped_to is None)

    @property
    def asked(self) -> int:
        """Images that the model was asked about."""
        return sum(each.images for each in self.answers)

    def to_json(self) -> dict[str, Any]:
        """Returns the content of `external.json`."""
        return asdict(self)

    def save(self, path: Path) -> None:
        """Writes `external.json`, whole or not at all.

        Raises:
            Inaccessible: it cannot be written.
        """
        write_json(path, self.to_json())

    @classmethod
    def load(cls, path: Path) -> "ExternalAssessment":
        """Reads what `save` wrote.

        Raises:
            NotFound: there is no such file.
            InvalidData: it is damaged.
            Inaccessible: it cannot be read.
        """
        return load_json(path, cls, "evaluate-again")


def measure(predictions: Predictions, columns: Mapping[str, Sequence[str]]) -> Measurement:
    """Measures predictions for images of another data set, with intervals over groups.

    Args:
        predictions: of N images.
        columns: the cells of the images by the name of the column, each of length N.

    Examples:
        >>> classes, labels = ("Normal", "Pneumonia", "Effusion"), np.array([0, 0, 1, 1])
        >>> probabilities = np.array([[0.9, 0.1, 0], [0.6, 0.4, 0], [0.7, 0.3, 0], [0.2, 0.8, 0]])
        >>> names = ("a", "b", "c", "d")  # each of a patient of its own
        >>> predictions = Predictions(classes, names, names, labels, probabilities)
        >>> found = measure(predictions, {"source": ["x", "x", "x", "y"]})
        >>> [(part.value, part.accuracy.value) for part in found.parts["source"]]
        [('x', 0.6666666666666666), ('y', 1.0)]
    """
    resampling = Resampling.over(predictions.groups)
    sample = Sample(predictions, resampling)
    groups = resampling.counts.shape[1]
    absent = len(np.unique(predictions.labels)) < len(predictions.classes)
    return Measurement(
        overall={
            name: metric.interval(metric.value(predictions), metric.resample(sample), groups)
            for name, metric in METRICS.items()
            if not (absent and name.endswith("_macro"))
        },
        whole=measure_part(predictions),
        parts={name: measure_parts(predictions, cells) for name, cells in columns.items()},
        confusion=ConfusionCounts(
            predictions.classes,
            tuple(tuple(int(n) for n in row) for row in confusion_matrix(predictions)),
        ),
        one_vs_rest=compute_discrimination(predictions, resampling).by_class,
        calibration=compute_calibration(predictions, resampling),
    )


def count_answers(
    sources: Sequence[str], read: Sequence[bool], codes: Sequence[str | None]
) -> tuple[AnswerCount, ...]:
    """Counts answers and refusals by source, in alphabetical order.

    Args:
        sources: of N images.
        read: which could be read, length N.
        codes: why each was refused, None where it was answered, length N.

    Examples:
        >>> count_answers(["x", "x"], [True, False], [None, "unreadable"])[0].refused
        {'unreadable': 1}
    """
    found = []
    for source in sorted(set(sources)):
        rows = [row for row, own in enumerate(sources) if own == source]
        refused = Counter(code for row in rows if (code := codes[row]) is not None)
        found.append(
            AnswerCount(
                source=source,
                images=len(rows),
                read=sum(read[row] for row in rows),
                answered=len(rows) - refused.total(),
                refused=dict(sorted(refused.items())),
            )
        )
    return tuple(found)
