"""`lungscope report`: what was found about a run, on one page and in a model card."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lungscope.cli.options import Force, Quiet
from lungscope.cli.terminal import DISCLAIMER, Terminal


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder of `lungscope train`.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder.", show_default="RUN")
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Write report.html, which needs nothing but itself, and model_card.md of a run.

    In RUN they are drawn anew each time. What was not evaluated or audited yet is said on them.
    """
    from lungscope.report.reporting import write_report
    from lungscope.training.run import Run

    terminal = Terminal(quiet=quiet)
    written = write_report(Run.open(run), out, force=force)
    terminal.say(
        f"Wrote {escape(str(written.page))} and {escape(str(written.card))}.  {DISCLAIMER}"
    )
