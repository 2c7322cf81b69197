"""Recipes by name, and recipe files."""

import pytest

from lungscope.errors import InvalidSetting, NotFound
from lungscope.training.recipe import Recipe
from lungscope.training.recipes import PAPER_RECIPE, RECIPES, ROBUST_RECIPE, find_recipe


def test_recipes_are_found_by_name():
    assert {name: find_recipe(name) for name in RECIPES} == RECIPES
    assert find_recipe("paper") == PAPER_RECIPE == Recipe()


def test_the_robust_recipe_starts_from_nothing_but_imagenet():
    assert ROBUST_RECIPE.weights == "imagenet"
    assert ROBUST_RECIPE.model == PAPER_RECIPE.model


def test_the_robust_recipe_keeps_chests_upright():
    assert ROBUST_RECIPE.flip_vertical == 0
    assert not ROBUST_RECIPE.augmentation.views  # each view is seen once


def test_the_robust_recipe_varies_each_thing_that_a_hospital_decides():
    policy = ROBUST_RECIPE.photometric
    varied = (policy.gamma, policy.contrast, policy.sharpness, policy.low_resolution, policy.jpeg)
    assert min(*varied, policy.erase_border, policy.erase_corners) > 0


def test_the_robust_recipe_takes_away_what_tells_the_hospital():
    assert ROBUST_RECIPE.normalisation == "image"
    shares = (ROBUST_RECIPE.swap_surroundings, ROBUST_RECIPE.amplitude)
    assert min(*shares, ROBUST_RECIPE.within_sources) > 0


def test_a_file_is_read(tmp_path):
    (tmp_path / "mine.yaml").write_text("epochs: 3\n")
    assert find_recipe(str(tmp_path / "mine.yaml")) == Recipe(epochs=3)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(NotFound, match=r"mine\.yaml"):
        find_recipe(str(tmp_path / "mine.yaml"))


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(InvalidSetting, match="'robsut' is unknown; give paper, robust, or a file"):
        find_recipe("robsut")
