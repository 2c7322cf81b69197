"""`lungscope reproduce`: the paper's table and figures in one command."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape

from lungscope.cli.config import Config
from lungscope.cli.held_out_sources import run_without_each
from lungscope.cli.options import (
    CacheFolder,
    DataOption,
    Device,
    Json,
    Map,
    Quiet,
    Seed,
    Skip,
    Workers,
)
from lungscope.cli.reproduction_progress import (
    ConsoleReporter,
    metrics_table,
    shortcuts_table,
    sizes_table,
)
from lungscope.cli.terminal import INTERRUPTED, Terminal
from lungscope.cli.training import describe_split
from lungscope.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Callable

    from lungscope.data.index import Index
    from lungscope.data.split import Split
    from lungscope.data.survey import Survey
    from lungscope.reproduction.plan import Plan

INCOMPLETE = 1
"""Exit status if a model has no numbers in the end."""


def reproduce(
    data: DataOption,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Output folder; continued if it exists.")
    ],
    models: Annotated[
        str | None,
        typer.Option("--models", help="Names of models, separated by commas.", show_default="all"),
    ] = None,
    weights: Annotated[
        Literal["imagenet", "none"], typer.Option(help="Initial weights.")
    ] = "imagenet",
    seeds: Annotated[
        int | None,
        typer.Option(min=1, help="Trainings per model, averaged.", show_default="1"),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(min=3, help="Folds of a group-safe cross-validation."),
    ] = None,
    budget: Annotated[
        int | None,
        typer.Option(min=1, help="Quick look: train at most this many epochs; all results say so."),
    ] = None,
    split: Annotated[
        Path | None,
        typer.Option("--split", help="split.json to use.", show_default="a new one, 80/10/10"),
    ] = None,
    leave_one_out: Annotated[
        bool,
        typer.Option(
            "--leave-one-source-out",
            help="Leave each source (hospital) out in turn and test on it alone.",
        ),
    ] = False,
    source: Annotated[
        list[str],
        typer.Option(
            "--source", metavar="SOURCE", help="Leave out this source only; may be repeated."
        ),
    ] = [],  # noqa: B006  typer's way to say that there may be none
    mapping: Map = [],  # noqa: B006
    seed: Seed = 0,
    device: Device = "auto",
    precision: Annotated[
        Literal["32", "bf16", "16"], typer.Option(help="Arithmetic precision of training.")
    ] = "32",
    skip_unreadable: Skip = False,
    workers: Workers = None,
    cache: CacheFolder = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Retrain runs that are damaged, or of another recipe or split."
        ),
    ] = False,
    config: Config = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Reproduce the paper's Table I and Figures 1 to 9 on your images.

    All models are trained and tested on one split. Run the same command again
    to continue, or add models or seeds; nothing is trained twice.
    Ctrl-C stops after the current epoch.

    With --leave-one-source-out, each source is left out of training in turn
    and tested on alone; the result is a table of sources by models.

    Exit status: 0 if every model has its numbers; 1 if a model has none
    (its weights are unavailable or its training failed; the table says so);
    2 for invalid usage; 130 after Ctrl-C.
    """
    from lungscope.cli.training import open_data, survey_data
    from lungscope.reproduction.data_arguments import DataArguments
    from lungscope.reproduction.runner import RunEnvironment
    from lungscope.reproduction.splits import find_split_origin, refuse_other_classes
    from lungscope.reproduction.workflow import claim_folder, refuse_inside
    from lungscope.reproduction.workflow import reproduce as carry_out
    from lungscope.training.execution import Execution

    terminal = Terminal(quiet=quiet, json=json)
    if source and not leave_one_out:
        raise InvalidSetting("--source: chooses what --leave-one-source-out leaves out; give both")
    if leave_one_out and (split is not None or folds is not None or (seeds or 1) > 1):
        raise InvalidSetting("--leave-one-source-out: leave out --split, --folds and --seeds")
    if split is not None and mapping:
        raise InvalidSetting("--map: the split has its classes; map them with `data split`")
    names = [name.strip() for name in (models or "").split(",") if name.strip()]
    plan = replace(
        _plan(names, weights, budget, seed),
        seeds=seeds or 1,
        folds=folds,
        precision=precision,
    )
    index = open_data(data, mapping)
    for each in data:
        if each.is_dir():
            refuse_inside(out, each)
    names_given = tuple(each.resolve().name or "DATA" for each in data)
    environment = RunEnvironment(
        index.root,
        Execution(device, precision),
        cache,
        workers,
        force,
        DataArguments(names_given, tuple(mapping)),
    )
    reporter = ConsoleReporter(terminal)

    def surveyed_data() -> "tuple[Index, Survey]":
        return survey_data(index, terminal, skip_unreadable=skip_unreadable, workers=workers)

    try:
        with claim_folder(out, plan, force=force):
            if leave_one_out:
                run_without_each(
                    plan, source, out, environment, surveyed_data, reporter.callbacks, terminal
                )
                return
            plan = replace(plan, split=find_split_origin(out, plan) if split is None else "given")
            splits = _splits(out, plan, split, surveyed_data, force=force)
            if plan.split == "drawn":
                refuse_other_classes(out, splits[0], index.classes)
            terminal.say(escape(describe_split(splits[0])))
            made = carry_out(plan, splits, out, environment, reporter.callbacks)
    except KeyboardInterrupt:
        raise _stopped(terminal) from None
    finally:
        reporter.hide()
    if made.pending:
        raise _stopped(terminal)
    terminal.say(escape(made.title))
    terminal.say(metrics_table(made))
    if made.shortcuts:
        terminal.say(shortcuts_table(made))
    terminal.say(sizes_table(made))
    for note in made.notes:
        terminal.say(escape(note))
    terminal.say(
        escape(
            f"Wrote {out} (report.html, table1.csv, table1.json, table1.md, times.json, figures)."
        )
    )
    terminal.answer(made.to_json())
    if not made.complete:
        raise typer.Exit(INCOMPLETE)


def _plan(
    names: list[str], weights: Literal["imagenet", "none"], budget: int | None, seed: int
) -> "Plan":
    from lungscope.models import list_architectures
    from lungscope.reproduction.plan import Plan, in_order
    from lungscope.training.recipes import PAPER_RECIPE

    if budget is not None and budget >= PAPER_RECIPE.epochs:
        raise InvalidSetting(
            f"--budget {budget}: must be fewer epochs than the recipe's "
            f"{PAPER_RECIPE.epochs}; leave it out"
        )
    recipe = replace(PAPER_RECIPE, weights=weights, epochs=budget or PAPER_RECIPE.epochs, seed=seed)
    return Plan(in_order(names or [each.name for each in list_architectures()]), recipe)


def _splits(
    out: Path,
    plan: "Plan",
    file: Path | None,
    surveyed_data: "Callable[[], tuple[Index, Survey]]",
    *,
    force: bool,
) -> "tuple[Split, ...]":
    from lungscope.reproduction.splits import adopt_split, load_or_draw_splits

    if file is not None:
        return adopt_split(out, plan, file, force=force)
    return load_or_draw_splits(out, plan, surveyed_data, force=force)


def _stopped(terminal: Terminal) -> typer.Exit:
    terminal.say("Stopped. Run the same command to continue; results so far are in table1.md.")
    return typer.Exit(INTERRUPTED)
