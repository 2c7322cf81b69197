from dataclasses import dataclass, replace
from typing import Literal

import pytest

from lungscope.errors import InvalidSetting
from lungscope.training.recipe import Recipe
from lungscope.training.setting import list_settings, setting


@dataclass(frozen=True)
class Extended(Recipe):
    smoothing: float = setting(0.0, low=0, high=0.5, help="Smoothing", panel="Loss")
    solver: Literal["sgd", "adamw"] = setting("sgd", help="Optimiser", panel="Optimiser")
    mixing: float | None = setting(None, low=0, high=1, help="Alpha of mixing", panel="Loss")
    levels: tuple[float, float] = setting(
        (1.0, 1.0), low=0.5, high=2, help="Range of levels", panel="Augmentation"
    )
    averaged: bool = setting(False, help="Average the weights; slower", panel="Optimiser")


def test_settings_are_in_the_order_of_the_fields_with_their_defaults_and_ranges():
    found = list_settings(Extended)
    assert next(iter(found)) == "model"
    assert list(found)[-5:] == ["smoothing", "solver", "mixing", "levels", "averaged"]
    assert found["smoothing"].range == "0 to 0.5"
    assert found["seed"].range == "0 to 4294967295"
    assert found["averaged"].range == ""
    assert found["levels"].default == (1.0, 1.0)
    assert found["averaged"].meaning == "Average the weights"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("smoothing", 0.6, "recipe: smoothing is 0.6; give 0 to 0.5"),
        ("solver", "lion", "recipe: solver must be one of sgd, adamw, is 'lion'"),
        ("mixing", 2, "recipe: mixing is 2; give 0 to 1"),
        ("levels", (0.1, 1.0), r"recipe: levels is \(0.1, 1.0\); give 0.5 to 2"),
        ("smoothing", float("nan"), "is nan"),
    ],
)
def test_a_value_out_of_bounds_is_refused_whenever_a_recipe_is_made(field, value, message):
    with pytest.raises(InvalidSetting, match=message):
        Extended(**{field: value})
    with pytest.raises(InvalidSetting, match=message):
        replace(Extended(), **{field: value})


def test_every_kind_of_field_is_read_from_a_file_and_back(tmp_path):
    text = "mixing: null\nsolver: adamw\nlevels: [0.8, 1]\naveraged: true\nsmoothing: 1e-1\n"
    (tmp_path / "recipe.yaml").write_text(text)
    found = Extended.load(tmp_path / "recipe.yaml")
    assert (found.mixing, found.solver, found.levels) == (None, "adamw", (0.8, 1.0))
    assert (found.averaged, found.smoothing) == (True, 0.1)
    found.save(tmp_path / "recipe.json")
    assert Extended.load(tmp_path / "recipe.json") == found


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("averaged: 1", "averaged must be true or false, is 1"),
        ("levels: 1", "levels must be a list of 2, each a number, is 1"),
        ("mixing: much", "mixing must be a number or null, is 'much'"),
        ("optimizer: sgd", "field 'optimizer' is unknown"),
    ],
)
def test_a_wrong_line_of_a_file_is_refused_with_the_files_name(tmp_path, line, message):
    (tmp_path / "recipe.yml").write_text(line)
    with pytest.raises(InvalidSetting, match=message) as refusal:
        Extended.load(tmp_path / "recipe.yml")
    assert str(tmp_path / "recipe.yml") in str(refusal.value)


def test_a_number_without_bounds_or_a_field_without_setting_is_a_fault_of_the_class():
    @dataclass(frozen=True)
    class Unbounded(Recipe):
        warmup: int = setting(0, help="Epochs of warm-up", panel="Schedule")

    @dataclass(frozen=True)
    class Bare(Recipe):
        warmup: int = 0

    with pytest.raises(TypeError, match="warmup: a number needs low= and high="):
        Unbounded()
    with pytest.raises(TypeError, match=r"warmup: declare it with setting\(\)"):
        Bare()
