"""Trains the models without each source in turn, and tests them on it alone."""

import os
from collections.abc import Sequence
from pathlib import Path

from lungscope.data.split import Split
from lungscope.errors import InvalidData, LungscopeError
from lungscope.models import Shape, get_architecture
from lungscope.models.cost import compute_cost
from lungscope.reproduction.job import Job, refuse_other_runs
from lungscope.reproduction.plan import PLAN, Part, Plan
from lungscope.reproduction.progress_estimate import ProgressEstimate
from lungscope.reproduction.row import Problem
from lungscope.reproduction.runner import RunEnvironment, read_trained
from lungscope.reproduction.source_folds import SourceFold
from lungscope.reproduction.source_table import (
    SourceRow,
    SourceTable,
    make_source_row,
    write_source_table,
)
from lungscope.reproduction.workflow import ReproductionCallbacks, run_jobs


def leave_one_source_out(
    plan: Plan,
    folds: Sequence[tuple[SourceFold, Split | None]],
    folder: Path,
    environment: RunEnvironment,
    callbacks: ReproductionCallbacks,
) -> SourceTable:
    """Trains and tests what is not done yet, and writes the table after each training.

    Args:
        plan: models and recipe, with one seed.
        folds: each source with its split; None where it cannot be held out.
        folder: folder of the reproduction, see `claim_folder`; runs are in FOLDER/source-N/MODEL.
        environment: images, device and precision.
        callbacks: functions to call meanwhile.

    Returns:
        The table as it is in the end: with pending rows if Ctrl-C was pressed.

    Raises:
        InvalidData: no source can be held out, or the data differs from the splits'.
        AlreadyExists: an existing run has another recipe, split or precision (unless
            `environment.force`).
    """
    splits = [split for _, split in folds if split is not None]
    if not splits:
        reasons = "; ".join(f"{fold.source}: {fold.describe_refusal()}" for fold, _ in folds)
        raise InvalidData(f"no source can be left out ({reasons})")
    jobs = {
        (fold.source, model): _job(plan, fold, split, model, folder)
        for fold, split in folds
        if split is not None
        for model in plan.models
    }
    if not environment.force:
        refuse_other_runs(list(jobs.values()))
    environment.execution.prepare()
    for split in splits:
        split.verify(environment.data)
    plan.save(folder / PLAN)
    classes = splits[0].classes
    shape = Shape(len(classes), plan.recipe.se_reduction)
    costs = {m: compute_cost(get_architecture(m), shape, plan.recipe.size) for m in plan.models}
    estimate = ProgressEstimate(list(jobs.values()), costs)
    problems: dict[tuple[str, str], Problem | None] = {}

    def write() -> SourceTable:
        rows = tuple(
            _row(fold, model, jobs.get((fold.source, model)), problems, folder)
            for fold, _ in folds
            for model in plan.models
        )
        table = SourceTable(plan, classes, rows, environment.given.title)
        write_source_table(table, folder)
        return table

    table = write()
    for key, job in jobs.items():
        problems[key], stopped = run_jobs([job], environment, estimate, callbacks)
        table = write()
        if stopped:
            break
    return table


def _job(plan: Plan, fold: SourceFold, split: Split, model: str, folder: Path) -> Job:
    part = Part(fold.name, plan.recipe.seed)
    return Job(part, plan.recipe_of(model, part), split, folder / fold.name / model, plan.precision)


def _row(
    fold: SourceFold,
    model: str,
    job: Job | None,
    problems: dict[tuple[str, str], Problem | None],
    folder: Path,
) -> SourceRow:
    if job is None:
        return make_source_row(fold, model, None, "refused", fold.describe_refusal())
    problem = problems.get((fold.source, model))
    try:
        trained = read_trained(job)
    except LungscopeError as error:  # a damaged run fails its own row, not the others
        trained, problem = None, Problem("failed", str(error))
    if problem is not None:
        reason = problem.reason.replace(f"{folder}{os.sep}", "")
        return make_source_row(fold, model, trained, problem.state, reason)
    return make_source_row(fold, model, trained, "unfinished" if job.history else "not-started")
