"""`lungscope train`: a folder of X-rays becomes a trained model."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lungscope.cli.options import CacheFolder, Device, Force, Quiet, Skip, Workers
from lungscope.cli.terminal import INTERRUPTED, Terminal
from lungscope.cli.training import fit_run, load_or_make_split
from lungscope.errors import LungscopeError

if TYPE_CHECKING:
    from lungscope.training.recipe import Recipe

PANEL = "Recipe (each replaces the recipe's value)"


def train(
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Folder of class folders, or a CSV (file,label[,group])."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Run folder.", show_default="runs/MODEL")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", help="Continue this run where it stopped.")
    ] = None,
    split: Annotated[
        Path | None,
        typer.Option("--split", help="split.json to use.", show_default="a new one, 80/10/10"),
    ] = None,
    recipe: Annotated[
        str, typer.Option("--recipe", help="paper, or a recipe.json to start from.")
    ] = "paper",
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="See `lungscope models`.", rich_help_panel=PANEL),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option("--weights", help="imagenet, bundled, none or a file.", rich_help_panel=PANEL),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", help="The most epochs.", rich_help_panel=PANEL)
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(help="Epochs without a better validation accuracy.", rich_help_panel=PANEL),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Images a step.", rich_help_panel=PANEL)
    ] = None,
    size: Annotated[
        int | None, typer.Option(help="side of the input in pixels.", rich_help_panel=PANEL)
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Of SGD, at the start.", rich_help_panel=PANEL)
    ] = None,
    momentum: Annotated[float | None, typer.Option(help="Of SGD.", rich_help_panel=PANEL)] = None,
    weight_decay: Annotated[
        float | None, typer.Option(help="Of SGD.", rich_help_panel=PANEL)
    ] = None,
    lr_step: Annotated[
        int | None, typer.Option(help="Epochs between drops of the rate.", rich_help_panel=PANEL)
    ] = None,
    lr_gamma: Annotated[
        float | None, typer.Option(help="Factor of each drop.", rich_help_panel=PANEL)
    ] = None,
    flip_horizontal: Annotated[
        float | None, typer.Option(help="Probability; 0 for none.", rich_help_panel=PANEL)
    ] = None,
    flip_vertical: Annotated[
        float | None, typer.Option(help="Probability; 0 for none.", rich_help_panel=PANEL)
    ] = None,
    rotation: Annotated[
        float | None, typer.Option(help="Largest, in degrees.", rich_help_panel=PANEL)
    ] = None,
    se_reduction: Annotated[
        int | None, typer.Option(help="Of MobileNet-Lung's SE block.", rich_help_panel=PANEL)
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of every random choice.", rich_help_panel=PANEL)
    ] = None,
    device: Device = "auto",
    precision: Annotated[
        Literal["32", "bf16", "16"], typer.Option(help="Bits of the arithmetic.")
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
) -> None:
    """Train a model; Ctrl-C stops after the epoch, --resume goes on."""
    from lungscope.data.index import Index
    from lungscope.training.execution import Execution
    from lungscope.training.run import Run

    terminal = Terminal(quiet=quiet)
    changes = {
        "model": model,
        "weights": weights,
        "epochs": epochs,
        "patience": patience,
        "batch_size": batch_size,
        "size": size,
        "learning_rate": learning_rate,
        "momentum": momentum,
        "weight_decay": weight_decay,
        "lr_step": lr_step,
        "lr_gamma": lr_gamma,
        "flip_horizontal": flip_horizontal,
        "flip_vertical": flip_vertical,
        "rotation": rotation,
        "se_reduction": se_reduction,
        "seed": seed,
    }
    changed = {name: value for name, value in changes.items() if value is not None}
    if resume is not None:
        if changed or out or split or recipe != "paper" or force:
            raise LungscopeError("--resume takes everything from the run; give only --data with it")
        run = Run.open(resume)
        folder = data or Path(run.facts["data"])
    elif data is None:
        raise LungscopeError("give --data DATA to train anew, or --resume RUN to continue")
    else:
        folder = Index.open(data).root
        chosen = replace(_recipe(recipe), **changed)  # type: ignore[arg-type]
        run = Run.create(
            out or Path("runs") / chosen.model,
            chosen,
            load_or_make_split(
                data, split, terminal, skip_unreadable=skip_unreadable, workers=workers
            ),
            folder,
            force,
        )
    ended = fit_run(run, folder, Execution(device, precision, allocator), cache, terminal)
    if not ended.finished:
        raise typer.Exit(INTERRUPTED)
    terminal.say(f"Next: lungscope evaluate {run.folder}")


def _recipe(name: str) -> "Recipe":
    from lungscope.training.recipe import PAPER_RECIPE, Recipe

    return PAPER_RECIPE if name == "paper" else Recipe.load(Path(name))
