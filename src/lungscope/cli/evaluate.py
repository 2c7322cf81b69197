"""`lungscope evaluate`: what a trained model is worth on images that it never saw."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table

from lungscope.cli.options import CacheFolder, Device, Force, Json, Quiet
from lungscope.cli.terminal import DISCLAIMER, Terminal

if TYPE_CHECKING:
    from lungscope.evaluation.bootstrap import Estimate
    from lungscope.evaluation.run_evaluation import RunEvaluation

SHOWN = {
    "accuracy": "accuracy",
    "loss": "loss (nats)",
    "precision_weighted": "precision (weighted)",
    "recall_weighted": "recall (weighted)",
    "f1_weighted": "F1 (weighted)",
    "f1_macro": "F1 (macro)",
}


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder of `lungscope train`.")],
    data: Annotated[
        Path | None,
        typer.Option("--data", help="The images.  [default: where they were when it trained]"),
    ] = None,
    side: Annotated[
        Literal["test", "validation", "train"], typer.Option(help="Side of the run's split.")
    ] = "test",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder.  [default: RUN/evaluation]")
    ] = None,
    device: Device = "auto",
    cache: CacheFolder = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Evaluate a run's best checkpoint: metrics with 95 % intervals, predictions, figures."""
    terminal = Terminal(quiet=quiet, json=json)
    evaluated = evaluated_run(
        run, data, out, terminal, side=side, device=device, cache=cache, force=force
    )
    terminal.answer(evaluated.evaluation.to_json())


def evaluated_run(
    folder: Path,
    data: Path | None,
    out: Path | None,
    terminal: Terminal,
    *,
    side: Literal["test", "validation", "train"] = "test",
    device: Literal["auto", "cpu", "cuda"] = "auto",
    cache: Path | None = None,
    force: bool = False,
) -> "RunEvaluation":
    """Evaluates a run and tells a person the result."""
    from lungscope.data.index import Index
    from lungscope.evaluation.run_evaluation import evaluate_run
    from lungscope.training.execution import Execution
    from lungscope.training.run import Run

    run = Run.open(folder)
    execution = Execution(device)
    execution.prepare()
    with terminal.progress("classifying") as on_progress:
        evaluated = evaluate_run(
            run,
            Index.open(data).root if data else Path(run.facts["data"]),
            out or folder / "evaluation",
            side=side,
            device=execution.accelerator,
            force=force,
            cache_folder=cache,
            on_progress=on_progress,
        )
    evaluation, description = evaluated.evaluation, evaluated.checkpoint.description
    terminal.say(
        f"{evaluation.images} {side} images in {evaluation.groups} groups, "
        f"{len(evaluation.classes)} classes   model {description.architecture} "
        f"{description.weights_sha256[:8]}"
    )
    terminal.say(_overall(evaluation.overall))
    terminal.say(_by_class(evaluated))
    terminal.say(
        f"Wrote {evaluated.folder} (metrics.json, predictions.csv, figures).  {DISCLAIMER}"
    )
    return evaluated


def _overall(overall: "dict[str, Estimate]") -> Table:
    table = Table("", "value", "95 % interval", box=None)
    for name, title in SHOWN.items():
        table.add_row(title, f"{overall[name].value:.4f}", _interval(overall[name]))
    return table


def _by_class(evaluated: "RunEvaluation") -> Table:
    table = Table("class", "images", "precision", "recall", "F1", box=None)
    evaluation = evaluated.evaluation
    for row, (name, metrics) in enumerate(evaluation.by_class.items()):
        cells = [f"{m.value:.3f} ({_interval(m, 3)})" for m in metrics.values()]
        table.add_row(name, f"{evaluation.matrix[row].sum():.0f}", *cells)
    return table


def _interval(estimate: "Estimate", digits: int = 4) -> str:
    return f"{estimate.low:.{digits}f} to {estimate.high:.{digits}f}"
