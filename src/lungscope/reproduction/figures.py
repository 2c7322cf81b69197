"""The paper's nine figures, made again: one X-ray a class, learning curves, all models in one."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lungscope.data.cache import Cache
from lungscope.data.split import Split
from lungscope.evaluation.run_evaluation import draw_test_samples
from lungscope.figures.learning_curves import draw_learning_curves
from lungscope.figures.validation_accuracy import draw_validation_accuracy
from lungscope.models import get_architecture
from lungscope.reproduction.paper import TABLE_1
from lungscope.reproduction.plan import Plan
from lungscope.reproduction.reproduction import ReproductionFigure
from lungscope.reproduction.runner import TrainedPart

FIGURES = "figures"
SAMPLES = ReproductionFigure(f"{FIGURES}/figure-1.png", "Figure 1. One radiograph of each class", 1)
_FIRST_CURVES, _ALL = 2, 9


def draw_radiographs(folder: Path, cache: Cache, split: Split) -> None:
    """Draws Figure 1: the first test image of each class."""
    draw_test_samples(folder / SAMPLES.file, cache, split)


def draw_curves(folder: Path, plan: Plan, model: str, trained: Sequence[TrainedPart]) -> None:
    """Draws the learning curves of a model's first training that is done, if there is one."""
    if trained:
        picture = _curves(plan, model, trained)
        draw_learning_curves(folder / picture.file, trained[0].history, picture.title)


def draw_all_models(folder: Path, plan: Plan, trained: Mapping[str, Sequence[TrainedPart]]) -> None:
    """Draws Figure 9 over the models that are done, if there are any."""
    histories = {
        get_architecture(model).title: each[0].history for model, each in trained.items() if each
    }
    if histories:
        picture = _all_models(plan)
        draw_validation_accuracy(folder / picture.file, histories, picture.title)


def list_figures(
    plan: Plan, trained: Mapping[str, Sequence[TrainedPart]]
) -> tuple[ReproductionFigure, ...]:
    """The figures of what is done, in the paper's order; those of other models come last."""
    curves = [_curves(plan, model, each) for model, each in trained.items() if each]
    every = [SAMPLES, *curves, *([_all_models(plan)] if curves else [])]
    return tuple(sorted(every, key=lambda picture: picture.number or _ALL + 1))


def _curves(plan: Plan, model: str, trained: Sequence[TrainedPart]) -> ReproductionFigure:
    papers = list(TABLE_1)
    number = _FIRST_CURVES + papers.index(model) if model in papers else None
    name = get_architecture(model).title
    title = name if number is None else f"Figure {number}. {name}"
    file = f"{FIGURES}/figure-{model if number is None else number}.png"
    return ReproductionFigure(file, _labelled(plan, title, trained[0].part.title), number, model)


def _all_models(plan: Plan) -> ReproductionFigure:
    title = f"Figure {_ALL}. Validation accuracy of all models"
    return ReproductionFigure(
        f"{FIGURES}/figure-{_ALL}.png", _labelled(plan, title, plan.parts[0].title), _ALL
    )


def _labelled(plan: Plan, title: str, part: str) -> str:
    if len(plan.parts) > 1:
        count = len(plan.parts)
        title += f", {part} of {count}" if plan.folds else f", {part} (one of {count} trainings)"
    return "; ".join((title, *plan.labels))
