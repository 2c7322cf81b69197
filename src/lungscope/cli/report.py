"""`lungscope report`: what was found about a run, on one page and in a model card."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from lungscope.about import DISCLAIMER
from lungscope.cli.options import Force, Quiet, TrainedRun
from lungscope.cli.terminal import Terminal

if TYPE_CHECKING:
    from lungscope.report.reporting import Written


def report(
    run: TrainedRun,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder.", show_default="RUN")
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Write report.html, which needs nothing but itself, and model_card.md of a run.

    In RUN they are drawn anew each time. What was not evaluated or audited yet is said on
    them; an evaluation or audit of another model, or of other than test images, counts as none.
    """
    from lungscope.report.reporting import write_report
    from lungscope.training.run import Run

    terminal = Terminal(quiet=quiet)
    written = write_report(Run.open(run), out, force=force)
    terminal.say(
        f"Wrote {escape(str(written.page))} and {escape(str(written.card))}.  {DISCLAIMER}"
    )
    say_left_out(written, run, terminal)


def say_left_out(written: "Written", run: Path, terminal: Terminal) -> None:
    """Tells a person which results in a run's folder its report does not show, and why.

    Args:
        written: the report.
        run: the run's folder.
        terminal: where to say it.
    """
    for verb, reason in written.left_out.items():
        anew = f"lungscope {verb} {shlex.quote(str(run))} --force"
        terminal.say(escape(f"Not in the report: {reason[0].lower()}{reason[1:]}; {anew}"))
