"""`report.html` of a reproduction: the paper's table and figures made again, on one page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lungscope.atomic import write_text
from lungscope.report.page import Picture, html, picture
from lungscope.text import format_count, format_quantity, join_words

_METRICS = {
    "accuracy": "accuracy",
    "loss": "loss, nats",
    "precision": "precision (weighted)",
    "f1": "F1 (weighted)",
}

VERDICT_WORDS = {
    "inside": "the paper's number lies in our interval",
    "above": "all of our interval lies above it",
    "below": "all of our interval lies below it",
}


def write_reproduction_report(
    table: Mapping[str, Any], figures: Sequence[tuple[Path, str]], path: Path
) -> None:
    """Writes the page, whole or not at all; the same table gives the same bytes.

    Args:
        table: the content of `table1.json`, as `Reproduction.to_json` gives it.
        figures: PNGs that are there, in their order, each with its caption.
        path: of the page.

    Raises:
        LungscopeError: a figure can't be read, or the page can't be written.
        jinja2.UndefinedError: the table lacks something.
    """
    write_text(
        path,
        html(
            "reproduction.html.j2",
            {
                "table": table,
                "metrics": _METRICS,
                "verdict_words": VERDICT_WORDS,
                "counts": _counts(table),
                "data": _data(table),
                "pictures": [_picture(table, *figure) for figure in figures],
            },
        ),
    )


def _data(table: Mapping[str, Any]) -> str:
    """How many images were trained on, chosen by and tested on."""
    subsets, folds = table["data"]["images"], table["plan"]["folds"]
    parts = (
        f"{format_count(subsets['train'])} trained on, {format_count(subsets['validation'])} to "
        f"choose the "
        f"epoch by, {format_count(subsets['test'])} to test on"
    )
    images = format_quantity(sum(subsets.values()), "image")
    return (
        f"{images}: {parts}."
        if folds is None
        else (f"{images}, each tested once in {folds} folds; the first fold: {parts}.")
    )


def _counts(table: Mapping[str, Any]) -> dict[str, int]:
    """How many accuracies lie inside, above and below."""
    found = [row["metrics"]["accuracy"]["verdict"] for row in table["rows"] if row["metrics"]]
    return {verdict: found.count(verdict) for verdict in VERDICT_WORDS if verdict in found}


def _picture(table: Mapping[str, Any], path: Path, caption: str) -> Picture:
    models = [each["model"] for each in table["pictures"] if Path(each["file"]).name == path.name]
    rows = [row for row in table["rows"] if row["model"] in models and row["metrics"]]
    told = [_told(row) for row in rows] or [
        "One radiograph of each class: " + join_words(table["data"]["classes"])
        if path.stem == "figure-1"
        else "Validation accuracy by epoch, one line a model"
    ]
    return picture(path, f"{caption}. {' '.join(told)}.", caption)


def _told(row: Mapping[str, Any]) -> str:
    best, epochs = row["best_epochs"][0], row["epochs"][0]
    return (
        "Loss and accuracy by epoch, training and validation: the best of "
        f"{format_quantity(epochs, 'epoch')} is epoch {best}; the test accuracy is "
        f"{row['metrics']['accuracy']['value']:.4f}"
    )
