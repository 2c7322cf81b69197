"""Steps that the training commands share: a split, a training with its progress, its end."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from lungscope.cli.terminal import Terminal
from lungscope.text import format_quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lungscope.data.duplicates import DuplicatePair
    from lungscope.data.index import Index
    from lungscope.data.split import Split
    from lungscope.data.survey import Survey
    from lungscope.training.execution import Execution
    from lungscope.training.fitting import FitResult
    from lungscope.training.history import Epoch
    from lungscope.training.run import RunFolder

_LISTED = 20
"""Unreadable files that are listed; the rest are counted."""


def open_data(data: "Sequence[Path]", mapping: "Sequence[str]" = ()) -> "Index":
    """Opens data sets as one, with labels mapped as `--map` says."""
    from lungscope.data.class_mapping import parse_mapping, relabel
    from lungscope.data.index import Index

    index = Index.open(data)
    return relabel(index, parse_mapping(mapping)) if mapping else index


def use_or_make_split(
    data: "Index",
    given: "Split | None",
    terminal: Terminal,
    *,
    skip_unreadable: bool,
    workers: int | None,
) -> "Split":
    """Takes the split that was given, or makes the usual one; says what is in it."""
    from lungscope.data.checks.copies import label_conflicts
    from lungscope.data.duplicates import find_duplicates
    from lungscope.data.splitting import make_split

    split = given
    if split is None:
        index, survey = survey_data(
            data, terminal, skip_unreadable=skip_unreadable, workers=workers
        )
        pairs = find_duplicates(survey)
        warn_conflicts(label_conflicts(survey, pairs), terminal)
        split = make_split(index, survey, duplicates=pairs)
    terminal.say(escape(describe_split(split)))
    return split


def warn_conflicts(conflicts: "Sequence[DuplicatePair]", terminal: Terminal) -> None:
    """Warns a person of images that have two labels.

    Args:
        conflicts: what `label_conflicts` found.
        terminal: where it is said.
    """
    from lungscope.data.checks.copies import describe_conflicts

    if conflicts:
        terminal.say(
            f"[yellow]warning[/]: {escape(describe_conflicts(conflicts))}; one of the labels of "
            "each is wrong: correct it and split again"
        )


def describe_split(split: "Split") -> str:
    """One line on a split: images and groups a subset."""
    from lungscope.data.split import GROUPED_BY, SUBSETS

    subsets = ", ".join(
        f"{len(split.subset(subset))} {subset} "
        f"({format_quantity(len({e.group for e in split.subset(subset)}), 'group')})"
        for subset in SUBSETS
    )
    return f"Split {split.description}: {subsets}; kept together: {GROUPED_BY[split.grouped_by]}"


def epoch_line(epoch: "Epoch", *, best: bool) -> str:
    """One line on an epoch: its losses, accuracies and time, and whether it is the best so far."""
    return (
        f"epoch {epoch.epoch:>3}  loss {epoch.train_loss:.4f}  accuracy "
        f"{epoch.train_accuracy:.3f}  |  validation loss {epoch.validation_loss:.4f}  "
        f"accuracy {epoch.validation_accuracy:.3f}  |  {epoch.seconds:.0f} s"
        + ("  best so far" if best else "")
    )


def describe_weights(weights: str) -> str:
    """Where a training starts, e.g. "from random weights" or "from start.pth".

    Args:
        weights: as a recipe has it: "imagenet", the name of a bundled model, "none" or a file.
    """
    from lungscope.inference.exported import BUNDLED_MODELS

    bundled = {name: f"the weights of the bundled model {name}" for name in BUNDLED_MODELS}
    known = {"imagenet": "ImageNet weights", "none": "random weights", **bundled}
    return f"from {known.get(weights, weights)}"


def _start(run: "RunFolder", epochs: int) -> str:
    if run.last.is_file():
        return f"from where it stopped, after {format_quantity(epochs, 'epoch')},"
    return describe_weights(run.recipe.weights)


def resume_command(run: "RunFolder") -> str:
    """The command that goes on with a training."""
    return f"lungscope train --resume {shlex.quote(str(run.folder))}"


def warn_unfinished(run: "RunFolder", done: str, terminal: Terminal) -> None:
    """Tells a person, where a training is not finished, of which epoch a result is.

    Args:
        run: the run; nothing is said of one that has no checkpoint, which is an error later on.
        done: with it, e.g. "evaluated".
        terminal: where it is said.
    """
    if run.checkpoint.is_dir() and not run.facts.get("finished"):
        terminal.say(
            escape(
                f"Training is not finished: what is {done} is its best epoch when it last "
                f"stopped. To go on: {resume_command(run)}"
            )
        )


def fit_run(
    run: "RunFolder", data: Path, execution: "Execution", cache: Path | None, terminal: Terminal
) -> "FitResult":
    """Trains a run, telling a person how it goes and how it ended."""
    from lungscope.training.callbacks import EpochBar
    from lungscope.training.fitting import FitCallbacks, fit
    from lungscope.training.history import read_history

    recipe = run.recipe
    before = read_history(run.history) if run.history.is_file() else ()
    terminal.say(escape(f"Training {recipe.model} {_start(run, len(before))} into {run.folder}"))
    best = max((epoch.validation_score for epoch in before), default=0.0)

    def tell(epoch: "Epoch") -> None:
        nonlocal best
        terminal.say(epoch_line(epoch, best=epoch.validation_score > best))
        best = max(best, epoch.validation_score)

    with (
        terminal.progress("decoding images") as caching,
        terminal.progress("computing features") as features,
        terminal.progress("finding lungs") as lungs,
    ):
        callbacks = FitCallbacks(
            caching=caching,
            features=features,
            lungs=lungs,
            epoch=tell,
            interrupt=lambda: terminal.err.print(
                "stopping after this epoch (Ctrl-C again: at once)"
            ),
            callbacks=[EpochBar(terminal.err)] if terminal.err.is_terminal else [],
        )
        ended = fit(run, data, execution, cache, callbacks)
    terminal.say(
        escape(
            f"Best epoch {ended.best.epoch} of {len(ended.history)}: validation accuracy "
            f"{ended.best.validation_accuracy:.3f}. Wrote {run.checkpoint} and "
            f"{run.figures / 'learning-curves.png'}"
        )
    )
    if not ended.finished:
        terminal.say(escape(f"Stopped early. Continue with: {resume_command(run)}"))
    return ended


def survey_data(
    index: "Index", terminal: Terminal, *, skip_unreadable: bool, workers: int | None
) -> "tuple[Index, Survey]":
    """Surveys the files of an index.

    Raises:
        LungscopeError: files can't be read and are not to be skipped; each is listed first.
    """
    from lungscope.data.survey import require_readable, survey_images

    with terminal.progress("reading images") as on_progress:
        found = survey_images(index, workers, on_progress)
    for refused in found.refused[:_LISTED]:
        terminal.err.print(f"{refused.file}: {refused.reason}", markup=False)
    return require_readable(index, found, skip=skip_unreadable), found
