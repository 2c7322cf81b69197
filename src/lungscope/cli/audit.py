"""`lungscope audit`: how much of an accuracy depends on the lung?"""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from lungscope.about import DISCLAIMER
from lungscope.cli.options import (
    CacheFolder,
    Device,
    Force,
    Json,
    Quiet,
    RunData,
    TrainedRun,
    Workers,
)
from lungscope.cli.report import say_left_out
from lungscope.cli.terminal import Terminal

if TYPE_CHECKING:
    from lungscope.audit.audit_report import AuditReport
    from lungscope.audit.finding import Verdict
    from lungscope.data.index import Index
    from lungscope.progress import OnProgress
    from lungscope.training.run import RunFolder

MARKS: "dict[Verdict, str]" = {
    "fail": "[bold red]FAIL[/]",
    "warn": "[bold yellow]WARN[/]",
    "pass": "[green]pass[/]",
    "not-measured": "[dim]n/a[/]",
}

FAILING: dict[str, set[str]] = {"fail": {"fail"}, "warn": {"fail", "warn"}, "never": set()}
"""By the value of --fail-on, the verdicts that set the exit code to 1."""


def audit(
    run: TrainedRun,
    data: RunData = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Output folder.", show_default="RUN/audit")
    ] = None,
    fail_on: Annotated[
        Literal["fail", "warn", "never"],
        typer.Option(help="Least severe verdict that sets the exit code to 1."),
    ] = "fail",
    device: Device = "auto",
    workers: Workers = None,
    cache: CacheFolder = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Audit a run: shortcuts, sources, leaks, robustness and heatmaps, with a verdict on each.

    The exit code is 1 if any finding fails: the accuracy, or a heatmap, cannot be trusted as it
    stands.
    """
    from lungscope.report.run_report import write_report
    from lungscope.training.run import RunFolder

    terminal = Terminal(quiet=quiet, json=json)
    audited = _audited(
        run, data, out, terminal, device=device, workers=workers, cache=cache, force=force
    )
    terminal.say(_table(audited))
    counts = ", ".join(f"{count} {verdict}" for verdict, count in audited.counts.items())
    reported = ""
    if out is None:  # a report is made of what is in the run's own folder
        written = write_report(RunFolder.open(run))
        say_left_out(written, run, terminal)
        reported = f" and {written.page} with model_card.md"
    folder = out or RunFolder.open(run).audit
    terminal.say(escape(f"{counts}.  Wrote {folder} (audit.json, figures){reported}."))
    terminal.say(DISCLAIMER)
    terminal.answer(audited.to_json())
    if any(finding.verdict in FAILING[fail_on] for finding in audited.findings):
        raise typer.Exit(1)


def _audited(
    folder: Path,
    data: Path | None,
    out: Path | None,
    terminal: Terminal,
    *,
    device: Literal["auto", "cpu", "cuda"],
    workers: int | None,
    cache: Path | None,
    force: bool,
) -> "AuditReport":
    from lungscope.audit.run_audit import audit_run
    from lungscope.training.execution import Execution
    from lungscope.training.run import RunFolder

    run = RunFolder.open(folder)
    execution = Execution(device)
    execution.prepare()
    with ExitStack() as bars:

        def progress(step: str) -> "OnProgress":
            return bars.enter_context(terminal.progress(step))

        return audit_run(
            run,
            _open_data(run, data),
            out or run.audit,
            device=execution.accelerator,
            force=force,
            workers=workers,
            cache_folder=cache,
            progress=progress,
        )


def _open_data(run: "RunFolder", data: Path | None) -> "Index":
    """Opens the data of a run, where it was when it trained or where it is now."""
    from lungscope.data.index import Index
    from lungscope.errors import NotFound

    split = run.split
    if data is not None:
        return split.open_index(split.find_root(data)) if split.data_sets else Index.open(data)
    try:
        return split.open_index(Path(run.facts["data"]))
    except NotFound as error:
        place = run.facts["data"]
        raise NotFound(f"{place}: the data is not there any more", remedy="data") from error


def _table(audited: "AuditReport") -> Table:
    table = Table("", "question", "answer", box=None, pad_edge=False, show_lines=True)
    for finding in audited.findings:
        table.add_row(MARKS[finding.verdict], escape(finding.title), escape(finding.statement))
    return table
