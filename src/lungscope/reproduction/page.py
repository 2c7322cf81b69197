"""`report.html` of a reproduction: its table and figures beside the paper's, on one page."""

from collections.abc import Mapping
from pathlib import Path

from lungscope.atomic import write_text
from lungscope.data.split import GROUPED_BY
from lungscope.report.page import EmbeddedFigure, embed_figure, html
from lungscope.report.reporting import REPORT
from lungscope.reproduction.aggregation import Metric
from lungscope.reproduction.paper import PAPER_TITLE
from lungscope.reproduction.reproduction import Reproduction, ReproductionFigure, format_command
from lungscope.reproduction.row import STATE_WORDS, Verdict
from lungscope.text import format_count, format_quantity, join_words

_METRIC_TITLES: Mapping[Metric, str] = {
    "accuracy": "accuracy",
    "loss": "loss, nats",
    "precision": "precision (weighted)",
    "f1": "F1 (weighted)",
}

VERDICT_WORDS: Mapping[Verdict, str] = {
    "inside": "our interval contains the paper's number",
    "above": "our whole interval is above it",
    "below": "our whole interval is below it",
}


def write_page(reproduction: Reproduction, folder: Path) -> None:
    """Writes `report.html`, whole or not at all; the same results give the same bytes.

    Args:
        reproduction: what is done so far.
        folder: the reproduction's folder, with the figures in it.

    Raises:
        LungscopeError: a figure can't be read, or the page can't be written.
    """
    figures = [_embed(reproduction, figure, folder) for figure in reproduction.figures]
    write_text(folder / REPORT, _fill("reproduction.html.j2", reproduction, figures))


def format_table(reproduction: Reproduction) -> str:
    """Formats the table alone as HTML, e.g. for a notebook."""
    return _fill("reproduction-table.html.j2", reproduction, [])


def _fill(template: str, reproduction: Reproduction, figures: list[EmbeddedFigure]) -> str:
    return html(
        template,
        {
            "reproduction": reproduction,
            "metrics": _METRIC_TITLES,
            "state_words": STATE_WORDS,
            "verdict_words": VERDICT_WORDS,
            "counts": _count_verdicts(reproduction),
            "data": _describe_data(reproduction),
            "kept_together": GROUPED_BY[reproduction.splits[0].grouped_by],
            "command": format_command(reproduction.plan, reproduction.data),
            "paper_title": PAPER_TITLE,
            "figures": figures,
        },
    )


def _describe_data(reproduction: Reproduction) -> str:
    split, folds = reproduction.splits[0], reproduction.plan.folds
    images = format_quantity(len(split.entries), "image")
    subsets = (
        f"{format_count(len(split.subset('train')))} to train on, "
        f"{format_count(len(split.subset('validation')))} to choose the epoch, "
        f"{format_count(len(split.subset('test')))} to test on"
    )
    if folds is None:
        return f"{images}: {subsets}."
    return f"{images}, each tested once in {folds} folds; the first fold: {subsets}."


def _count_verdicts(reproduction: Reproduction) -> dict[Verdict, int]:
    """How many accuracies lie inside, above and below."""
    found = [row.verdict("accuracy") for row in reproduction.rows]
    return {verdict: found.count(verdict) for verdict in VERDICT_WORDS if verdict in found}


def _embed(reproduction: Reproduction, figure: ReproductionFigure, folder: Path) -> EmbeddedFigure:
    shown = _describe_curves(reproduction, figure.model)
    if figure.number == 1:
        shown = f"One radiograph of each class: {join_words(reproduction.splits[0].classes)}."
    return embed_figure(folder / figure.file, f"{figure.title}. {shown}", figure.title)


def _describe_curves(reproduction: Reproduction, model: str | None) -> str:
    for row in reproduction.rows:
        if row.model == model and row.metrics:
            return (
                "Loss and accuracy by epoch, training and validation. The best of "
                f"{format_quantity(row.epochs[0], 'epoch')} is epoch {row.best_epochs[0]}; test "
                f"accuracy {row.metrics['accuracy'].estimate.value:.4f}."
            )
    return "Validation accuracy by epoch, one line per model."
