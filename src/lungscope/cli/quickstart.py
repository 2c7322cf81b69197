"""`lungscope quickstart`: the whole workflow on phantoms, with nothing to download."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lungscope.cli.data import show_check
from lungscope.cli.evaluate import evaluated_run
from lungscope.cli.options import Force, Quiet, Seed
from lungscope.cli.terminal import INTERRUPTED, Terminal
from lungscope.cli.training import describe_split, fit_run
from lungscope.errors import AlreadyExists

if TYPE_CHECKING:
    from lungscope.training.recipe import Recipe


def quickstart(
    out: Annotated[Path, typer.Option("--out", "-o", help="Output folder.")] = Path(
        "runs/quickstart"
    ),
    count: Annotated[int, typer.Option(min=60, help="Number of phantoms to draw.")] = 900,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Number of epochs to train.", show_default="10"),
    ] = None,
    seed: Seed = 0,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Run the whole workflow on phantoms: draw, check, split, train, evaluate.

    Nothing is downloaded: training starts from a bundled model's weights.
    """
    from lungscope.cli.training import open_data, survey_data
    from lungscope.data import splitting
    from lungscope.data.check import check_data
    from lungscope.data.contact_sheet import draw_contact_sheet
    from lungscope.phantom import write_phantoms
    from lungscope.training.execution import Execution
    from lungscope.training.run import RunFolder

    terminal = Terminal(quiet=quiet)
    data, folder = out / "phantoms", out / "run"
    _clear(out, force=force)
    with terminal.progress("drawing phantoms") as on_progress:
        write_phantoms(data, count, seed, on_progress=on_progress)
    terminal.say(f"Drew {count} synthetic radiographs in {data}")

    index, survey = survey_data(open_data([data]), terminal, skip_unreadable=False, workers=None)
    checked = check_data(index, survey)
    show_check(checked, terminal)
    draw_contact_sheet(index, out / "contact-sheet.png")
    split = splitting.make_split(index, survey, seed=seed, duplicates=checked.pairs)
    terminal.say(describe_split(split))

    recipe = replace(_recipe(), seed=seed)
    if epochs is not None:
        recipe = replace(recipe, epochs=epochs)
    run = RunFolder.create(folder, recipe, split, data, force=force)
    if not fit_run(run, data, Execution(), None, terminal).finished:
        raise typer.Exit(INTERRUPTED)
    evaluated_run(folder, data, None, terminal)
    terminal.say("Figures:")
    for figure in sorted(out.glob("*.png")) + sorted(folder.glob("**/*.png")):
        terminal.say(f"  {figure}")


def _clear(out: Path, *, force: bool) -> None:
    """Removes an earlier quickstart; no other folder is ever removed."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / "phantoms" / "PHANTOM.txt").is_file():
        raise AlreadyExists(f"{out}: holds something else; give another folder with -o")
    if not force:
        raise AlreadyExists(f"{out}: already exists; replace it with --force")
    shutil.rmtree(out)


def _recipe() -> "Recipe":
    """Returns a short recipe that starts from the bundled model `paper`.

    The input is small, so that the demonstration takes a minute; the learning rate suits it.
    """
    from lungscope.training.recipe import Recipe

    return Recipe(
        weights="paper",
        size=96,
        flip_vertical=0,
        epochs=10,
        learning_rate=0.003,
        lr_step=7,
    )
