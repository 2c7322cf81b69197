"""Console output of `lungscope reproduce`: a progress bar, a line per epoch, the tables."""

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from lungscope.cli.terminal import Terminal
from lungscope.cli.training import describe_weights, epoch_line
from lungscope.progress import OnProgress

if TYPE_CHECKING:
    from lungscope.reproduction.job import Job
    from lungscope.reproduction.progress_estimate import RunProgress
    from lungscope.reproduction.reproduction import Reproduction
    from lungscope.reproduction.row import ResultRow
    from lungscope.reproduction.workflow import ReproductionCallbacks
    from lungscope.training.history import Epoch


class ConsoleReporter:
    """Reports the progress of a reproduction: a bar over all epochs on a terminal, and lines."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[state]}"),
            console=terminal.err,
            transient=True,
            disable=terminal.silent or not terminal.err.is_terminal,
        )
        self._task = self._bar.add_task("", total=None, state="")
        self._left = ""

    @property
    def callbacks(self) -> "ReproductionCallbacks":
        """The callbacks for `reproduce`."""
        from lungscope.reproduction.workflow import ReproductionCallbacks

        return ReproductionCallbacks(
            on_decoding=self._counter("decoding images"),
            on_features=self._counter("computing features"),
            on_training_start=self._start_training,
            on_progress=self._show_progress,
            on_epoch_end=self._end_epoch,
            on_testing=self._counter("classifying"),
            on_problem=self._report_problem,
            on_row=self._report_row,
            on_interrupt=lambda: self._terminal.err.print(
                "stopping after this epoch (press Ctrl-C again to stop at once)"
            ),
        )

    def hide(self) -> None:
        """Hides the bar, so that text can be printed; the next step shows it again."""
        self._bar.stop()

    def _show(self, task: str, done: float, total: float, state: str) -> None:
        self._bar.update(
            self._task, description=task, completed=done, total=total or None, state=state
        )
        self._bar.start()

    def _say(self, text: str) -> None:
        self.hide()
        self._terminal.say(escape(text))

    def _counter(self, task: str) -> OnProgress:
        def show(done: int, total: int) -> None:
            self._show(task, done, total, f"{done}/{total} images")
            if done == total:
                self.hide()

        return show

    def _show_progress(self, progress: "RunProgress") -> None:
        from lungscope.reproduction.progress_estimate import describe_remaining

        self._left = describe_remaining(progress.remaining_seconds)
        so_far = f"{progress.epochs:.1f} of about {progress.expected_epochs} epochs, {self._left}"
        self._show("all models", progress.epochs, progress.expected_epochs, so_far)

    def _start_training(self, job: "Job") -> None:
        begun = len(job.history)
        continued = f", continuing after epoch {begun}" if begun else ""
        self._say(f"{_name(job)}: training {describe_weights(job.recipe.weights)}{continued}")

    def _end_epoch(self, job: "Job", epoch: "Epoch", best: bool, progress: "RunProgress") -> None:
        self._show_progress(progress)
        self._say(f"{_name(job)}, {epoch_line(epoch, best=best)}  |  {self._left}")

    def _report_problem(self, job: "Job", reason: str) -> None:
        self._say(f"{_name(job)}: {reason}")

    def _report_row(self, row: "ResultRow") -> None:
        from lungscope.reproduction.row import STATE_WORDS
        from lungscope.reproduction.tables import format_metric, format_published

        state = "" if row.state == "complete" else STATE_WORDS[row.state]
        if not row.metrics:
            self._say(f"{row.title}: {state}")
            return
        paper = "not in the paper"
        if row.published is not None:  # no verdict: test images of one group have no interval
            verdict = row.verdict("accuracy") or "no interval to compare"
            paper = f"paper {format_published(row, 'accuracy')}: {verdict}"
        found = f"accuracy {format_metric(row, 'accuracy')}, {paper}"
        self._say(f"{row.title}: {'; '.join(filter(None, (found, state)))}")


def metrics_table(reproduction: "Reproduction") -> Table:
    """Creates the table of metrics beside the paper's, with epochs and time."""
    from lungscope.reproduction.tables import (
        format_epochs,
        format_metric,
        format_published,
        format_state,
    )

    table = Table(
        *("model", "weights", "accuracy", "paper", "verdict"),
        *("loss (nats)", "paper", "F1", "paper", "epochs", "time"),
        box=None,
    )
    for row in reproduction.rows:
        accuracy = " ".join(filter(None, (format_metric(row, "accuracy"), format_state(row))))
        papers = [
            "-" if row.published is None else format_published(row, name)
            for name in ("accuracy", "loss", "f1")
        ]
        loss, f1 = (
            f"{row.metrics[name].estimate.value:.4f}" if row.metrics else ""
            for name in ("loss", "f1")
        )
        verdict = row.verdict("accuracy") or ("not in the paper" if row.published is None else "")
        table.add_row(
            *(row.title, row.weights, accuracy, papers[0], verdict),
            *(loss, papers[1], f1, papers[2], format_epochs(row.epochs), _time(row)),
        )
    return table


def sizes_table(reproduction: "Reproduction") -> Table:
    """Creates the table of parameter counts: the 1,000-class originals, the paper's and ours."""
    table = Table("model", "parameters of the original", "paper", "here", "trained", box=None)
    for row in reproduction.rows:
        paper = None if row.published is None else row.published.parameters
        table.add_row(
            row.title,
            f"{row.cost.original_parameters / 1e6:.2f} M",
            "-" if paper is None else f"{paper:g} M",
            f"{row.cost.parameters / 1e6:.2f} M",
            f"{row.cost.trained_parameters:,}",
        )
    return table


def shortcuts_table(reproduction: "Reproduction") -> Table:
    """Creates the table of classifiers that do not see the lung, on the same split."""
    table = Table("without seeing the lung", "accuracy", box=None)
    for each in reproduction.shortcuts:
        table.add_row(each.title, f"{each.accuracy:.4f}")
    return table


def _name(job: "Job") -> str:
    return f"{job.model}, {job.part.title}"


def _time(row: "ResultRow") -> str:
    if not row.seconds:
        return ""
    minutes = sum(row.seconds) / 60
    return f"{60 * minutes:.0f} s" if minutes < 2 else f"{minutes:.0f} min"
