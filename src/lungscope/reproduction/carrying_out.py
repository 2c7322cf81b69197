"""Carrying out a job: trained from where it stands, then evaluated, each unless it is done."""

import shutil
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from lungscope.evaluation.run_evaluation import PREDICTIONS, evaluate_run
from lungscope.models import architecture
from lungscope.models.weights import IMAGENET, imagenet_file, original
from lungscope.progress import OnProgress, ignore
from lungscope.report.reporting import write_report
from lungscope.reproduction.job import Job
from lungscope.results import replaced
from lungscope.training.execution import Execution
from lungscope.training.fitting import Watch, fit
from lungscope.training.run import Run

EVALUATION = "evaluation"


@dataclass(frozen=True)
class Workplace:
    """Where jobs find their images, and on what they run.

    Attributes:
        data: the folder that the splits' files are relative to.
        execution: device and precision.
        cache_folder: where decoded images are kept; the user's cache folder by default.
        workers: processes that decode; one a processor by default.
        force: whether a run of another recipe or split is trained anew.
    """

    data: Path
    execution: Execution
    cache_folder: Path | None = None
    workers: int | None = None
    force: bool = False


def carry_out(job: Job, place: Workplace, watch: Watch, on_evaluating: OnProgress = ignore) -> bool:
    """Trains and evaluates what is not yet, and writes its report.

    Args:
        job: what to do.
        place: on what.
        watch: told how training goes.
        on_evaluating: told how many test images are classified.

    Returns:
        Whether it is done; False if training was interrupted and can be continued.

    Raises:
        WeightsUnavailable: the pre-trained weights are not to be had; no run is made then.
        LungscopeError: as `fit` and `evaluate_run` do.
        KeyboardInterrupt: Ctrl-C was pressed twice; what was trained so far is kept.
    """
    run = _prepared(job, place)
    evaluation = run.folder / EVALUATION
    if not run.facts.get("finished"):
        # somebody may have evaluated an earlier epoch
        shutil.rmtree(evaluation, ignore_errors=True)
        try:
            ended = fit(run, place.data, place.execution, place.cache_folder, watch)
        except SystemExit as leaving:  # Lightning's answer to a second Ctrl-C
            raise KeyboardInterrupt from leaving
        if not ended.finished:
            return False
    if not (evaluation / PREDICTIONS).is_file():
        evaluate_run(
            run,
            place.data,
            evaluation,
            device=place.execution.accelerator,
            cache_folder=place.cache_folder,
            on_progress=on_evaluating,
        )
    write_report(run)  # of what lies there now, e.g. an audit since
    return True


def _prepared(job: Job, place: Workplace) -> Run:
    run = job.run
    if run is None or not run.last.is_file():
        _refuse_missing_weights(job)
    if run is not None:
        return run
    if job.difference() is not None:
        return Run.create(job.folder, job.recipe, job.split, place.data, force=place.force)
    with replaced(job.folder) as new:  # there whole or not at all, wherever we are killed
        Run.create(new, job.recipe, job.split, place.data, force=False)
    return Run(job.folder)


def _refuse_missing_weights(job: Job) -> None:
    wanted = architecture(job.model)
    if job.recipe.weights == IMAGENET and not imagenet_file(wanted).is_file():
        with redirect_stdout(StringIO()):  # else torch.hub would talk into a --json answer
            original(wanted, IMAGENET)  # downloads them into torchvision's cache
