"""Recipes that have a name, and the reading of one by name or file."""

from collections.abc import Mapping

from lungscope.errors import InvalidSetting
from lungscope.training.recipe import Recipe

PAPER_RECIPE = Recipe()
"""The paper's recipe, to the letter."""

ROBUST_RECIPE = Recipe(
    normalisation="image",
    size=192,
    start_size=160,
    epochs=20,
    patience=20,
    optimiser="adamw",
    learning_rate=8e-4,
    weight_decay=0.03,
    schedule="cosine",
    warmup=1,
    ema=0.995,
    mixup=0.1,
    label_smoothing=0.05,
    swap_surroundings=0.4,
    amplitude=0.3,
    within_sources=0.8,
    flip_vertical=0,
    zoom=0.2,
    shift=0.06,
    stretch=0.15,
    brightness=0.1,
    contrast=0.35,
    gamma=0.35,
    equalize=0.05,
    sharpness=0.6,
    low_resolution=0.3,
    resolution=0.4,
    jpeg=0.15,
    noise=0.02,
    erase_border=0.25,
    erase_corners=0.15,
    balance_classes=1,
    balance_sources=0.6,
    selection="balanced",
)
"""For data of several hospitals.

What a hospital, its detector and its marks decide is varied within each class, classes and
hospitals are drawn about equally often, and normal is told from abnormal within hospitals that have
both. docs/experiments.md has what it gave on hospitals that were held out."""

RECIPES: Mapping[str, Recipe] = {"paper": PAPER_RECIPE, "robust": ROBUST_RECIPE}
"""Recipes that have a name, for `--recipe NAME`."""

_SUFFIXES = (".yaml", ".yml", ".json")


def find_recipe(name: str) -> Recipe:
    """Returns a named recipe, or reads a recipe file.

    Args:
        name: one of `RECIPES`, or the path of a .yaml, .yml or .json file.

    Raises:
        InvalidSetting: neither, or the file is not a recipe.
        NotFound: the file does not exist.

    Examples:
        >>> find_recipe("paper").learning_rate
        0.01
    """
    if name in RECIPES:
        return RECIPES[name]
    if not name.lower().endswith(_SUFFIXES):
        raise InvalidSetting(
            f"recipe {name!r} is unknown; give {', '.join(RECIPES)}, or a file named "
            f"{', '.join(_SUFFIXES)}"
        )
    return Recipe.load(name)
