"""`lungscope assess`: what readers' verdicts say of a model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from lungscope.about import DISCLAIMER
from lungscope.atomic import refuse_existing
from lungscope.cli.options import Json, Quiet
from lungscope.cli.terminal import Terminal
from lungscope.errors import InvalidData

if TYPE_CHECKING:
    from lungscope.feedback.agreement import Agreement
    from lungscope.feedback.judgements import Judgement

ALARM = 1


def assess(
    feedback: Annotated[
        Path,
        typer.Argument(
            metavar="FEEDBACK", help="CSV of verdicts: predicted,verdict[,reader_class]."
        ),
    ],
    tolerated_errors: Annotated[
        float,
        typer.Option(help="Proportion of wrong answers that is no reason for an alarm."),
    ] = 0.1,
    tolerated_misses: Annotated[
        float,
        typer.Option(help="The same of images of a class that are taken for another one."),
    ] = 0.2,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="HASH",
            help="Model whose answers are assessed: the beginning of its hash.",
            show_default="the only one",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="PNG of the evidence to write.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the PNG.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Assess readers' verdicts on answers: PPV, sensitivity, and whether errors are too frequent.

    Intervals and alarms hold however often it is run: where errors are as rare as tolerated, the
    chance of a false alarm, ever, is at most 5 %.

    Exit status: 0 without an alarm, 1 with one, 2 for invalid usage.
    """
    from lungscope.feedback.agreement import assess_feedback
    from lungscope.feedback.judgements import read_judgements

    terminal = Terminal(quiet=quiet, json=json)
    if out is not None:
        refuse_existing(out, overwrite=overwrite)
    found = assess_feedback(
        _of_model(read_judgements(feedback), model),
        tolerated_errors=tolerated_errors,
        tolerated_misses=tolerated_misses,
    )
    _say(terminal, found)
    if out is not None:
        _draw(found, out)
        terminal.say(f"Wrote {escape(str(out))}.")
    terminal.say(DISCLAIMER)
    terminal.answer(found.to_json())
    if found.alarms:
        raise typer.Exit(ALARM)


def _of_model(rows: list["Judgement"], model: str | None) -> list["Judgement"]:
    models = sorted({row.model for row in rows})
    if model is None and len(models) > 1:
        listed = ", ".join(each[:8] or "none" for each in models)
        raise InvalidData(f"answers of {len(models)} models ({listed}): choose one with --model")
    chosen = [row for row in rows if model is None or row.model.startswith(model)]
    if not chosen:
        raise InvalidData(f"--model {model}: no answer is of a model whose hash begins so")
    return chosen


def _say(terminal: Terminal, found: "Agreement") -> None:
    model = f" of model {found.model[:8]}" if found.model else ""
    terminal.say(
        f"{found.judged:,} of {found.answers:,} answers{escape(model)} have a verdict; the model "
        f"abstained on {found.abstained:,}. Of its answers {found.ppv:.1%} are right."
    )
    table = Table("class", "named", "PPV", "present", "abstained", "sensitivity", box=None)
    for name, each in found.classes.items():
        table.add_row(
            escape(name),
            f"{each.named:,}",
            f"{each.ppv:.1%}",
            f"{each.present:,}",
            f"{each.abstained:,}",
            f"{each.sensitivity:.1%}",
        )
    terminal.say(table)
    if found.rejected:
        terminal.say(
            f"{found.rejected:,} answers were rejected without a class: sensitivities leave these "
            "images out, and may be too high."
        )
    for name, monitor in found.monitors.items():
        if monitor.alarm is None:
            continue
        when = f", {monitor.judged}" if monitor.judged else ""
        terminal.say(
            f"[bold red]ALARM[/] {escape(name)}: more than the tolerated "
            f"{100 * monitor.tolerated:g} %, noticed at verdict {monitor.alarm:,}{escape(when)} "
            f"({monitor.errors:,} of {monitor.verdicts:,} by now)"
        )
    if not found.alarms:
        terminal.say("No alarm.")


def _draw(found: "Agreement", path: Path) -> None:
    import numpy as np

    from lungscope.figures.feedback import draw_evidence

    draw_evidence(
        path,
        {name: np.array(each.evidence) / each.limit for name, each in found.monitors.items()},
        f"Evidence of more errors than tolerated, {found.judged:,} verdicts",
    )
