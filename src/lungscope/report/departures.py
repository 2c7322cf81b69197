"""The recipe of a run beside the paper's, field by field."""

from dataclasses import dataclass

from lungscope.report.facts import RunFacts
from lungscope.text import format_short
from lungscope.training.recipe import PAPER_RECIPE

_MEANINGS = {
    "model": "model",
    "weights": "starting weights",
    "size": "side of the input, pixels",
    "batch_size": "images a step",
    "learning_rate": "learning rate of SGD",
    "momentum": "momentum",
    "weight_decay": "weight decay",
    "lr_step": "epochs between drops of the rate",
    "lr_gamma": "factor of each drop",
    "epochs": "most epochs",
    "patience": "epochs without a better validation accuracy",
    "flip_horizontal": "horizontal flip, probability",
    "flip_vertical": "vertical flip, probability",
    "rotation": "largest rotation, degrees",
    "se_reduction": "reduction of the SE block",
    "seed": "seed",
}

_UNNAMED = {
    "model": "any of seven",
    "batch_size": "names none",
    "weight_decay": "names none",
    "epochs": "names none",
    "se_reduction": "names none",
    "seed": "names none",
}
"""Of what the paper names no one value, so that no value departs from it."""


@dataclass(frozen=True)
class Field:
    """One field of a recipe.

    Attributes:
        name: in `recipe.json`.
        meaning: in words.
        value: of the run.
        paper: the paper's value, or that it names none.
        departs: whether the run's is another one.
    """

    name: str
    meaning: str
    value: str
    paper: str
    departs: bool


def fields(facts: RunFacts) -> tuple[Field, ...]:
    """Every field of a run's recipe, in the recipe's order."""
    paper = PAPER_RECIPE.to_json()
    own = facts.recipe.to_json() | {"weights": facts.weights}
    return tuple(
        Field(
            name=name,
            meaning=_MEANINGS[name],
            value=_shown(value),
            paper=_UNNAMED.get(name, _shown(paper[name])),
            departs=name not in _UNNAMED and value != paper[name],
        )
        for name, value in own.items()
    )


def _shown(value: object) -> str:
    return format_short(value) if isinstance(value, float) else str(value)
