"""The recipe of a run beside the paper's, field by field."""

from dataclasses import dataclass

from lungscope.report.facts import RunFacts
from lungscope.text import format_short
from lungscope.training.recipe import PAPER_RECIPE
from lungscope.training.setting import list_settings


@dataclass(frozen=True)
class Field:
    """One field of a recipe.

    Attributes:
        name: in `recipe.json`.
        meaning: what it is, in words.
        value: the run's value.
        paper: the paper's value, or that it names none.
        departs: whether the run's value differs from the paper's.
    """

    name: str
    meaning: str
    value: str
    paper: str
    departs: bool


def fields(facts: RunFacts) -> tuple[Field, ...]:
    """Returns every field of a run's recipe, in the recipe's order."""
    own = facts.recipe.to_json() | {"weights": facts.weights}
    paper = PAPER_RECIPE.to_json()
    return tuple(
        Field(
            name=name,
            meaning=each.meaning,
            value=_shown(own[name]),
            paper=each.unnamed or _shown(paper.get(name, each.default)),
            departs=each.unnamed is None and own[name] != paper.get(name, each.default),
        )
        for name, each in list_settings(facts.recipe).items()
    )


def _shown(value: object) -> str:
    return format_short(value) if isinstance(value, float) else str(value)
