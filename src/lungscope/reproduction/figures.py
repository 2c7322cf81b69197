"""The paper's nine figures: a radiograph per class, learning curves, all models in one."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lungscope.data.cache import Cache
from lungscope.data.split import Split
from lungscope.evaluation.run_evaluation import draw_test_samples
from lungscope.figures.learning_curves import draw_learning_curves, draw_validation_accuracy
from lungscope.models import get_architecture
from lungscope.reproduction.paper import TABLE_1
from lungscope.reproduction.plan import Plan
from lungscope.reproduction.reproduction import ReproductionFigure
from lungscope.reproduction.runner import TrainedPart

FIGURES = "figures"
SAMPLES = ReproductionFigure(f"{FIGURES}/figure-1.png", "Figure 1. One radiograph of each class", 1)
_FIRST_CURVES, _ALL_MODELS = 2, 9
"""Numbers of figures in the paper: 2 to 8 are learning curves, in the order of Table I."""


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
