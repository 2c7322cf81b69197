"""`lungscope train`: a folder of X-rays becomes a trained model."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from lungscope.cli.options import CacheFolder, Device, Force, Quiet, Skip, Workers
from lungscope.cli.recipe_options import recipe_options
from lungscope.cli.terminal import INTERRUPTED, Terminal
from lungscope.cli.training import fit_run, load_or_make_split
from lungscope.errors import InvalidSetting
from lungscope.training.recipe import find_recipe


@recipe_options()
def train(
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Folder of class folders, or a CSV (file,label[,group])."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Run folder to create.", show_default="runs/MODEL"),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", help="Continue this run where it stopped.")
    ] = None,
    split: Annotated[
        Path | None,
        typer.Option("--split", help="split.json to use.", show_default="a new one, 80/10/10"),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            metavar="NAME|FILE",
            help="Recipe to start from: paper, or a .yaml or .json file.",
            show_default="paper",
        ),
    ] = None,
    device: Device = "auto",
    precision: Annotated[
        Literal["32", "bf16", "16"], typer.Option(help="Arithmetic precision.")
    ] = "32",
    allocator: Annotated[
        Literal["keep", "system"],
        typer.Option(help="Whether freed memory is kept: faster on Linux."),
    ] = "keep",
    skip_unreadable: Skip = False,
    workers: Workers = None,
    cache: CacheFolder = None,
    force: Force = False,
    quiet: Quiet = False,
    **changes: Any,
) -> None:
    """Train a model. Ctrl-C stops after the epoch; --resume continues.

    The options of the recipe replace values of the recipe that it starts from.
    """
    from lungscope.data.index import Index
    from lungscope.training.execution import Execution
    from lungscope.training.fitting import check_initial_weights
    from lungscope.training.run import RunFolder

    terminal = Terminal(quiet=quiet)
    execution = Execution(device, precision, allocator)
    if resume is not None:
        if changes or out or split or recipe or force:
            raise InvalidSetting("--resume takes everything from the run; give only --data with it")
        run = RunFolder.open(resume)
        run.refuse_finished()
        folder = data or Path(run.facts["data"])
    elif data is None:
        raise InvalidSetting("give --data DATA to start a training, or --resume RUN to continue")
    else:
        chosen = replace(find_recipe(recipe or "paper"), **changes)
        out = out or Path("runs") / chosen.model
        # reading all images takes minutes: refuse wrong options before it, not after
        RunFolder.check_free(out, chosen, data, force=force)
        execution.check()
        check_initial_weights(chosen)
        folder = Index.open(data).root
        made = load_or_make_split(
            data, split, terminal, skip_unreadable=skip_unreadable, workers=workers
        )
        run = RunFolder.create(out, chosen, made, folder, force)
    with run.removed_if_nothing_trained() if resume is None else nullcontext():
        ended = fit_run(run, folder, execution, cache, terminal)
    if not ended.finished:
        raise typer.Exit(INTERRUPTED)
    terminal.say(f"Next: lungscope evaluate {run.folder}")
