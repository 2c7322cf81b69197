"""Making the table again: model by model, from wherever the last attempt ended."""

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
from lungscope.errors import LungscopeError, WeightsUnavailable
from lungscope.evaluation.bootstrap import Resampling
from lungscope.models import get_architecture
from lungscope.progress import OnProgress, ignore
from lungscope.report.reporting import REPORT, write_report
from lungscope.report.reproduction_report import write_reproduction_report
from lungscope.reproduction.figures import draw_radiographs
from lungscope.reproduction.job import Job, plan_jobs, refuse_others
from lungscope.reproduction.plan import PLAN, Plan
from lungscope.reproduction.progress_estimate import ProgressEstimate, RunProgress
from lungscope.reproduction.reproduction import Reproduction
from lungscope.reproduction.results_table import ResultsTable
from lungscope.reproduction.row import Problem, ResultRow
from lungscope.reproduction.runner import RunEnvironment, run_job
from lungscope.training.fitting import FitCallbacks
from lungscope.training.history import Epoch
from lungscope.training.run import Run


@dataclass(frozen=True)
class ReproductionCallbacks:
    """Who is told what while a reproduction runs; nobody by default.

    Attributes:
        caching: told of each image that is decoded.
        features: told of each image that a frozen backbone's features are computed of.
        job: told of each training that begins or goes on.
        standing: told how far everything is, at every step.
        epoch: told of each epoch that is over, whether it is the best so far, and how far
            everything is then.
        testing: told how many test images are classified.
        problem: told in full what kept a training from being done.
        row: told of each model that is through.
        interrupt: called when Ctrl-C was pressed and the epoch goes on to its end.
    """

    caching: OnProgress = ignore
    features: OnProgress = ignore
    job: Callable[[Job], None] = lambda _: None
    standing: Callable[[RunProgress], None] = lambda _: None
    epoch: Callable[[Job, Epoch, bool, RunProgress], None] = lambda *_: None
    testing: OnProgress = ignore
    problem: Callable[[Job, str], None] = lambda *_: None
    row: Callable[[ResultRow], None] = lambda _: None
    interrupt: Callable[[], None] = lambda: None


@contextmanager
def claim_folder(folder: Path, plan: Plan, *, force: bool) -> Iterator[None]:
    """Keeps a folder for this reproduction while the block runs.

    Args:
        folder: of the reproduction; it is made if need be.
        plan: what is to be done in it.
        force: whether another plan's place is taken.

    Raises:
        LungscopeError: it is a file, another plan was begun in it, or another process is at work.
    """
    if folder.exists() and not folder.is_dir():
        raise LungscopeError(f"{folder}: is a file; give a folder")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        held = FileLock(folder / ".lock").acquire(blocking=False)
    except Timeout:
        raise LungscopeError(f"{folder}: another process is reproducing into it") from None
    with held:
        if not force and (folder / PLAN).is_file():
            _refuse_other_plan(folder, plan)
        yield


def _refuse_other_plan(folder: Path, plan: Plan) -> None:
    difference = plan.difference(Plan.load(folder / PLAN))
    if difference is not None:
        raise LungscopeError(
            f"{folder}: holds a reproduction by another plan ({difference}); give another folder, "
            "or replace it with --force"
        )


def reproduce(
    plan: Plan,
    splits: Sequence[Split],
    folder: Path,
    place: RunEnvironment,
    onlooker: ReproductionCallbacks = ReproductionCallbacks(),
) -> Reproduction:
    """Trains and tests what is not yet, and writes the table and the figures.

    `table1.csv`, `table1.json`, `table1.md`, `figures/` and `report.html` are written at the start,
    of what is there, and after every model. A model that can't be had or that fails is a row that
    says so.

    Args:
        plan: what is to be done.
        splits: on what: one split, or one a fold.
        folder: of the reproduction; see `claimed`. Runs lie in FOLDER/MODEL/PART.
        place: images, device and precision.
        onlooker: who is told what.

    Returns:
        What there is in the end: with pending rows, if Ctrl-C was pressed.

    Raises:
        LungscopeError: the data is not the split's, the device can't be used, or a run that is
            there is of another recipe, split or precision (unless `place.force`).
        KeyboardInterrupt: Ctrl-C was pressed twice, or outside of a training.
    """
    planned = plan_jobs(plan, splits, folder)
    every = [job for own in planned.values() for job in own]
    if not place.force:
        refuse_others(every)
    place.execution.prepare()
    splits[0].verify(place.data)  # of folds, all have the same images
    plan.save(folder / PLAN)
    cache = open_cache(
        place.data,
        splits[0].entries,
        plan.recipe.size,
        place.cache_folder,
        place.workers,
        onlooker.caching,
    )
    draw_radiographs(folder, cache, splits[0])
    shortcuts = _shortcuts(plan, splits[0], cache, place.data)
    name = place.name or place.data.resolve().name or "DATA"
    logbook = ResultsTable(plan, splits, planned, folder, shortcuts, name)
    lookout = ProgressEstimate(every, logbook.costs)
    reproduction = _written(logbook, folder)
    for model, own in planned.items():
        problem, stopped = _through(own, place, lookout, onlooker)
        found = logbook.update(model, problem)
        reproduction = _written(logbook, folder)
        onlooker.row(found)
        if stopped:
            break
    return reproduction


def _written(logbook: ResultsTable, folder: Path) -> Reproduction:
    reproduction = logbook.write()
    pictures = [(folder / each.file, each.title) for each in reproduction.pictures]
    write_reproduction_report(reproduction.to_json(), pictures, folder / REPORT)
    return reproduction


def _shortcuts(plan: Plan, split: Split, cache: Cache, data: Path) -> tuple[Baseline, ...]:
    if plan.folds is not None:
        return ()
    groups = [entry.group for entry in split.subset("test")]
    return fit_baselines(split, cache, data, Resampling.over(groups))


def _through(
    jobs: Sequence[Job],
    place: RunEnvironment,
    lookout: ProgressEstimate,
    onlooker: ReproductionCallbacks,
) -> tuple[Problem | None, bool]:
    """Carries out a model's jobs; says what went wrong, and whether Ctrl-C was pressed."""
    problem, stopped = None, False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        onlooker.interrupt()

    for job in jobs:
        try:
            if not job.trained and (place.force or job.damage() is None):
                onlooker.job(job)
            if run_job(job, place, _watch(job, lookout, onlooker, stop), onlooker.testing):
                _report(job, onlooker)
        except WeightsUnavailable as error:
            onlooker.problem(job, str(error))
            for other in jobs:
                lookout.ended(other)
            return _without_weights(job), stopped
        except (LungscopeError, RuntimeError, MemoryError) as error:  # torch's are RuntimeErrors
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            onlooker.problem(job, reason)
            problem = Problem("failed", reason)
        lookout.ended(job)
        if stopped:
            break
    return problem, stopped


def _report(job: Job, onlooker: ReproductionCallbacks) -> None:
    """Writes the report of a run, of what lies there now, e.g. an audit since."""
    try:
        write_report(Run(job.folder))
    except LungscopeError as error:  # its numbers are right all the same
        onlooker.problem(job, f"its own report could not be written: {error}")


def _without_weights(job: Job) -> Problem:
    name = get_architecture(job.model).original
    return Problem(
        "weights not to be had",
        f"the ImageNet weights of {name} are not cached and cannot be downloaded; --weights none "
        "trains from random ones",
    )


def _watch(
    job: Job, lookout: ProgressEstimate, onlooker: ReproductionCallbacks, stop: Callable[[], None]
) -> FitCallbacks:
    best = max((epoch.validation_accuracy for epoch in job.history), default=-1.0)

    def epoch(ended: Epoch) -> None:
        nonlocal best
        lookout.epoch_ended(job)
        is_best = ended.validation_accuracy > best
        best = max(best, ended.validation_accuracy)
        onlooker.epoch(job, ended, is_best, lookout.standing())

    def step(trainer: L.Trainer, *rest: Any) -> None:
        done = rest[-1] + 1  # the last argument is the number of the batch
        onlooker.standing(lookout.standing(done / trainer.num_training_batches))

    return FitCallbacks(
        caching=onlooker.caching,
        epoch=epoch,
        interrupt=stop,
        callbacks=[LambdaCallback(on_train_batch_end=step)],
        features=onlooker.features,
    )
