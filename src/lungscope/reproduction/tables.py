"""Writes the table as `table1.csv`, `table1.json` and `table1.md`, and `times.json`."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from lungscope.atomic import write_json, write_text
from lungscope.reproduction.aggregation import METRICS, Metric
from lungscope.reproduction.reproduction import Reproduction
from lungscope.reproduction.row import STATE_WORDS, ResultRow

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


def write_tables(reproduction: Reproduction, folder: Path) -> None:
    """Writes the table in three formats and the times, each file whole or not at all.

    Raises:
        LungscopeError: the folder can't be written to.
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
