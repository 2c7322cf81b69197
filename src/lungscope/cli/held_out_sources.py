"""`lungscope reproduce --leave-one-source-out`: carried out and shown."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape
from rich.table import Table

from lungscope.cli.terminal import INTERRUPTED, Terminal

if TYPE_CHECKING:
    from lungscope.data.index import Index
    from lungscope.data.survey import Survey
    from lungscope.estimate import Estimate
    from lungscope.reproduction.plan import Plan
    from lungscope.reproduction.runner import RunEnvironment
    from lungscope.reproduction.source_table import SourceTable
    from lungscope.reproduction.workflow import ReproductionCallbacks

INCOMPLETE = 1
"""Exit status if a model has no numbers of a source that can be left out."""


def run_without_each(
    plan: "Plan",
    sources: Sequence[str],
    out: Path,
    environment: "RunEnvironment",
    surveyed_data: "Callable[[], tuple[Index, Survey]]",
    callbacks: "ReproductionCallbacks",
    terminal: Terminal,
) -> None:
    """Leaves each source out in turn, all of them or those that are named, and shows the table.

    Raises:
        NotFound: no image is of a source that is named.
        typer.Exit: after Ctrl-C, or if a training failed.
    """
    from lungscope.reproduction.source_folds import choose_folds, load_or_make_folds
    from lungscope.reproduction.source_workflow import leave_one_source_out

    folds = load_or_make_folds(out, plan.recipe.seed, surveyed_data, force=environment.force)
    chosen = choose_folds(folds, sources)
    for fold, split in chosen:
        if split is None:
            terminal.say(escape(f"{fold.source} is not left out: {fold.describe_refusal()}"))
    table = leave_one_source_out(plan, chosen, out, environment, callbacks)
    if any(row.pending for row in table.rows):
        terminal.say("Stopped. Run the same command to continue; sources.csv has what is done.")
        raise typer.Exit(INTERRUPTED)
    terminal.say(escape(table.title))
    terminal.say(show_sources(table))
    for note in table.notes:
        terminal.say(escape(note))
    terminal.say(escape(f"Wrote {out} (sources.html, sources.csv, sources.json)."))
    terminal.answer(table.to_json())
    if any(row.state not in {"complete", "refused"} for row in table.rows):
        raise typer.Exit(INCOMPLETE)


def show_sources(table: "SourceTable") -> Table:
    """Builds the table for a terminal."""
    recalls = [f"recall {name}" for name in table.classes]
    shown = Table("source", "model", "images", "accuracy", *recalls, "sick or not", box=None)
    for row in table.rows:
        found = row.measured
        if found is None:
            cells = [row.state.replace("-", " "), *[""] * (len(recalls) + 1)]
        else:
            estimates = [found.accuracy, *map(found.recall.get, table.classes), found.sick_auroc]
            cells = [_cell(each) for each in estimates]
        shown.add_row(escape(row.source), escape(row.title), str(row.images), *map(escape, cells))
    return shown


def _cell(found: "Estimate | None") -> str:
    return "" if found is None else f"{found.value:.3f} ({found.bounds()})"
