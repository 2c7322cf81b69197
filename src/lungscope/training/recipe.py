"""A recipe: everything that decides what comes out of a training, as data."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from lungscope.atomic import write_json
from lungscope.data.augmentation import Augmentation
from lungscope.errors import LungscopeError

_BOUNDS: dict[str, tuple[float, float]] = {
    "size": (32, 1024),
    "batch_size": (1, 4096),
    "learning_rate": (1e-8, 10),
    "momentum": (0, 0.9999),
    "weight_decay": (0, 1),
    "lr_step": (1, 10_000),
    "lr_gamma": (1e-6, 1),
    "epochs": (1, 10_000),
    "patience": (1, 10_000),
    "flip_horizontal": (0, 1),
    "flip_vertical": (0, 1),
    "rotation": (0, 180),
    "se_reduction": (1, 32),
    "seed": (0, 2**32 - 1),
}


@dataclass(frozen=True)
class Recipe:
    """The paper's recipe unless a field says otherwise (paper, sections III-B to III-D).

    Attributes:
        model: name of the architecture.
        weights: where training starts from: "imagenet", "bundled" (the model in the box), "none",
            or a state dict's path.
        size: side of the input in pixels, >= 32.
        batch_size: images a step. The paper names none; 32 is torchvision's habit.
        learning_rate: of SGD at the start, > 0.
        momentum: of SGD, in [0, 1).
        weight_decay: of SGD, >= 0; the paper names none.
        lr_step: epochs between two drops of the learning rate, >= 1.
        lr_gamma: factor of each drop, in (0, 1].
        epochs: the most epochs to train. The paper has no limit but its patience; its longest
            training took about 33.
        patience: epochs without a better validation accuracy after which training stops.
        flip_horizontal, flip_vertical: probabilities of the two flips.
        rotation: largest rotation in degrees.
        se_reduction: of MobileNet-Lung's Squeeze-and-Excitation block.
        seed: of every random choice: new weights, order of images, augmentation, dropout.
    """

    model: str = "mobilenet-lung"
    weights: str = "imagenet"
    size: int = 224
    batch_size: int = 32
    learning_rate: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 0.0
    lr_step: int = 10
    lr_gamma: float = 0.1
    epochs: int = 100
    patience: int = 10
    flip_horizontal: float = 0.5
    flip_vertical: float = 0.5
    rotation: float = 10.0
    se_reduction: int = 16
    seed: int = 0

    def __post_init__(self) -> None:
        for name, (low, high) in _BOUNDS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise LungscopeError(f"recipe: {name} is {value}; give {low:g} to {high:g}")

    @property
    def augmentation(self) -> Augmentation:
        """How training images are varied."""
        return Augmentation(self.flip_horizontal, self.flip_vertical, self.rotation)

    def to_json(self) -> dict[str, Any]:
        """A JSON object with every field."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Recipe":
        """Reads a JSON object; fields that are missing keep the paper's value.

        Raises:
            LungscopeError: an unknown field, or a value of the wrong type or out of range.
        """
        types = {field.name: type(field.default) for field in fields(cls)}
        for name, given in value.items():
            if name not in types:
                raise LungscopeError(
                    f"recipe: field {name!r} is unknown; known are {', '.join(types)}"
                )
            wanted = (int, float) if types[name] is float else (types[name],)
            if not isinstance(given, wanted) or isinstance(given, bool):
                raise LungscopeError(f"recipe: {name} must be {types[name].__name__}, is {given!r}")
        return cls(**value)

    def save(self, path: Path) -> None:
        """Writes the recipe as JSON, atomically."""
        write_json(path, self.to_json())

    @classmethod
    def load(cls, path: Path) -> "Recipe":
        """Reads a recipe file.

        Raises:
            LungscopeError: not found, not JSON, or not a recipe.
        """
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise LungscopeError(f"{path}: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise LungscopeError(f"{path}: not JSON ({error})") from error
        if not isinstance(value, dict):
            raise LungscopeError(f"{path}: a recipe is a JSON object of fields and values")
        return cls.from_json(value)


PAPER_RECIPE = Recipe()
"""The paper's recipe, to the letter."""
