"""The table as files: `table1.csv`, `table1.json` and `table1.md`, and the times beside them."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from lungscope.atomic import write_json, write_text
from lungscope.estimate import Estimate
from lungscope.reproduction.aggregation import METRICS, Metric
from lungscope.reproduction.reproduction import Reproduction
from lungscope.reproduction.row import ResultRow

TABLE = "table1"
TIMES = "times.json"
TITLES: dict[Metric, str] = {
    "loss": "loss (nats)",
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
}
_SIZES = (
    "model",
    "starting weights",
    "best epoch",
    "epochs",
    "epochs, paper",
    "parameters of the original, M",
    "paper, M",
    "parameters here, M",
    "trained, M",
)


def write_tables(reproduction: Reproduction, folder: Path) -> None:
    """Writes the three forms of the table and the times, each file whole or not at all.

    Raises:
        LungscopeError: the folder can't be written to.
    """
    write_json(folder / f"{TABLE}.json", reproduction.to_json())
    write_text(folder / f"{TABLE}.csv", _csv(reproduction))
    write_text(folder / f"{TABLE}.md", markdown(reproduction))
    write_json(folder / TIMES, reproduction.times())


def number(row: ResultRow, metric: Metric, digits: int = 4) -> str:
    """A metric with deviation, if there is one, and interval: "0.9033 (0.8742 to 0.9305)"."""
    measured = row.metrics.get(metric)
    if measured is None:
        return ""
    return interval(measured.estimate, measured.deviation, digits)


def published(row: ResultRow, metric: Metric) -> str:
    """The paper's number, or that there is none."""
    return "not in the paper" if row.published is None else f"{getattr(row.published, metric):.4f}"


def state(row: ResultRow) -> str:
    """How far a row is, if there is anything to say."""
    if row.state == "complete":
        return ""
    if not row.metrics:
        return row.state
    return f"{row.state}: {len(row.parts)} of {row.wanted}"


def counts(values: Sequence[int]) -> str:
    """Epochs of one training or several: "19", or "19, 23, 21"."""
    return ", ".join(str(value) for value in values)


def markdown(reproduction: Reproduction) -> str:
    """The table as Markdown: the metrics, then epochs and parameters, then the notes."""
    parts = [
        f"# {reproduction.title}",
        _grid(
            ["model", *_beside("accuracy"), *_beside("loss, nats")],
            [_metrics(row, "accuracy", "loss") for row in reproduction.rows],
        ),
        _grid(
            ["model", *_beside("F1"), *_beside("precision")],
            [_metrics(row, "f1", "precision") for row in reproduction.rows],
        ),
        "Recall, weighted by class support, is accuracy in every row, here as in the paper.",
        _grid(
            list(_SIZES),
            [_sizes(row) for row in reproduction.rows],
        ),
        *_shortcuts(reproduction),
        "\n".join(f"- {_escaped(note)}" for note in reproduction.notes),
    ]
    return "\n\n".join(parts) + "\n"


def interval(estimate: Estimate, deviation: float | None = None, digits: int = 4) -> str:
    """A number, its deviation if there is one, and its interval: "0.8341 (0.7874 to 0.8805)"."""
    spread = "" if deviation is None else f" ± {deviation:.{digits}f}"
    bounds = f"{estimate.low:.{digits}f} to {estimate.high:.{digits}f}"
    return f"{estimate.value:.{digits}f}{spread} ({bounds})"


def _shortcuts(reproduction: Reproduction) -> list[str]:
    if not reproduction.shortcuts:
        return []
    rows = [[each.title, each.sees, interval(each.accuracy)] for each in reproduction.shortcuts]
    return [
        "What the same split gives without a view of the lung:",
        _grid(["classifier", "sees", "accuracy (95 % interval)"], rows),
    ]


def _beside(metric: str) -> tuple[str, str, str]:
    return f"{metric} (95 % interval)", "paper", "verdict"


def _metrics(row: ResultRow, *metrics: Metric) -> list[str]:
    cells = [row.title]
    for place, metric in enumerate(metrics):
        remark = state(row) if place == 0 else ""
        told = " ".join(text for text in (number(row, metric), remark) if text)
        cells += [told, published(row, metric), row.verdict(metric) or ""]
    return cells


def _sizes(row: ResultRow) -> list[str]:
    paper = row.published
    return [
        row.title,
        row.weights,
        counts(row.best_epochs),
        counts(row.epochs),
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
            + [counts(row.best_epochs), counts(row.epochs), paper and paper.epochs]
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
