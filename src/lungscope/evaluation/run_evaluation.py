"""Evaluating a run: its best checkpoint in one subset of its own split, written beside it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lungscope.atomic import atomic_folder, refuse_occupied
from lungscope.data.cache import Cache, open_cache
from lungscope.data.split import SUBSETS, Split, SplitEntry, Subset
from lungscope.errors import InvalidData, InvalidSetting
from lungscope.estimate import Estimate
from lungscope.evaluation.assessment import Assessment, assess
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.calibration import Calibration, compute_reliability
from lungscope.evaluation.discrimination import compute_class_curves
from lungscope.evaluation.metrics import METRICS, confusion_matrix
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.selective import compute_coverage_curve
from lungscope.evaluation.subset_predictions import predict_subset
from lungscope.figures.confusion_matrix import draw_confusion_matrix
from lungscope.figures.coverage import draw_coverage
from lungscope.figures.gallery import draw_samples
from lungscope.figures.reliability import Reliability, draw_reliability
from lungscope.figures.roc import draw_roc
from lungscope.models import get_architecture
from lungscope.models.checkpoint import Checkpoint
from lungscope.progress import OnProgress, ignore, part_of
from lungscope.text import format_quantity, html_table
from lungscope.training.run import RunFolder

METRICS_FILE = "metrics.json"
PREDICTIONS = "predictions.csv"
FIGURES = "figures"


@dataclass(frozen=True, eq=False, repr=False)
class RunEvaluation:
    """The evaluation of a run on one subset of its split.

    Attributes:
        predictions: the model's predictions, calibrated.
        assessment: metrics, calibration and thresholds.
        folder: where everything was written.
    """

    predictions: Predictions
    assessment: Assessment
    folder: Path

    @classmethod
    def load(cls, folder: str | Path) -> "RunEvaluation":
        """Reads an evaluation that was written.

        Args:
            folder: of the evaluation, e.g. "runs/lung/evaluation".

        Raises:
            NotFound: there is none.
            InvalidData: it is damaged, or was written by another version.
            Inaccessible: it cannot be read.

        Examples:
            >>> import lungscope as ls
            >>> found = ls.RunEvaluation.load("runs/lung/evaluation")
            >>> found.assessment.subset, len(found.predictions.files)
            ('test', 6)
        """
        folder = Path(folder)
        assessment = Assessment.load(folder / METRICS_FILE)
        return cls(Predictions.load(folder / PREDICTIONS), assessment, folder)

    @property
    def overall(self) -> dict[str, Estimate]:
        """Accuracy, loss and the other overall metrics by name, each with its 95 % interval."""
        return self.assessment.overall

    def to_json(self) -> dict[str, Any]:
        """Returns the content of `metrics.json`."""
        return self.assessment.to_json()

    def __repr__(self) -> str:
        images = format_quantity(self.assessment.images, f"{self.assessment.subset} image")
        return f"RunEvaluation({str(self.folder)!r}: {images}, accuracy {self.overall['accuracy']})"

    def _repr_html_(self) -> str:
        rows = [
            (METRICS[name].label, f"{each.value:.3f}", each.bounds())
            for name, each in self.overall.items()
        ]
        images = format_quantity(self.assessment.images, f"{self.assessment.subset} image")
        return html_table(("metric", "value", "95 % interval"), rows, caption=images)


def evaluate_run(
    run: RunFolder,
    data: Path,
    folder: Path,
    *,
    subset: Subset = "test",
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
        subset: of the run's split.
        device: "cpu" or "cuda".
        force: whether an evaluation that is already there is replaced.
        cache_folder: where decoded images are kept; the user's cache folder by default.
        on_progress: called with the number of images done and in all.

    Raises:
        NotFound: there is no checkpoint.
        AlreadyExists: the folder holds an evaluation, and `force` is off.
        InvalidData: the checkpoint or the data is not of the run's split.
        LungscopeError: the folder holds anything else, or cannot be written to.
    """
    if subset not in SUBSETS:
        raise InvalidSetting(f"subset is {subset!r:.40}; give one of {', '.join(SUBSETS)}")
    refuse_occupied(folder, {METRICS_FILE, PREDICTIONS, FIGURES}, "an evaluation", force=force)
    checkpoint, split, cache = open_evaluated(run, data, cache_folder)
    subsets: tuple[Subset, ...] = (subset,) if subset == "validation" else (subset, "validation")
    total, done = sum(len(split.subset(each)) for each in subsets), 0
    answers: dict[Subset, Predictions] = {}
    for each in subsets:
        entries, on_part = split.subset(each), part_of(on_progress, done, total)
        answers[each] = predict_subset(checkpoint, cache, entries, device, on_part)
        done += len(entries)
    predictions, validation = answers[subset], answers["validation"]
    description = checkpoint.description
    assessment = assess(
        predictions,
        validation,
        description.temperature,
        subset,
        weights_sha256=description.weights_sha256,
    )
    name = get_architecture(description.architecture).title
    title = f"{name}, {len(predictions.files)} {subset} images"
    with atomic_folder(folder) as new:
        predictions.save(new / PREDICTIONS)
        _draw(new / FIGURES, assessment, predictions, title)
        draw_test_samples(new / FIGURES / "samples.png", cache, split)
        assessment.save(new / METRICS_FILE)
    return RunEvaluation(predictions, assessment, folder)


def open_evaluated(
    run: RunFolder, data: Path, cache_folder: Path | None
) -> tuple[Checkpoint, Split, Cache]:
    """Opens what a run is judged by: its best checkpoint, its split, and the decoded images.

    Args:
        run: a run with a checkpoint.
        data: the folder that the split's files are relative to.
        cache_folder: where decoded images are kept; the user's cache folder by default.

    Raises:
        NotFound: there is no checkpoint.
        InvalidData: the checkpoint or the data is not of the run's split.
    """
    run.require_checkpoint()
    checkpoint, split = Checkpoint.load(run.checkpoint), run.split
    _refuse_other_training(checkpoint, split, run)
    split.verify(data)
    size = checkpoint.description.preprocessing.size
    return checkpoint, split, open_cache(data, split.entries, size, cache_folder)


def _refuse_other_training(checkpoint: Checkpoint, split: Split, run: RunFolder) -> None:
    description = checkpoint.description
    if description.data_fingerprint != split.fingerprint:
        raise InvalidData(
            f"{run.folder}: the checkpoint was trained on another split than split.json, so its "
            "test images may have been seen in training; put back the split that it was made with"
        )
    if description.classes != split.classes:
        raise InvalidData(
            f"{run.folder}: the checkpoint's outputs are {', '.join(description.classes)}, but "
            f"split.json says {', '.join(split.classes)}; put back the split that it was made with"
        )


def _draw(folder: Path, assessment: Assessment, predictions: Predictions, title: str) -> None:
    matrix = confusion_matrix(predictions)
    draw_confusion_matrix(folder / "confusion-matrix.png", matrix, predictions.classes, title)
    draw_roc(folder / "roc.png", compute_class_curves(predictions, assessment.one_vs_rest), title)
    warm = assessment.temperature
    draw_reliability(
        folder / "reliability.png",
        [
            _panel(
                "as trained", predictions.tempered(1 / warm), assessment.calibration.uncalibrated
            ),
            _panel(f"temperature {warm:.2f}", predictions, assessment.calibration.calibrated),
        ],
        title,
    )
    curve = compute_coverage_curve(predictions, Resampling.over(predictions.groups))
    chosen = [
        (found.threshold, found.coverage, found.accuracy)
        for each in assessment.selective.answering
        if (found := each.found) is not None and found.accuracy is not None
    ]
    draw_coverage(folder / "coverage.png", curve, title, next(iter(chosen), None))


def _panel(title: str, predictions: Predictions, measured: Calibration) -> Reliability:
    return Reliability(
        title,
        [(each.confidence, each.accuracy) for each in compute_reliability(predictions)],
        predictions.probabilities.max(axis=1),
        measured.ece_top_label,
    )


def draw_test_samples(path: Path, cache: Cache, split: Split) -> None:
    """Draws the first test image of each class that has one.

    Args:
        path: the PNG to write.
        cache: the images of the split.
        split: with at least one test image.
    """
    firsts: dict[int, SplitEntry] = {}
    for entry in split.subset("test"):
        firsts.setdefault(entry.label, entry)
    entries = [firsts[label] for label in sorted(firsts)]
    images = [cache.pixels[row] for row in cache.rows(entries)]
    draw_samples(path, images, [split.classes[entry.label] for entry in entries])
