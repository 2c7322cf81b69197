"""Carrying out a job: trained from where it stands, then evaluated, each unless it is done."""

import shutil
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from lungscope.errors import LungscopeError
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.run_evaluation import PREDICTIONS, evaluate_run
from lungscope.models import architecture
from lungscope.models.weights import IMAGENET, imagenet_file, original
from lungscope.progress import OnProgress, ignore
from lungscope.reproduction.job import Job
from lungscope.results import replaced
from lungscope.training.execution import Execution
from lungscope.training.fitting import Watch, fit
from lungscope.training.run import Run


@dataclass(frozen=True)
class Workplace:
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


def carry_out(job: Job, place: Workplace, watch: Watch, on_evaluating: OnProgress = ignore) -> bool:
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


def _prepared(job: Job, place: Workplace) -> Run:
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
    with replaced(job.folder) as new:  # there whole or not at all, wherever we are killed
        Run.create(new, job.recipe, job.split, place.data, force=False)
    return Run(job.folder)


def _refuse_missing_weights(job: Job) -> None:
    wanted = architecture(job.model)
    if job.recipe.weights == IMAGENET and not imagenet_file(wanted).is_file():
        with redirect_stdout(StringIO()):  # else torch.hub would talk into a --json answer
            original(wanted, IMAGENET)  # downloads them into torchvision's cache
