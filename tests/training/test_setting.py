from dataclasses import dataclass, replace
from typing import Literal

import pytest

from lungscope.errors import InvalidSetting
from lungscope.training.recipe import Recipe
from lungscope.training.setting import list_settings, setting


@dataclass(frozen=True)
class Extended(Recipe):
    label_smoothing: float = setting(0.0, low=0, high=0.5, help="Smoothing", panel="Loss")
    optimiser: Literal["sgd", "adamw"] = setting("sgd", help="Optimiser", panel="Optimiser")
    mixup: float | None = setting(None, low=0, high=1, help="Alpha of mixup", panel="Loss")
    brightness: tuple[float, float] = setting(
        (1.0, 1.0), low=0.5, high=2, help="Range of brightness", panel="Augmentation"
    )
    ema: bool = setting(False, help="Average the weights; slower", panel="Optimiser")


def test_settings_are_in_the_order_of_the_fields_with_their_defaults_and_ranges():
    found = list_settings(Extended)
    assert next(iter(found)) == "model"
    assert list(found)[-5:] == ["label_smoothing", "optimiser", "mixup", "brightness", "ema"]
    assert found["label_smoothing"].range == "0 to 0.5"
    assert found["seed"].range == "0 to 4294967295"
    assert found["ema"].range == ""
    assert found["brightness"].default == (1.0, 1.0)
    assert found["ema"].meaning == "Average the weights"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("label_smoothing", 0.6, "recipe: label_smoothing is 0.6; give 0 to 0.5"),
        ("optimiser", "lion", "recipe: optimiser must be one of sgd, adamw, is 'lion'"),
        ("mixup", 2, "recipe: mixup is 2; give 0 to 1"),
        ("brightness", (0.1, 1.0), r"recipe: brightness is \(0.1, 1.0\); give 0.5 to 2"),
        ("label_smoothing", float("nan"), "is nan"),
    ],
)
def test_a_value_out_of_bounds_is_refused_whenever_a_recipe_is_made(field, value, message):
    with pytest.raises(InvalidSetting, match=message):
        Extended(**{field: value})
    with pytest.raises(InvalidSetting, match=message):
        replace(Extended(), **{field: value})


def test_every_kind_of_field_is_read_from_a_file_and_back(tmp_path):
    text = "mixup: null\noptimiser: adamw\nbrightness: [0.8, 1]\nema: true\nlabel_smoothing: 1e-1\n"
    (tmp_path / "recipe.yaml").write_text(text)
    found = Extended.load(tmp_path / "recipe.yaml")
    assert (found.mixup, found.optimiser, found.brightness) == (None, "adamw", (0.8, 1.0))
    assert (found.ema, found.label_smoothing) == (True, 0.1)
    found.save(tmp_path / "recipe.json")
    assert Extended.load(tmp_path / "recipe.json") == found


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ema: 1", "ema must be true or false, is 1"),
        ("brightness: 1", "brightness must be a list of 2, each a number, is 1"),
        ("mixup: much", "mixup must be a number or null, is 'much'"),
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
