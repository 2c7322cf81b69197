"""How `lungscope reproduce` tells a person what it does: one bar, a line an epoch, the table."""

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
    from lungscope.reproduction.reproducing import ReproductionCallbacks
    from lungscope.reproduction.reproduction import Reproduction
    from lungscope.reproduction.row import ResultRow
    from lungscope.training.history import Epoch


class ConsoleReporter:
    """Tells how a reproduction goes: a bar over all epochs on a terminal, lines everywhere."""

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
    def onlooker(self) -> "ReproductionCallbacks":
        """To be given to `reproduce`."""
        from lungscope.reproduction.reproducing import ReproductionCallbacks

        return ReproductionCallbacks(
            caching=self._counting("decoding images"),
            features=self._counting("computing features"),
            job=self._job,
            standing=self._standing,
            epoch=self._epoch,
            testing=self._counting("classifying"),
            problem=self._problem,
            row=self._row,
            interrupt=lambda: self._terminal.err.print(
                "stopping after this epoch (Ctrl-C again: at once)"
            ),
        )

    def hide(self) -> None:
        """Takes the bar away, so that words stand alone; the next step shows it again."""
        self._bar.stop()

    def _show(self, what: str, done: float, total: float, state: str) -> None:
        self._bar.update(
            self._task, description=what, completed=done, total=total or None, state=state
        )
        self._bar.start()

    def _say(self, words: str) -> None:
        self.hide()
        self._terminal.say(escape(words))

    def _counting(self, what: str) -> OnProgress:
        def show(done: int, total: int) -> None:
            self._show(what, done, total, f"{done}/{total} images")
            if done == total:
                self.hide()

        return show

    def _standing(self, standing: "RunProgress") -> None:
        from lungscope.reproduction.progress_estimate import describe_remaining

        self._left = describe_remaining(standing.seconds)
        so_far = f"{standing.epochs:.1f} of about {standing.expected} epochs, {self._left}"
        self._show("all models", standing.epochs, standing.expected, so_far)

    def _job(self, job: "Job") -> None:
        begun = len(job.history)
        goes_on = f", goes on after epoch {begun}" if begun else ""
        self._say(f"{_name(job)}: training {describe_weights(job.recipe.weights)}{goes_on}")

    def _epoch(self, job: "Job", epoch: "Epoch", best: bool, standing: "RunProgress") -> None:
        self._standing(standing)
        self._say(f"{_name(job)}, {epoch_line(epoch, best=best)}  |  {self._left}")

    def _problem(self, job: "Job", reason: str) -> None:
        self._say(f"{_name(job)}: {reason}")

    def _row(self, row: "ResultRow") -> None:
        from lungscope.reproduction.tables import number, published

        if not row.metrics:
            self._say(f"{row.title}: {row.state}")
            return
        verdict = row.verdict("accuracy")
        paper = f"paper {published(row, 'accuracy')}: {verdict}" if verdict else "not in the paper"
        state = "" if row.state == "complete" else f"; {row.state}"
        self._say(f"{row.title}: accuracy {number(row, 'accuracy')}, {paper}{state}")


def metrics_table(reproduction: "Reproduction") -> Table:
    """Table I beside the paper's, with epochs and time."""
    from lungscope.reproduction.tables import counts, number, published, state

    table = Table(
        *("model", "weights", "accuracy (95 % interval)", "paper", "verdict"),
        *("loss (nats)", "paper", "F1", "paper", "epochs", "time"),
        box=None,
    )
    for row in reproduction.rows:
        accuracy = " ".join(text for text in (number(row, "accuracy"), state(row)) if text)
        papers = [
            "-" if row.published is None else published(row, name)
            for name in ("accuracy", "loss", "f1")
        ]
        loss, f1 = (
            f"{row.metrics[name].estimate.value:.4f}" if row.metrics else ""
            for name in ("loss", "f1")
        )
        verdict = row.verdict("accuracy") or ("not in the paper" if row.published is None else "")
        table.add_row(
            *(row.title, row.weights, accuracy, papers[0], verdict),
            *(loss, papers[1], f1, papers[2], counts(row.epochs), _time(row)),
        )
    return table


def sizes_table(reproduction: "Reproduction") -> Table:
    """The parameter counts of the 1,000-class originals beside the paper's."""
    table = Table(
        "model", "parameters of the original", "paper", "here", "of them trained", box=None
    )
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
    """What the same split gives without a view of the lung."""
    from lungscope.reproduction.tables import interval

    table = Table("without a view of the lung", "accuracy (95 % interval)", box=None)
    for each in reproduction.shortcuts:
        table.add_row(each.title, interval(each.accuracy))
    return table


def _name(job: "Job") -> str:
    return f"{job.model}, {job.part.title}"


def _time(row: "ResultRow") -> str:
    if not row.seconds:
        return ""
    minutes = sum(row.seconds) / 60
    return f"{60 * minutes:.0f} s" if minutes < 2 else f"{minutes:.0f} min"
