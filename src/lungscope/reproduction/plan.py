"""The plan of a reproduction: every setting that decides the numbers of its table."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from lungscope.atomic import write_json
from lungscope.errors import InvalidData, InvalidSetting
from lungscope.json_files import load_json
from lungscope.models import get_architecture, list_architectures
from lungscope.models.weights import NONE
from lungscope.text import format_quantity
from lungscope.training.execution import Precision
from lungscope.training.recipe import Recipe
from lungscope.training.recipes import PAPER_RECIPE
from lungscope.training.setting import Setting, list_settings

PLAN = "reproduction.json"
FORMAT = "lungscope-reproduction"
VERSION = 1
_JOB_FIELDS = ("model", "seed")
"""Fields of the recipe that differ from training to training."""
_NOT_COMPARED = ("models", "seeds", "split")
"""Fields of the plan that may grow, and the split, which is compared by its fingerprint."""

SplitOrigin = Literal["drawn", "given"]


@dataclass(frozen=True)
class Part:
    """One of a model's trainings.

    Attributes:
        name: name of its run folder, e.g. "seed-0" or "fold-1".
        seed: seed of the training.
        split: index of the plan's split that it is trained on, from 0.
    """

    name: str
    seed: int
    split: int = 0

    @property
    def title(self) -> str:
        """The name in words, e.g. "seed 0"."""
        return self.name.replace("-", " ")


@dataclass(frozen=True)
class Plan:
    """Which models are trained, by which recipe, how often and on which splits.

    Attributes:
        models: names of architectures, in the order of the table; see `in_order`.
        recipe: recipe of every model; its `model` is replaced, and its `seed` is the first seed.
        seeds: number of trainings per model on one split, with consecutive seeds, >= 1.
        folds: number of folds of a cross-validation, >= 3; None for a single split.
        precision: arithmetic precision of training.
        split: whether the split is drawn with the first seed, or was given as a file.

    Raises:
        InvalidSetting: there is no model or an unknown one, or several seeds as well as folds.

    Examples:
        >>> plan = Plan(("vgg11", "mobilenet-lung"), seeds=3)
        >>> [part.title for part in plan.parts]
        ['seed 0', 'seed 1', 'seed 2']
    """

    models: tuple[str, ...]
    recipe: Recipe = PAPER_RECIPE
    seeds: int = 1
    folds: int | None = None
    precision: Precision = "32"
    split: SplitOrigin = "drawn"

    def __post_init__(self) -> None:
        for name in self.models:
            get_architecture(name)
        if not self.models or len(set(self.models)) < len(self.models):
            raise InvalidSetting("reproduction: name at least one model, and each only once")
        if self.folds is not None and self.seeds != 1:
            raise InvalidSetting("reproduction: give several seeds or folds, not both")
        if self.seeds < 1 or (self.folds is not None and self.folds < 3):
            raise InvalidSetting("reproduction: give at least 1 seed, or at least 3 folds")

    @property
    def parts(self) -> tuple[Part, ...]:
        """The trainings of each model."""
        first = self.recipe.seed
        if self.folds is None:
            return tuple(Part(f"seed-{n}", n) for n in range(first, first + self.seeds))
        return tuple(Part(f"fold-{n + 1}", first, n) for n in range(self.folds))

    def recipe_of(self, model: str, part: Part) -> Recipe:
        """Returns the recipe of one training."""
        return replace(self.recipe, model=model, seed=part.seed)

    @property
    def labels(self) -> tuple[str, ...]:
        """Departures from the paper's recipe in words, for every table and figure."""
        epochs = self.recipe.epochs
        words = {
            "epochs": f"quick look: at most {format_quantity(epochs, 'epoch')}",
            "weights": "from random weights"
            if self.recipe.weights == NONE
            else f"from the weights {Path(self.recipe.weights).name}",
        }
        departures = tuple(
            words.get(name) or _departure(each, getattr(self.recipe, name))
            for name, each in list_settings(self.recipe).items()
            if getattr(self.recipe, name) != each.default and name not in _JOB_FIELDS
        )
        half = {
            "32": (),
            "bf16": ("mixed precision, bfloat16",),
            "16": ("mixed precision, 16 bit",),
        }
        return departures + half[self.precision]

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object with every field."""
        shared = {k: v for k, v in self.recipe.to_json().items() if k not in _JOB_FIELDS}
        fields = {k: v for k, v in asdict(self).items() if k != "recipe"}
        return fields | {"first_seed": self.recipe.seed, "recipe": shared}

    def save(self, path: Path) -> None:
        """Writes the plan as JSON, atomically."""
        write_json(path, {"format": FORMAT, "version": VERSION} | self.to_json())

    @classmethod
    def load(cls, path: Path) -> "Plan":
        """Reads a plan that `save` wrote.

        Raises:
            NotFound: there is no such file.
            InvalidData: it is damaged, or not a plan of this version.
            Inaccessible: it cannot be read.
        """
        stored = load_json(path, _PlanFile, "reproduce-again")
        if (stored.format, stored.version) != (FORMAT, VERSION):
            raise InvalidData(
                f"{path}: not the plan of a reproduction, or of another version",
                remedy="reproduce-again",
            )
        try:
            return cls(
                models=stored.models,
                recipe=Recipe.from_json(stored.recipe | {"seed": stored.first_seed}),
                seeds=stored.seeds,
                folds=stored.folds,
                precision=stored.precision,
                split=stored.split,
            )
        except InvalidSetting as error:
            raise InvalidData(f"{path}: damaged ({error})", remedy="reproduce-again") from error

    def difference(self, before: "Plan") -> str | None:
        """Compares this plan with an earlier one whose results it would continue.

        More models and more seeds than before are no difference.

        Returns:
            The first difference, e.g. "weights none there, imagenet here"; None if there is none.
        """
        there, here = _flat(before), _flat(self)
        for name, value in there.items():
            if here[name] != value:
                return f"{name} {value} there, {here[name]} here"
        missing = [name for name in before.models if name not in self.models]
        if missing:
            return f"{', '.join(missing)} there, not here"
        if before.seeds > self.seeds:
            return f"{before.seeds} seeds there, {self.seeds} here"
        return None


@dataclass(frozen=True)
class _PlanFile:
    """What `Plan.save` writes."""

    format: str
    version: int
    models: tuple[str, ...]
    seeds: int
    folds: int | None
    precision: Precision
    split: SplitOrigin
    first_seed: int
    recipe: dict[str, Any]


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Sorts names of models as the paper's table does, each once.

    Raises:
        InvalidSetting: a name is unknown.

    Examples:
        >>> in_order(["mobilenet-lung", "vgg11", "mobilenet-lung"])
        ('vgg11', 'mobilenet-lung')
    """
    requested = {get_architecture(name).name for name in names}
    return tuple(known.name for known in list_architectures() if known.name in requested)


def _departure(field: Setting, value: object) -> str:
    paper = f": {field.default}" if field.unnamed is None else f" {field.unnamed}"
    return f"{field.meaning[0].lower()}{field.meaning[1:]}: {value} (paper{paper})"


def _flat(plan: Plan) -> dict[str, Any]:
    value = plan.to_json()
    recipe: dict[str, Any] = value.pop("recipe")
    return recipe | {k: v for k, v in value.items() if k not in _NOT_COMPARED}
