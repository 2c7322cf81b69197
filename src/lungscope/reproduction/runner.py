"""Carrying out a job: trained from where it stands, then evaluated, each unless it is done."""

import shutil
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from lungscope.atomic import atomic_folder
from lungscope.errors import LungscopeError
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.run_evaluation import PREDICTIONS, evaluate_run
from lungscope.inference.description import Description
from lungscope.models import get_architecture
from lungscope.models.weights import IMAGENET, imagenet_file, load_original
from lungscope.progress import OnProgress, ignore
from lungscope.reproduction.job import Job
from lungscope.reproduction.plan import Part
from lungscope.training.execution import Execution
from lungscope.training.fitting import FitCallbacks, fit
from lungscope.training.history import Epoch, best_epoch
from lungscope.training.run import Run


@dataclass(frozen=True)
class RunEnvironment:
    """Where jobs find their images, and on what they run.

    Attributes:
        data: the folder that the splits' files are relative to.
        execution: device and precision.
        cache_folder: where decoded images are kept; the user's cache folder by default.
        workers: processes that decode; one a processor by default.
        force: whether a run that is damaged, or of another recipe or split, is trained anew.
        name: of the data as it was given, a folder's or a CSV's; `data`'s by default.
    """

    data: Path
    execution: Execution
    cache_folder: Path | None = None
    workers: int | None = None
    force: bool = False
    name: str | None = None


def run_job(
    job: Job, place: RunEnvironment, watch: FitCallbacks, on_evaluating: OnProgress = ignore
) -> bool:
    """Trains and evaluates what is not yet.

    Args:
        job: what to do.
        place: on what.
        watch: told how training goes.
        on_evaluating: told how many test images are classified.

    Returns:
        Whether it is done; False if training was interrupted and can be continued.

    Raises:
        WeightsUnavailable: the pre-trained weights are not to be had; no run is made then.
        LungscopeError: the run is damaged (unless `place.force`), or as of `fit` and
            `evaluate_run`.
        KeyboardInterrupt: Ctrl-C was pressed twice; what was trained so far is kept.
    """
    run = _prepared(job, place)
    if not run.facts.get("finished"):
        for stale in (run.evaluation, run.audit):  # somebody may have judged an earlier epoch
            shutil.rmtree(stale, ignore_errors=True)
        try:
            ended = fit(run, place.data, place.execution, place.cache_folder, watch)
        except SystemExit as leaving:  # Lightning's answer to a second Ctrl-C
            raise KeyboardInterrupt from leaving
        if not ended.finished:
            return False
    if read_predictions(job) is None:
        evaluate_run(
            run,
            place.data,
            run.evaluation,
            device=place.execution.accelerator,
            force=(run.evaluation / PREDICTIONS).is_file(),  # a damaged one
            cache_folder=place.cache_folder,
            on_progress=on_evaluating,
        )
    return True


def read_predictions(job: Job) -> Predictions | None:
    """What a job's model answered; None if that is not there or can't be read."""
    table = Run(job.folder).evaluation / PREDICTIONS
    try:
        return Predictions.load(table) if table.is_file() else None
    except LungscopeError:
        return None


def _prepared(job: Job, place: RunEnvironment) -> Run:
    damage = job.damage()
    if damage is not None and not place.force:
        raise LungscopeError(damage)
    run = job.run
    if run is None or not (run.last.is_file() or job.trained):
        _refuse_missing_weights(job)
    if run is not None:
        return run
    if damage is not None or job.difference() is not None:
        return Run.create(job.folder, job.recipe, job.split, place.data, force=place.force)
    with atomic_folder(job.folder) as new:  # there whole or not at all, wherever we are killed
        Run.create(new, job.recipe, job.split, place.data, force=False)
    return Run(job.folder)


def _refuse_missing_weights(job: Job) -> None:
    wanted = get_architecture(job.model)
    if job.recipe.weights == IMAGENET and not imagenet_file(wanted).is_file():
        with redirect_stdout(StringIO()):  # else torch.hub would talk into a --json answer
            load_original(wanted, IMAGENET)  # downloads them into torchvision's cache


@dataclass(frozen=True, eq=False)
class TrainedPart:
    """A training and its test.

    Attributes:
        part: which of its model's trainings it is.
        predictions: of the test images, uncalibrated, as the paper's are.
        history: all epochs.
    """

    part: Part
    predictions: Predictions
    history: tuple[Epoch, ...]

    @property
    def best(self) -> Epoch:
        """The epoch that is tested."""
        return best_epoch(self.history)


def read_trained(job: Job) -> TrainedPart | None:
    """Reads the results of a job.

    Returns:
        None if it is not trained and evaluated to the end; a damaged table of predictions is as
        good as none, for carrying the job out mends it.

    Raises:
        LungscopeError: the run is damaged, or the evaluation is not of the split's test subset.
    """
    damage = job.damage()
    if damage is not None:
        raise LungscopeError(damage)
    calibrated = read_predictions(job)
    if not job.trained or calibrated is None:
        return None
    description = Description.load(Run(job.folder).checkpoint / "model.json")
    tested = [(entry.file, entry.group) for entry in job.split.subset("test")]
    if list(zip(calibrated.files, calibrated.groups, strict=True)) != tested:
        raise LungscopeError(
            f"{job.folder}: its evaluation is not of the test images; mend it with "
            f"`lungscope evaluate {job.folder} --force`"
        )
    return TrainedPart(job.part, calibrated.tempered(1 / description.temperature), job.history)
