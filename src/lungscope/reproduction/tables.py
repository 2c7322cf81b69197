"""Reads the runs and writes their table: `table1.csv`, `.json` and `.md`, and `times.json`."""

import csv
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lungscope.atomic import write_json, write_text
from lungscope.audit.baselines import Baseline
from lungscope.data.split import Split
from lungscope.errors import LungscopeError
from lungscope.models import Shape, get_architecture
from lungscope.models.cost import Cost, compute_cost
from lungscope.reproduction.aggregation import METRICS, Metric
from lungscope.reproduction.data_arguments import UNNAMED, DataArguments
from lungscope.reproduction.job import Job
from lungscope.reproduction.page import draw_all_models, draw_curves, list_figures
from lungscope.reproduction.plan import Plan
from lungscope.reproduction.reproduction import Reproduction
from lungscope.reproduction.row import STATE_WORDS, Problem, ResultRow, make_row
from lungscope.reproduction.runner import TrainedPart, read_trained

TABLE = "table1"
TIMES = "times.json"
_SIZE_COLUMNS = (
    "model",
    "initial weights",
    "best epoch",
    "epochs",
    "epochs, paper",
    "parameters of the original, M",
    "paper, M",
    "parameters here, M",
    "trained, M",
)


class ResultsTable:
    """The table of a reproduction, updated after each model.

    Attributes:
        costs: parameters and work of each model.
    """

    def __init__(
        self,
        plan: Plan,
        splits: Sequence[Split],
        jobs: Mapping[str, Sequence[Job]],
        folder: Path,
        shortcuts: Sequence[Baseline] = (),
        data: DataArguments = UNNAMED,
    ) -> None:
        self._plan = plan
        self._splits = tuple(splits)
        self._jobs = jobs
        self._folder = folder
        self._shortcuts = tuple(shortcuts)
        self._data = data
        self._trained: dict[str, tuple[TrainedPart, ...]] = {}
        self._rows: dict[str, ResultRow] = {}
        shape = Shape(len(splits[0].classes), plan.recipe.se_reduction)
        self.costs: dict[str, Cost] = {
            model: compute_cost(get_architecture(model), shape, plan.recipe.size) for model in jobs
        }
        for model in jobs:
            self.update(model)

    def update(self, model: str, problem: Problem | None = None) -> ResultRow:
        """Reads a model's runs again, draws its learning curves and returns its new row.

        Args:
            model: name of the architecture.
            problem: what went wrong with one of its trainings.
        """
        jobs = self._jobs[model]
        trained: list[TrainedPart] = []
        for job in jobs:
            found = _read(job)
            if isinstance(found, TrainedPart):
                trained.append(found)
            problem = problem or (found if isinstance(found, Problem) else None)
        epochs = {job.part.name: len(job.history) for job in jobs}
        self._trained[model] = tuple(trained)
        self._rows[model] = make_row(
            self._plan, model, self.costs[model], trained, epochs, self._without_folder(problem)
        )
        draw_curves(self._folder, self._plan, model, trained)
        return self._rows[model]

    def write(self) -> Reproduction:
        """Writes the tables and Figure 9 of what is done.

        Raises:
            Inaccessible: the folder can't be written to.
        """
        draw_all_models(self._folder, self._plan, self._trained)
        reproduction = Reproduction(
            self._plan,
            self._splits,
            tuple(self._rows.values()),
            list_figures(self._plan, self._trained),
            self._shortcuts,
            self._data,
        )
        write_tables(reproduction, self._folder)
        return reproduction

    def _without_folder(self, problem: Problem | None) -> Problem | None:
        """Makes paths in a message relative, so that results do not depend on the folder."""
        if problem is None:
            return None
        return replace(problem, reason=problem.reason.replace(f"{self._folder}{os.sep}", ""))


def _read(job: Job) -> TrainedPart | Problem | None:
    try:
        return read_trained(job)
    except LungscopeError as error:  # a damaged run fails its own row, not the others
        return Problem("failed", str(error))


def write_tables(reproduction: Reproduction, folder: Path) -> None:
    """Writes the table in three formats and the times, each file whole or not at all.

    Raises:
        Inaccessible: the folder can't be written to.
    """
    write_json(folder / f"{TABLE}.json", reproduction.to_json())
    write_text(folder / f"{TABLE}.csv", _csv(reproduction))
    write_text(folder / f"{TABLE}.md", format_markdown(reproduction))
    write_json(folder / TIMES, reproduction.times())


def format_metric(row: ResultRow, metric: Metric) -> str:
    """Formats a metric with its interval, e.g. "0.9033 (95 % 0.8742 to 0.9305)", or ""."""
    measured = row.metrics.get(metric)
    return "" if measured is None else f"{measured:.4f}"


def format_published(row: ResultRow, metric: Metric) -> str:
    """Formats the paper's number, or says that there is none."""
    return "not in the paper" if row.published is None else f"{getattr(row.published, metric):.4f}"


def format_state(row: ResultRow) -> str:
    """Formats the state of a row briefly, e.g. "unfinished: 1 of 3"; "" if it is complete."""
    if row.state == "complete":
        return ""
    words = STATE_WORDS[row.state]
    return f"{words}: {len(row.parts)} of {row.wanted}" if row.metrics else words


def format_epochs(values: Sequence[int]) -> str:
    """Formats epochs of one training or of several: "19", or "19, 23, 21"."""
    return ", ".join(str(value) for value in values)


def format_markdown(reproduction: Reproduction) -> str:
    """Formats the table as Markdown: metrics, then epochs and parameters, then the notes."""
    parts = [
        f"# {reproduction.title}",
        _grid(
            ["model", *_columns("accuracy"), *_columns("loss, nats")],
            [_metrics(row, "accuracy", "loss") for row in reproduction.rows],
        ),
        _grid(
            ["model", *_columns("F1"), *_columns("precision")],
            [_metrics(row, "f1", "precision") for row in reproduction.rows],
        ),
        "Recall, weighted by class support, equals accuracy in every row, here and in the paper.",
        _grid(
            list(_SIZE_COLUMNS),
            [_sizes(row) for row in reproduction.rows],
        ),
        *_shortcuts(reproduction),
        "\n".join(f"- {_escaped(note)}" for note in reproduction.notes),
    ]
    return "\n\n".join(parts) + "\n"


def _shortcuts(reproduction: Reproduction) -> list[str]:
    if not reproduction.shortcuts:
        return []
    rows = [[each.title, each.sees, f"{each.accuracy:.4f}"] for each in reproduction.shortcuts]
    return [
        "Accuracy on the same split without seeing the lung:",
        _grid(["classifier", "sees", "accuracy"], rows),
    ]


def _columns(metric: str) -> tuple[str, str, str]:
    return metric, "paper", "verdict"


def _metrics(row: ResultRow, *metrics: Metric) -> list[str]:
    cells = [row.title]
    for place, metric in enumerate(metrics):
        state = format_state(row) if place == 0 else ""
        found = " ".join(text for text in (format_metric(row, metric), state) if text)
        cells += [found, format_published(row, metric), row.verdict(metric) or ""]
    return cells


def _sizes(row: ResultRow) -> list[str]:
    paper = row.published
    return [
        row.title,
        row.weights,
        format_epochs(row.best_epochs),
        format_epochs(row.epochs),
        "" if paper is None or paper.epochs is None else f"about {paper.epochs}",
        f"{row.cost.original_parameters / 1e6:.2f}",
        "" if paper is None or paper.parameters is None else f"{paper.parameters:g}",
        f"{row.cost.parameters / 1e6:.2f}",
        f"{row.cost.trained_parameters / 1e6:.4f}",
    ]


def _grid(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_escaped(cell) for cell in line) + " |" for line in lines)


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _csv(reproduction: Reproduction) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = ("", "_low", "_high", "_mean", "_standard_deviation", "_published", "_verdict")
    writer.writerow(
        ["model", "labels", "weights", "state", "reason", "trainings", "trainings_wanted"]
        + ["images", "groups"]
        + [f"{metric}{column}" for metric in METRICS for column in columns]
        + ["best_epochs", "epochs", "epochs_published", "original_parameters"]
        + ["parameters_published_millions", "parameters", "trained_parameters"]
    )
    for row in reproduction.rows:
        paper = row.published
        writer.writerow(
            [row.model, "; ".join(reproduction.plan.labels), row.weights, row.state, row.reason]
            + [len(row.parts), row.wanted, row.images, row.groups]
            + [cell for metric in METRICS for cell in _csv_metric(row, metric)]
            + [format_epochs(row.best_epochs), format_epochs(row.epochs), paper and paper.epochs]
            + [row.cost.original_parameters, paper and paper.parameters]
            + [row.cost.parameters, row.cost.trained_parameters]
        )
    return text.getvalue()


def _csv_metric(row: ResultRow, metric: Metric) -> list[object]:
    paper = None if row.published is None else getattr(row.published, metric)
    measured = row.metrics.get(metric)
    if measured is None:
        return [None] * 5 + [paper, None]
    estimate = measured.estimate
    return [
        estimate.value,
        estimate.low,
        estimate.high,
        measured.mean,
        measured.deviation,
        paper,
        row.verdict(metric),
    ]
