"""Evaluating a run: its best checkpoint on one side of its own split, written beside it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lungscope.atomic import write_json
from lungscope.data.cache import Cache, open_cache
from lungscope.data.split import Side, Split
from lungscope.errors import LungscopeError
from lungscope.evaluation.assessment import Assessment, assess
from lungscope.evaluation.calibration import Calibration, reliability
from lungscope.evaluation.curves import class_curves
from lungscope.evaluation.predicting import predict
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.samples import draw_samples
from lungscope.figures.confusion_matrix import draw_confusion_matrix
from lungscope.figures.coverage import draw_coverage
from lungscope.figures.reliability import Reliability, draw_reliability
from lungscope.figures.roc import draw_roc
from lungscope.models import architecture
from lungscope.models.checkpoint import Checkpoint
from lungscope.progress import OnProgress, ignore, part_of
from lungscope.results import refuse_occupied, replaced
from lungscope.training.run import Run

METRICS = "metrics.json"
PREDICTIONS = "predictions.csv"
FIGURES = "figures"


@dataclass(frozen=True, eq=False)
class RunEvaluation:
    """A run's predictions and what they are worth.

    Attributes:
        checkpoint: the model that answered.
        predictions: its answers.
        assessment: what was measured of them.
        folder: where everything was written.
    """

    checkpoint: Checkpoint
    predictions: Predictions
    assessment: Assessment
    folder: Path

    def to_json(self) -> dict[str, Any]:
        """The content of `metrics.json`."""
        model = {"weights_sha256": self.checkpoint.description.weights_sha256}
        return model | self.assessment.to_json()


def evaluate_run(
    run: Run,
    data: Path,
    folder: Path,
    *,
    side: Side = "test",
    device: str = "cpu",
    force: bool = False,
    cache_folder: Path | None = None,
    on_progress: OnProgress = ignore,
) -> RunEvaluation:
    """Evaluates the best checkpoint and writes predictions, metrics and figures.

    Args:
        run: a run with a checkpoint.
        data: the folder that the split's files are relative to.
        folder: `predictions.csv metrics.json figures/` go here, all of them or none.
        side: of the run's split.
        device: "cpu" or "cuda".
        force: whether an evaluation that is already there is replaced.
        cache_folder: where decoded images are kept; the user's cache folder by default.
        on_progress: told how many images are done.

    Raises:
        LungscopeError: no checkpoint, data that is not the split's, or a folder that holds an
            evaluation (unless `force`) or anything else.
    """
    refuse_occupied(folder, {METRICS, PREDICTIONS, FIGURES}, "an evaluation", force=force)
    checkpoint, split, cache = opened(run, data, cache_folder)
    sides: tuple[Side, ...] = (side,) if side == "validation" else (side, "validation")
    total, done = sum(len(split.side(each)) for each in sides), 0
    answers: dict[Side, Predictions] = {}
    for each in sides:
        entries, told = split.side(each), part_of(on_progress, done, total)
        answers[each] = predict(checkpoint, cache, entries, device, told)
        done += len(entries)
    predictions, validation = answers[side], answers["validation"]
    assessment = assess(predictions, validation, checkpoint.description.temperature, side)
    name = architecture(checkpoint.description.architecture).title
    title = f"{name}, {len(predictions.files)} {side} images"
    with replaced(folder) as new:
        predictions.save(new / PREDICTIONS)
        _draw(new / FIGURES, assessment, predictions, title)
        draw_samples(new / FIGURES / "samples.png", cache, split)
        made = RunEvaluation(checkpoint, predictions, assessment, folder)
        write_json(new / METRICS, made.to_json())
    return made


def opened(run: Run, data: Path, cache_folder: Path | None) -> tuple[Checkpoint, Split, Cache]:
    """Opens what a run is judged by: its best checkpoint, its split, and the decoded images.

    Args:
        run: a run with a checkpoint.
        data: the folder that the split's files are relative to.
        cache_folder: where decoded images are kept; the user's cache folder by default.

    Raises:
        LungscopeError: no checkpoint, one of another split, or data that is not the split's.
    """
    if not run.checkpoint.is_dir():
        raise LungscopeError(
            f"{run.folder}: is not trained to the end; lungscope train --resume {run.folder}"
        )
    checkpoint, split = Checkpoint.load(run.checkpoint), run.split
    _refuse_other_training(checkpoint, split, run)
    split.verify(data)
    size = checkpoint.description.preprocessing.size
    return checkpoint, split, open_cache(data, split.entries, size, cache_folder)


def _refuse_other_training(checkpoint: Checkpoint, split: Split, run: Run) -> None:
    description = checkpoint.description
    if description.data_fingerprint != split.fingerprint:
        raise LungscopeError(
            f"{run.folder}: the checkpoint was trained on another split than split.json, so its "
            "test images may have been seen in training; put back the split that it was made with"
        )
    if description.classes != split.classes:
        raise LungscopeError(
            f"{run.folder}: the checkpoint's outputs are {', '.join(description.classes)}, but "
            f"split.json says {', '.join(split.classes)}; put back the split that it was made with"
        )


def _draw(folder: Path, assessment: Assessment, predictions: Predictions, title: str) -> None:
    draw_confusion_matrix(
        folder / "confusion-matrix.png", assessment.evaluation.matrix, predictions.classes, title
    )
    draw_roc(folder / "roc.png", class_curves(predictions, assessment.discrimination), title)
    warm = assessment.temperature
    draw_reliability(
        folder / "reliability.png",
        [
            _panel("as trained", predictions.tempered(1 / warm), assessment.uncalibrated),
            _panel(f"temperature {warm:.2f}", predictions, assessment.calibrated),
        ],
        title,
    )
    reached = [each.found for each in assessment.answering if each.found is not None]
    draw_coverage(folder / "coverage.png", assessment.coverage, title, next(iter(reached), None))


def _panel(title: str, predictions: Predictions, measured: Calibration) -> Reliability:
    return Reliability(
        title,
        reliability(predictions),
        predictions.probabilities.max(axis=1),
        measured.ece_top_label,
    )
