"""`lungscope report`: a run's results on one page and in a model card."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from lungscope.about import DISCLAIMER
from lungscope.cli.options import Force, Quiet, TrainedRun
from lungscope.cli.terminal import Terminal

if TYPE_CHECKING:
    from lungscope.report.run_report import WrittenReport


def report(
    run: TrainedRun,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Output folder.", show_default="RUN")
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Write a self-contained report.html and model_card.md of a run.

    Existing reports in RUN are replaced. Missing evaluations and audits are named in the
    report; those of another model, or of other than test images, are left out.
    """
    from lungscope.report.run_report import write_report
    from lungscope.training.run import RunFolder

    terminal = Terminal(quiet=quiet)
    written = write_report(RunFolder.open(run), out, force=force)
    terminal.say(
        f"Wrote {escape(str(written.page))} and {escape(str(written.card))}.  {DISCLAIMER}"
    )
    say_left_out(written, run, terminal)


def say_left_out(written: "WrittenReport", run: Path, terminal: Terminal) -> None:
    """Prints which results in a run's folder its report leaves out, and why.

    Args:
        written: the report.
        run: the run's folder.
        terminal: where to print it.
    """
    for verb, reason in written.left_out.items():
        command = f"lungscope {verb} {shlex.quote(str(run))} --force"
        terminal.say(escape(f"Not in the report: {reason[0].lower()}{reason[1:]}; {command}"))
