"""Evaluating a run: its best checkpoint on one side of its own split, written beside it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lungscope.data.cache import Cache, open_cache
from lungscope.data.split import Side, Split
from lungscope.errors import LungscopeError
from lungscope.evaluation.evaluation import Evaluation, evaluate
from lungscope.evaluation.predicting import predict
from lungscope.evaluation.predictions import Predictions
from lungscope.figures.confusion_matrix import draw_confusion_matrix
from lungscope.figures.samples import draw_samples
from lungscope.models import architecture
from lungscope.models.checkpoint import Checkpoint
from lungscope.progress import OnProgress, ignore
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
        evaluation: the metrics.
        folder: where everything was written.
    """

    checkpoint: Checkpoint
    predictions: Predictions
    evaluation: Evaluation
    folder: Path


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
    _refuse_occupied(folder, force=force)
    if not run.checkpoint.is_dir():
        raise LungscopeError(
            f"{run.folder}: is not trained to the end; lungscope train --resume {run.folder}"
        )
    checkpoint, split = Checkpoint.load(run.checkpoint), run.split
    _refuse_other_training(checkpoint, split, run)
    split.verify(data)
    cache = open_cache(data, split.entries, checkpoint.description.preprocessing.size, cache_folder)
    predictions = predict(checkpoint, cache, split.side(side), device, on_progress)
    evaluation = evaluate(predictions)

    title = architecture(checkpoint.description.architecture).title
    with _replaced(folder) as new:
        predictions.save(new / PREDICTIONS)
        draw_confusion_matrix(
            new / FIGURES / "confusion-matrix.png",
            evaluation.matrix,
            split.classes,
            f"{title}, {evaluation.images} {side} images",
        )
        _draw_samples(new / FIGURES / "samples.png", cache, split)
        evaluation.save(new / METRICS)
    return RunEvaluation(checkpoint, predictions, evaluation, folder)


def _refuse_occupied(folder: Path, *, force: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise LungscopeError(f"{folder}: is a file; give a folder")
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    foreign = sorted(there - {METRICS, PREDICTIONS, FIGURES})
    if foreign:
        raise LungscopeError(
            f"{folder}: holds {foreign[0]}, which is no part of an evaluation; give another folder"
        )
    if there and not force:
        raise LungscopeError(f"{folder}: holds an evaluation; replace it with --force")


@contextmanager
def _replaced(folder: Path) -> Iterator[Path]:
    """Yields a new folder that takes the place of `folder` when the block ends well."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            dir=folder.parent, prefix=f".{folder.name}-", suffix=".partial"
        ) as place:
            new, old = Path(place) / "new", Path(place) / "old"
            new.mkdir()
            yield new
            if folder.exists():
                folder.rename(old)
            new.rename(folder)
    except OSError as error:
        raise LungscopeError(f"{folder}: cannot be written: {error.strerror or error}") from error


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


def _draw_samples(path: Path, cache: Cache, split: Split) -> None:
    firsts = [
        next(entry for entry in split.side("test") if entry.label == label)
        for label in range(len(split.classes))
    ]
    draw_samples(path, [cache.pixels[row] for row in cache.rows(firsts)], split.classes)
