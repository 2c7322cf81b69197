"""`lungscope evaluate`: metrics of a model on images that it was not trained on."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from lungscope.about import DISCLAIMER
from lungscope.cli.options import CacheFolder, Device, Force, Json, Map, Quiet, RunData, Workers
from lungscope.cli.report import say_left_out
from lungscope.cli.terminal import Terminal
from lungscope.cli.training import warn_unfinished
from lungscope.errors import InvalidSetting
from lungscope.text import format_percent, format_quantity

if TYPE_CHECKING:
    from lungscope.estimate import Estimate
    from lungscope.evaluation.assessment import Assessment
    from lungscope.evaluation.run_evaluation import RunEvaluation


def evaluate(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="Run folder; with --on also a folder of `lungscope export` or a bundled model.",
        ),
    ],
    on: Annotated[
        Path | None,
        typer.Option(
            "--on",
            help="Other labelled data: folder of class folders, or CSV.",
            show_default="the run's own split",
        ),
    ] = None,
    data: RunData = None,
    subset: Annotated[
        Literal["test", "validation", "train"] | None,
        typer.Option(help="Subset of the run's split.", show_default="test"),
    ] = None,
    mapping: Map = [],  # noqa: B006  typer reads it, nobody changes it
    label_column: Annotated[
        str | None,
        typer.Option(
            "--label-column",
            help="With --on: the table's column with the labels.",
            show_default="label",
        ),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by",
            help="With --on: column to give results by, besides source.",
            show_default="age, sex, view, finding",
        ),
    ] = None,
    leave_out_overlap: Annotated[
        bool,
        typer.Option("--leave-out-overlap", help="With --on: leave out images that it has seen."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Output folder.",
            show_default="RUN/evaluation; RUN/evaluation-SUBSET; RUN/evaluation-on-NAME",
        ),
    ] = None,
    device: Device = "auto",
    cache: CacheFolder = None,
    workers: Workers = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Evaluate a model: metrics with 95 % intervals, predictions, figures.

    A run is evaluated on its own split: only the test subset in RUN/evaluation is on the run's
    report.html, which is redrawn. Images that a model was trained on, or chosen by, say nothing
    about others.

    With --on, a run or an exported model is evaluated on another data set, by source, with a page
    of its own. Images that it has seen are refused: the same bytes, the same picture (also
    mirrored, cropped or recompressed) or the same patient.
    """
    terminal = Terminal(quiet=quiet, json=json)
    if on is None:
        _refuse_needless(
            {
                "--map": mapping,
                "--label-column": label_column,
                "--by": by,
                "--leave-out-overlap": leave_out_overlap,
                "--workers": workers,
            },
            "needs --on DATA",
        )
        evaluated = evaluated_run(
            Path(model),
            data,
            out,
            terminal,
            subset=subset or "test",
            device=device,
            cache=cache,
            force=force,
        )
        terminal.answer(evaluated.to_json())
        return
    _refuse_needless({"--subset": subset, "--cache": cache}, "does not go with --on")
    from lungscope.cli.external import evaluate_elsewhere
    from lungscope.data.class_mapping import parse_mapping
    from lungscope.evaluation.run_external import ExternalSettings

    settings = ExternalSettings(parse_mapping(mapping), by, leave_out_overlap, workers)
    found = evaluate_elsewhere(
        model,
        on,
        out,
        terminal,
        settings,
        label_column=label_column or "label",
        data=data,
        device=device,
        force=force,
    )
    terminal.answer(found.to_json())


def _refuse_needless(options: Mapping[str, object], reason: str) -> None:
    for name, value in options.items():
        if value:
            raise InvalidSetting(f"{name}: {reason}")


def evaluated_run(
    folder: Path,
    data: Path | None,
    out: Path | None,
    terminal: Terminal,
    *,
    subset: Literal["test", "validation", "train"] = "test",
    device: Literal["auto", "cpu", "cuda"] = "auto",
    cache: Path | None = None,
    force: bool = False,
) -> "RunEvaluation":
    """Evaluates a run and prints the result."""
    from lungscope.evaluation.run_evaluation import evaluate_run
    from lungscope.inference.description import Description
    from lungscope.report.run_report import write_report
    from lungscope.training.execution import Execution
    from lungscope.training.run import RunFolder

    run = RunFolder.open(folder)
    warn_unfinished(run, "evaluated", terminal)
    execution = Execution(device)
    execution.prepare()
    with terminal.progress("classifying") as on_progress:
        evaluated = evaluate_run(
            run,
            run.split.find_root(data) if data else Path(run.facts["data"]),
            out or (run.evaluation if subset == "test" else folder / f"evaluation-{subset}"),
            subset=subset,
            device=execution.accelerator,
            force=force,
            cache_folder=cache,
            on_progress=on_progress,
        )
    written = None
    if out is None and subset == "test":  # a report is of what lies in the run's own folder
        written = write_report(run)
    assessment = evaluated.assessment
    description = Description.load(run.checkpoint / "model.json")
    terminal.say(
        f"{format_quantity(assessment.images, f'{subset} image')} in "
        f"{format_quantity(assessment.groups, 'group')}, "
        f"{len(assessment.confusion.classes)} classes   "
        f"model {description.architecture} {description.weights_sha256[:8]}"
    )
    terminal.say(_overall(assessment.overall))
    terminal.say(_by_class(assessment))
    terminal.say(_calibration(assessment))
    terminal.say(_thresholds(assessment))
    reported = f" and {written.page} with model_card.md" if written else ""
    terminal.say(
        escape(f"Wrote {evaluated.folder} (metrics.json, predictions.csv, figures){reported}.")
    )
    if written:
        say_left_out(written, folder, terminal)
    terminal.say(DISCLAIMER)
    return evaluated


def _overall(overall: "dict[str, Estimate]") -> Table:
    from lungscope.evaluation.metrics import METRICS

    table = Table("", "value", "95 % interval", box=None)
    for name, estimate in overall.items():
        label = escape(METRICS[name].label)
        table.add_row(label, f"{estimate.value:.4f}", estimate.bounds(".4f"))
    return table


def _by_class(assessment: "Assessment") -> Table:
    from lungscope.evaluation.discrimination import CLASS_METRICS

    table = Table("class against the rest", "images", *CLASS_METRICS.values(), box=None)
    confusion = assessment.confusion
    for name, counts in zip(confusion.classes, confusion.counts, strict=True):
        metrics = assessment.one_vs_rest.by_class[name]
        table.add_row(
            escape(name),
            f"{sum(counts)}",
            *(_cell(metrics[metric], "\n") for metric in CLASS_METRICS),
        )
    return table


def _calibration(assessment: "Assessment") -> Table:
    from lungscope.evaluation.calibration import CALIBRATION_TITLES

    warm = f"temperature {assessment.temperature:.3f}"
    table = Table("calibration", "as trained", f"{warm}, fitted on validation", box=None)
    for name, title in CALIBRATION_TITLES.items():
        before, after = (
            getattr(each, name)
            for each in (assessment.calibration.uncalibrated, assessment.calibration.calibrated)
        )
        table.add_row(title, _cell(before), _cell(after))
    return table


def _thresholds(assessment: "Assessment") -> str:
    lines = []
    for each in assessment.selective.answering:
        if each.found is None:
            lines.append(
                f"No confidence threshold reaches {format_percent(each.wanted, 0)} accuracy on "
                "validation images."
            )
            continue
        accuracy = "undefined" if each.found.accuracy is None else _cell(each.found.accuracy)
        lines.append(
            f"Abstaining below a confidence of {each.found.threshold:.3f} (chosen for "
            f"{format_percent(each.wanted, 0)} accuracy on validation images): "
            f"{format_percent(each.found.coverage.value)} of images answered, accuracy {accuracy}"
        )
    return "\n".join(lines)


def _cell(estimate: "Estimate | None", between: str = " ") -> str:
    if estimate is None:
        return ""
    return f"{estimate.value:.3f}{between}({estimate.bounds()})"
