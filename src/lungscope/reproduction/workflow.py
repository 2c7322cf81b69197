"""The workflow of a reproduction: model by model, continuing where the last attempt stopped."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
from filelock import FileLock, Timeout
from lightning.pytorch.callbacks import LambdaCallback

from lungscope.audit.baselines import Baseline, fit_baselines
from lungscope.data.cache import Cache, open_cache
from lungscope.data.split import Split
from lungscope.errors import (
    AlreadyExists,
    InUse,
    InvalidSetting,
    LungscopeError,
    WeightsUnavailable,
)
from lungscope.evaluation.bootstrap import Resampling
from lungscope.models import get_architecture
from lungscope.progress import OnProgress, ignore
from lungscope.report.run_report import write_report
from lungscope.reproduction.job import Job, plan_jobs, refuse_other_runs
from lungscope.reproduction.page import draw_radiographs, write_page
from lungscope.reproduction.plan import PLAN, Plan
from lungscope.reproduction.progress_estimate import ProgressEstimate, RunProgress
from lungscope.reproduction.reproduction import Reproduction
from lungscope.reproduction.row import Problem, ResultRow
from lungscope.reproduction.runner import RunEnvironment, run_job
from lungscope.reproduction.tables import ResultsTable
from lungscope.text import describe_fault
from lungscope.training.fitting import FitCallbacks
from lungscope.training.history import Epoch
from lungscope.training.run import RunFolder


@dataclass(frozen=True)
class ReproductionCallbacks:
    """Functions that are called while a reproduction runs; by default they do nothing.

    Attributes:
        on_decoding: called with the number of images decoded so far, and of all.
        on_features: the same for images whose features a frozen backbone has computed.
        on_training_start: called when a training begins or continues.
        on_progress: called after every training step with the progress of all trainings.
        on_epoch_end: called after every epoch: with the job, the epoch, whether it is the best
            so far, and the progress of all trainings.
        on_testing: called with the number of test images classified so far, and of all.
        on_problem: called with the full message if a training fails.
        on_row: called with the row of each model that is done or has failed.
        on_interrupt: called when Ctrl-C was pressed; training stops after the epoch.
    """

    on_decoding: OnProgress = ignore
    on_features: OnProgress = ignore
    on_training_start: Callable[[Job], None] = lambda _: None
    on_progress: Callable[[RunProgress], None] = lambda _: None
    on_epoch_end: Callable[[Job, Epoch, bool, RunProgress], None] = lambda *_: None
    on_testing: OnProgress = ignore
    on_problem: Callable[[Job, str], None] = lambda *_: None
    on_row: Callable[[ResultRow], None] = lambda _: None
    on_interrupt: Callable[[], None] = lambda: None


def refuse_inside(folder: Path, data: Path) -> None:
    """Refuses a folder for results that would be read as one of the data's classes.

    Args:
        folder: where results are to go.
        data: the folder of the images.

    Raises:
        InvalidSetting: it is inside the data.
    """
    if folder.resolve().is_relative_to(data.resolve()):
        raise InvalidSetting(f"{folder}: is inside the data; give a folder outside of {data}")


@contextmanager
def claim_folder(folder: Path, plan: Plan, *, force: bool) -> Iterator[None]:
    """Locks a folder for this reproduction while the block runs.

    Args:
        folder: folder of the reproduction; it is created if it does not exist.
        plan: the plan to carry out in it.
        force: whether a reproduction by another plan is replaced.

    Raises:
        InvalidSetting: `folder` is a file.
        AlreadyExists: the folder holds a reproduction by another plan.
        LungscopeError: another process is working in it, or its plan is damaged.
    """
    if folder.exists() and not folder.is_dir():
        raise InvalidSetting(f"{folder}: is a file; give a folder")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        held = FileLock(folder / ".lock").acquire(blocking=False)
    except Timeout:
        raise InUse(f"{folder}: another process is reproducing into it") from None
    with held:
        if not force and (folder / PLAN).is_file():
            _refuse_other_plan(folder, plan)
        yield


def reproduce(
    plan: Plan,
    splits: Sequence[Split],
    folder: Path,
    environment: RunEnvironment,
    callbacks: ReproductionCallbacks = ReproductionCallbacks(),
) -> Reproduction:
    """Trains and tests what is not done yet, and writes the table and the figures.

    `table1.csv`, `table1.json`, `table1.md`, `figures/` and `report.html` are written at the start
    and again after every model. A model whose weights are unavailable, or whose training fails,
    gets a row that says so.

    Args:
        plan: models, recipe, seeds or folds.
        splits: one split, or one per fold.
        folder: folder of the reproduction, see `claim_folder`; the runs are in FOLDER/MODEL/PART.
        environment: images, device and precision.
        callbacks: functions to call meanwhile.

    Returns:
        The table as it is in the end: with pending rows if Ctrl-C was pressed.

    Raises:
        AlreadyExists: an existing run has another recipe, split or precision (unless
            `environment.force`).
        LungscopeError: the data differs from the split's, or the device cannot be used.
        KeyboardInterrupt: Ctrl-C was pressed twice, or outside of a training.
    """
    planned = plan_jobs(plan, splits, folder)
    jobs = [job for own in planned.values() for job in own]
    if not environment.force:
        refuse_other_runs(jobs)
    environment.execution.prepare()
    splits[0].verify(environment.data)  # the splits of all folds have the same images
    plan.save(folder / PLAN)
    cache = open_cache(
        environment.data,
        splits[0].entries,
        plan.recipe.size,
        environment.cache_folder,
        environment.workers,
        callbacks.on_decoding,
    )
    draw_radiographs(folder, cache, splits[0])
    shortcuts = _measure_shortcuts(plan, splits[0], cache, environment.data)
    table = ResultsTable(plan, splits, planned, folder, shortcuts, environment.given)
    estimate = ProgressEstimate(jobs, table.costs)
    reproduction = _write(table, folder)
    for model, own in planned.items():
        problem, stopped = run_jobs(own, environment, estimate, callbacks)
        row = table.update(model, problem)
        reproduction = _write(table, folder)
        callbacks.on_row(row)
        if stopped:
            break
    return reproduction


def _refuse_other_plan(folder: Path, plan: Plan) -> None:
    difference = plan.difference(Plan.load(folder / PLAN))
    if difference is not None:
        raise AlreadyExists(
            f"{folder}: holds a reproduction by another plan ({difference})",
            remedy="force-or-elsewhere",
        )


def _write(table: ResultsTable, folder: Path) -> Reproduction:
    reproduction = table.write()
    write_page(reproduction, folder)
    return reproduction


def _measure_shortcuts(plan: Plan, split: Split, cache: Cache, data: Path) -> tuple[Baseline, ...]:
    if plan.folds is not None:
        return ()
    groups = [entry.group for entry in split.subset("test")]
    return fit_baselines(split, cache, data, Resampling.over(groups))


def run_jobs(
    jobs: Sequence[Job],
    environment: RunEnvironment,
    estimate: ProgressEstimate,
    callbacks: ReproductionCallbacks,
) -> tuple[Problem | None, bool]:
    """Carries out a model's jobs; returns what went wrong, and whether Ctrl-C was pressed."""
    problem, stopped = None, False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        callbacks.on_interrupt()

    for job in jobs:
        try:
            if not job.trained and (environment.force or job.find_damage() is None):
                callbacks.on_training_start(job)
            watching = _fit_callbacks(job, estimate, callbacks, stop)
            if run_job(job, environment, watching, callbacks.on_testing):
                _write_run_report(job, callbacks)
        except WeightsUnavailable as error:
            callbacks.on_problem(job, str(error))
            for other in jobs:  # they start from the same weights
                estimate.record_end(other)
            return _weights_unavailable(job), stopped
        except (LungscopeError, RuntimeError, MemoryError) as error:  # torch's are RuntimeErrors
            reason = describe_fault(error)
            callbacks.on_problem(job, reason)
            problem = Problem("failed", reason)
        estimate.record_end(job)
        if stopped:
            break
    return problem, stopped


def _write_run_report(job: Job, callbacks: ReproductionCallbacks) -> None:
    """Writes the report of a run from what is there now, which may include a later audit."""
    try:
        write_report(RunFolder(job.folder))
    except LungscopeError as error:  # the run's numbers are valid all the same
        callbacks.on_problem(job, f"the run's report could not be written: {error}")


def _weights_unavailable(job: Job) -> Problem:
    name = get_architecture(job.model).original
    return Problem(
        "weights-unavailable",
        f"the ImageNet weights of {name} are not cached and cannot be downloaded; train from "
        "the weights none, which are random",
    )


def _fit_callbacks(
    job: Job,
    estimate: ProgressEstimate,
    callbacks: ReproductionCallbacks,
    stop: Callable[[], None],
) -> FitCallbacks:
    best = max((epoch.validation_score for epoch in job.history), default=-1.0)

    def end_epoch(epoch: Epoch) -> None:
        nonlocal best
        estimate.record_epoch(job)
        is_best = epoch.validation_score > best
        best = max(best, epoch.validation_score)
        callbacks.on_epoch_end(job, epoch, is_best, estimate.current())

    def end_step(trainer: L.Trainer, *rest: Any) -> None:
        done = rest[-1] + 1  # the last argument is the number of the batch
        callbacks.on_progress(estimate.current(done / trainer.num_training_batches))

    return FitCallbacks(
        caching=callbacks.on_decoding,
        epoch=end_epoch,
        interrupt=stop,
        callbacks=[LambdaCallback(on_train_batch_end=end_step)],
        features=callbacks.on_features,
    )
