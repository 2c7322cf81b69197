"""`lungscope explain`: where in a radiograph the evidence for a class lies, as figures."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer
from rich.markup import escape
from rich.table import Table

from lungscope.about import DISCLAIMER
from lungscope.cli.options import AnyModality, Json, Quiet, Radiographs, UsedModel
from lungscope.cli.output import say_failed, shorten_path
from lungscope.cli.terminal import INTERRUPTED, Terminal
from lungscope.errors import InvalidSetting
from lungscope.text import format_quantity

if TYPE_CHECKING:
    from lungscope.inference.classifier import Classifier
    from lungscope.inference.explain.explanation import Method, UnmeasuredCode
    from lungscope.inference.explain.files import Explained
    from lungscope.inference.prediction import Failure
    from lungscope.models.checkpoint import Checkpoint

    Outcome: TypeAlias = Explained | Failure


_UNMEASURED: "Mapping[UnmeasuredCode, str]" = {
    "no-attribution": "no attribution",
    "lung-not-found": "no lungs found",
    "lungs-uncertain": "lungs uncertain",
}


def explain(
    paths: Radiographs,
    model: UsedModel = None,
    run: Annotated[
        Path | None,
        typer.Option("--run", help="Run folder of `lungscope train`, in place of --model."),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option("--class", help="Class to explain.", show_default="the most probable one"),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the figures.")] = Path(
        "explanations"
    ),
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace existing figures.")
    ] = False,
    any_modality: AnyModality = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Draw a figure of each radiograph with a heatmap of the evidence for a class.

    More attribution outside the lungs than if it were spread evenly is a warning: the score may
    rest on markers or on the film's edge. A file that cannot be read is a row with its reason, and
    the exit code is 1.
    """
    from lungscope.cli.inputs import list_files
    from lungscope.images import ANYTHING, CHEST_RADIOGRAPHS
    from lungscope.images.files import describe_others
    from lungscope.inference.explain.files import (
        choose_files,
        destinations,
        explain_files,
        refuse_existing,
    )

    terminal = Terminal(quiet=quiet, json=json)
    others: list[Path] = []
    files = list_files(paths, sys.stdin, others.append)
    figures = destinations(choose_files(files, out), out)
    if not overwrite:
        refuse_existing(figures)
    classifier, method = _classifier(model, run)
    if label is not None and label not in classifier.classes:
        raise InvalidSetting(
            f"class {label!r} is unknown; choose one of {', '.join(classifier.classes)}"
        )
    accept = ANYTHING if any_modality else CHEST_RADIOGRAPHS
    outcomes: list[Outcome] = []
    interrupted = False
    with terminal.progress("explaining") as on_progress:
        try:
            for outcome in explain_files(classifier, figures, label, accept, method):
                outcomes.append(outcome)
                on_progress(len(outcomes), len(figures))
        except KeyboardInterrupt:  # what is done is kept
            interrupted = True
    rows = [_row(outcome) for outcome in outcomes]
    failures = sum(row["error"] is not None for row in rows)
    if quiet and failures:
        say_failed(failures, len(rows))
    terminal.say(_table(rows, terminal.longest_name))
    suspects = sum(row["suspect"] is True for row in rows)
    if others:
        terminal.say(f"{describe_others(len(others))}.")
    terminal.say(escape(_summary(len(rows) - failures, suspects, out)))
    terminal.say(f"Model {classifier.description.identity}.  {DISCLAIMER}")
    terminal.answer({"model": classifier.description.identity, "files": rows})
    raise typer.Exit(INTERRUPTED if interrupted else 1 if failures else 0)


def _classifier(model: str | None, run: Path | None) -> "tuple[Classifier | Checkpoint, Method]":
    if run is not None and model is not None:
        raise InvalidSetting("--model and --run: give one of them")
    if run is not None:
        from lungscope.models.checkpoint import Checkpoint
        from lungscope.training.run import RunFolder

        checkpoint = Checkpoint.load(RunFolder.open(run).checkpoint)
        return checkpoint, checkpoint.method
    from lungscope.inference.classifier import Classifier
    from lungscope.inference.exported import find_model

    return Classifier.load(find_model(model)), "class-activation-map"


def _row(outcome: "Outcome") -> dict[str, Any]:
    from lungscope.inference.explain.files import Explained

    if not isinstance(outcome, Explained):
        return {
            "file": str(outcome.file),
            "error": outcome.reason,
            "predicted": None,
            "unwanted": outcome.unwanted,
            "suspect": None,
        }
    explanation = outcome.explanation
    prediction = explanation.prediction
    return {
        "file": str(prediction.file),
        "error": None,
        "predicted": prediction.label,
        "abstained": prediction.abstained,
        "abstention": prediction.abstention,
        "reason": prediction.reason,
        "warnings": list(prediction.warnings),
        "probabilities": dict(prediction.probabilities),
        "model_sha256": prediction.model_sha256,
        "explained": explanation.label,
        "method": explanation.method,
        "proportion_outside_lungs": explanation.proportion_outside_lungs,
        "area_outside_lungs": explanation.area_outside_lungs,
        "unmeasured": explanation.unmeasured,
        "suspect": explanation.suspect,
        "figure": str(outcome.figure),
    }


def _summary(figures: int, suspects: int, out: Path) -> str:
    if not figures:
        return "No figure was written."
    return (
        f"Wrote {format_quantity(figures, 'figure')} to {out}; {suspects or 'none'} of them with "
        "more attribution outside the lungs than if it were spread evenly."
    )


def _table(rows: list[dict[str, Any]], longest: int | None) -> Table:
    table = Table("file", "answer", "explained", "probability", "outside", "figure", box=None)
    for row in rows:
        name = escape(shorten_path(Path(row["file"]), longest))
        if row["error"] is not None:
            answer = "(unwanted)" if row["unwanted"] else "(unreadable)"
            table.add_row(name, answer, "", "", "", escape(row["error"]))
            continue
        share = row["proportion_outside_lungs"]
        outside = _UNMEASURED[row["unmeasured"]] if share is None else f"{100 * share:.0f} %"
        table.add_row(
            name,
            escape(row["predicted"] or "(abstains)"),
            escape(row["explained"]),
            f"{row['probabilities'][row['explained']]:.3f}",
            f"[yellow]{outside}[/]" if row["suspect"] else outside,
            escape(shorten_path(Path(row["figure"]), longest)),
        )
    return table
