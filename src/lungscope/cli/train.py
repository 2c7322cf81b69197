"""`lungscope train`: a folder of X-rays becomes a trained model."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.markup import escape

from lungscope.cli.options import CacheFolder, DataOption, Device, Force, Map, Quiet, Skip, Workers
from lungscope.cli.recipe_options import recipe_options
from lungscope.cli.terminal import INTERRUPTED, Terminal
from lungscope.cli.training import fit_run, open_data, resume_command, use_or_make_split
from lungscope.errors import InvalidSetting
from lungscope.training.recipes import find_recipe


@recipe_options()
def train(
    data: DataOption = [],  # noqa: B006  typer's way to say that there may be none
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
            help="Recipe to start from: paper, robust, or a .yaml or .json file.",
            show_default="paper",
        ),
    ] = None,
    mapping: Map = [],  # noqa: B006
    teacher: Annotated[
        list[str],
        typer.Option(
            "--teacher",
            metavar="RUN|DIR|NAME",
            help="Learn from this model too, with --distillation: a run, a checkpoint folder or a "
            "bundled model. Repeatable: from their mean.",
        ),
    ] = [],  # noqa: B006
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
    from lungscope.data.split import Split
    from lungscope.models import get_architecture
    from lungscope.models.weights import IMAGENET, imagenet_file
    from lungscope.training.execution import Execution
    from lungscope.training.fitting import check_initial_weights
    from lungscope.training.run import RunFolder
    from lungscope.training.teachers import check_teachers, open_teachers

    terminal = Terminal(quiet=quiet)
    execution = Execution(device, precision, allocator)
    if resume is not None:
        if changes or out or split or recipe or force or mapping or teacher:
            raise InvalidSetting("--resume takes everything from the run; give only --data with it")
        run = RunFolder.open(resume)
        run.refuse_finished()
        folder = run.split.find_root(data) if data else Path(run.facts["data"])
    elif not data:
        raise InvalidSetting("give --data DATA to start a training, or --resume RUN to continue")
    else:
        chosen = replace(find_recipe(recipe or "paper"), **changes)
        out = out or Path("runs") / chosen.model
        # reading all images takes minutes: refuse wrong options before it, not after
        if split is not None and mapping:
            raise InvalidSetting("--map: the split has its classes; map them with `data split`")
        for each in data:
            RunFolder.check_free(out, chosen, each, force=force)
        execution.check()
        index = open_data(data, mapping)
        folder, given = index.root, Split.load(split) if split else None
        original = imagenet_file(get_architecture(chosen.model))
        if chosen.weights == IMAGENET and not original.exists():
            terminal.say(f"Downloading the ImageNet weights of {chosen.model}")
        check_initial_weights(chosen)
        teachers = open_teachers(teacher, chosen)
        made = use_or_make_split(
            index, given, terminal, skip_unreadable=skip_unreadable, workers=workers
        )
        for warning in check_teachers(teachers, made):
            terminal.say(f"[yellow]warning[/]: {escape(warning)}")
        run = RunFolder.create(out, chosen, made, folder, force, [each.folder for each in teachers])
    try:
        with run.removed_if_nothing_trained() if resume is None else nullcontext():
            ended = fit_run(run, folder, execution, cache, terminal)
    except KeyboardInterrupt:
        if not run.has_trained:
            raise
        terminal.err.print(f"Stopped at once. Continue with: {resume_command(run)}", markup=False)
        raise typer.Exit(INTERRUPTED) from None
    if not ended.finished:
        raise typer.Exit(INTERRUPTED)
    terminal.say(f"Next: lungscope evaluate {run.folder}")
