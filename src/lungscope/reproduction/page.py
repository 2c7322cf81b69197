"""The paper's nine figures, redrawn, and `report.html`, the page that shows them with the table."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lungscope.atomic import write_text
from lungscope.data.cache import Cache
from lungscope.data.split import GROUPED_BY, Split
from lungscope.evaluation.run_evaluation import draw_test_samples
from lungscope.figures.learning_curves import draw_learning_curves, draw_validation_accuracy
from lungscope.models import get_architecture
from lungscope.report.page import EmbeddedFigure, embed_figure, fill_html
from lungscope.report.run_report import REPORT
from lungscope.reproduction.aggregation import Metric
from lungscope.reproduction.plan import Plan
from lungscope.reproduction.reproduction import Reproduction, ReproductionFigure, format_command
from lungscope.reproduction.row import PAPER_TITLE, STATE_WORDS, TABLE_1, Verdict
from lungscope.reproduction.runner import TrainedPart
from lungscope.text import format_count, format_quantity, join_words

FIGURES = "figures"
SAMPLES = ReproductionFigure(f"{FIGURES}/figure-1.png", "Figure 1. One radiograph of each class", 1)
_FIRST_CURVES, _ALL_MODELS = 2, 9
"""Numbers of figures in the paper: 2 to 8 are learning curves, in the order of Table I."""

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


def draw_radiographs(folder: Path, cache: Cache, split: Split) -> None:
    """Draws Figure 1: the first test image of each class."""
    draw_test_samples(folder / SAMPLES.file, cache, split)


def draw_curves(folder: Path, plan: Plan, model: str, trained: Sequence[TrainedPart]) -> None:
    """Draws the learning curves of a model's first training that is done, if there is one."""
    if trained:
        figure = _curves(plan, model, trained)
        draw_learning_curves(folder / figure.file, trained[0].history, figure.title)


def draw_all_models(folder: Path, plan: Plan, trained: Mapping[str, Sequence[TrainedPart]]) -> None:
    """Draws Figure 9 of the models that are done, if there are any."""
    histories = {
        get_architecture(model).title: each[0].history for model, each in trained.items() if each
    }
    if histories:
        figure = _all_models(plan)
        draw_validation_accuracy(folder / figure.file, histories, figure.title)


def list_figures(
    plan: Plan, trained: Mapping[str, Sequence[TrainedPart]]
) -> tuple[ReproductionFigure, ...]:
    """Lists the figures of what is done: the paper's in its order, then those of other models."""
    curves = [_curves(plan, model, each) for model, each in trained.items() if each]
    figures = [SAMPLES, *curves, *([_all_models(plan)] if curves else [])]
    return tuple(sorted(figures, key=lambda figure: figure.number or _ALL_MODELS + 1))


def _curves(plan: Plan, model: str, trained: Sequence[TrainedPart]) -> ReproductionFigure:
    in_paper = list(TABLE_1)
    number = _FIRST_CURVES + in_paper.index(model) if model in in_paper else None
    name = get_architecture(model).title
    title = name if number is None else f"Figure {number}. {name}"
    file = f"{FIGURES}/figure-{model if number is None else number}.png"
    return ReproductionFigure(file, _labelled(plan, title, trained[0].part.title), number, model)


def _all_models(plan: Plan) -> ReproductionFigure:
    title = f"Figure {_ALL_MODELS}. Validation accuracy of all models"
    return ReproductionFigure(
        f"{FIGURES}/figure-{_ALL_MODELS}.png",
        _labelled(plan, title, plan.parts[0].title),
        _ALL_MODELS,
    )


def _labelled(plan: Plan, title: str, part: str) -> str:
    if len(plan.parts) > 1:
        count = len(plan.parts)
        title += f", {part} of {count}" if plan.folds else f", {part} (one of {count} trainings)"
    return "; ".join((title, *plan.labels))


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


def _fill(template: str, reproduction: Reproduction, figures: list[EmbeddedFigure]) -> str:
    return fill_html(
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
    """Counts the accuracies that lie inside, above and below."""
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
