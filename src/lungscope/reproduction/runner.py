"""Carries out a job: trains and evaluates what is not done yet, and reads its results."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from lungscope.atomic import atomic_folder
from lungscope.errors import InvalidData, LungscopeError
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.run_evaluation import PREDICTIONS, evaluate_run
from lungscope.inference.description import Description
from lungscope.models import get_architecture
from lungscope.models.weights import IMAGENET, imagenet_file, load_original
from lungscope.progress import OnProgress, ignore
from lungscope.reproduction.data_arguments import UNNAMED, DataArguments
from lungscope.reproduction.job import Job
from lungscope.reproduction.plan import Part
from lungscope.training.execution import Execution
from lungscope.training.fitting import FitCallbacks, fit
from lungscope.training.history import Epoch, best_epoch
from lungscope.training.run import RunFolder


@dataclass(frozen=True)
class RunEnvironment:
    """Where jobs find their images, and what they run on.

    Attributes:
        data: the folder that the splits' files are relative to.
        execution: device and precision.
        cache_folder: where decoded images are stored; the user's cache folder by default.
        workers: number of decoding processes; one per processor by default.
        force: whether runs that are damaged, or of another recipe or split, are retrained.
        given: how the data were named on the command line.
    """

    data: Path
    execution: Execution
    cache_folder: Path | None = None
    workers: int | None = None
    force: bool = False
    given: DataArguments = UNNAMED


@dataclass(frozen=True, eq=False)
class TrainedPart:
    """The results of a training that is finished and tested.

    Attributes:
        part: which of its model's trainings it is.
        predictions: predictions for the test images, uncalibrated as in the paper.
        history: all epochs.
        other_imagenet: SHA-256 of its ImageNet weights, if they are not torchvision's own file.
    """

    part: Part
    predictions: Predictions
    history: tuple[Epoch, ...]
    other_imagenet: str | None = None

    @property
    def best(self) -> Epoch:
        """The epoch that was tested."""
        return best_epoch(self.history)


def run_job(
    job: Job,
    environment: RunEnvironment,
    callbacks: FitCallbacks,
    on_evaluating: OnProgress = ignore,
) -> bool:
    """Trains and evaluates what is not done yet.

    Args:
        job: the training and its evaluation.
        environment: images, device and precision.
        callbacks: called during training.
        on_evaluating: called with the number of test images classified so far.

    Returns:
        Whether the job is done; False if training was interrupted and can be continued.

    Raises:
        WeightsUnavailable: the pre-trained weights are not available; no run is created then.
        LungscopeError: the run is damaged (unless `environment.force`), or see `fit` and
            `evaluate_run`.
        KeyboardInterrupt: Ctrl-C was pressed twice; what was trained so far is kept.
    """
    run = _prepare(job, environment)
    if not run.facts.get("finished"):
        for stale in (run.evaluation, run.audit):  # they may be of an earlier epoch
            shutil.rmtree(stale, ignore_errors=True)
        ended = fit(
            run, environment.data, environment.execution, environment.cache_folder, callbacks
        )
        if not ended.finished:
            return False
    if read_predictions(job) is None:
        evaluate_run(
            run,
            environment.data,
            run.evaluation,
            device=environment.execution.accelerator,
            force=(run.evaluation / PREDICTIONS).is_file(),  # a damaged one
            cache_folder=environment.cache_folder,
            on_progress=on_evaluating,
        )
    return True


def read_predictions(job: Job) -> Predictions | None:
    """Reads a job's calibrated predictions; None if there are none or they cannot be read."""
    table = RunFolder(job.folder).evaluation / PREDICTIONS
    try:
        return Predictions.load(table) if table.is_file() else None
    except LungscopeError:
        return None


def read_trained(job: Job) -> TrainedPart | None:
    """Reads the results of a job.

    Returns:
        None if the job is not trained and evaluated to the end. A damaged table of predictions
        counts as none, because `run_job` writes it again.

    Raises:
        InvalidData: the run is damaged, or its evaluation is not of the split's test subset.
    """
    damage = job.find_damage()
    if damage is not None:
        raise InvalidData(damage)
    calibrated = read_predictions(job)
    if not job.trained or calibrated is None:
        return None
    description = Description.load(RunFolder(job.folder).checkpoint / "model.json")
    tested = [(entry.file, entry.group) for entry in job.split.subset("test")]
    if list(zip(calibrated.files, calibrated.groups, strict=True)) != tested:
        raise InvalidData(
            f"{job.folder}: its evaluation is not of the test images", remedy="evaluate-again"
        )
    # `evaluate` divides logits by the fitted temperature; this undoes it
    as_trained = calibrated.tempered(1 / description.temperature)
    return TrainedPart(job.part, as_trained, job.history, RunFolder(job.folder).other_imagenet)


def _prepare(job: Job, environment: RunEnvironment) -> RunFolder:
    damage = job.find_damage()
    if damage is not None and not environment.force:
        raise InvalidData(damage)
    run = job.run
    if run is None or not (run.last.is_file() or job.trained):
        _ensure_weights(job)
    if run is not None:
        return run
    if damage is not None or job.find_difference() is not None:
        return RunFolder.create(
            job.folder, job.recipe, job.split, environment.data, force=environment.force
        )
    with atomic_folder(job.folder) as new:  # a kill at any time leaves a whole run or none
        RunFolder.create(new, job.recipe, job.split, environment.data, force=False)
    return RunFolder(job.folder)


def _ensure_weights(job: Job) -> None:
    """Downloads missing ImageNet weights before a run is created, which would need them."""
    architecture = get_architecture(job.model)
    if job.recipe.weights == IMAGENET and not imagenet_file(architecture).is_file():
        load_original(architecture, IMAGENET)
