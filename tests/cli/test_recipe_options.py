"""A field that is declared as docs/how-to/add-a-recipe-field.md says is an option and a row."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import pytest
import typer
from typer.testing import CliRunner

from lungscope.cli.recipe_options import recipe_options
from lungscope.report.facts import compare_recipe
from lungscope.training.recipe import Recipe
from lungscope.training.setting import setting


@dataclass(frozen=True)
class Extended(Recipe):
    label_smoothing: float = setting(
        0.0, low=0, high=0.5, help="Label smoothing of the training loss", panel="Recipe: loss"
    )
    optimiser: Literal["sgd", "adamw"] = setting("sgd", help="Optimiser", panel="Recipe: loss")
    mixup: float | None = setting(0.2, low=0, high=1, help="Alpha of mixup", panel="Recipe: loss")
    brightness: tuple[float, float] = setting(
        (1.0, 1.0), low=0.5, high=2, help="Range of brightness", panel="Recipe: loss"
    )
    drops: tuple[int, ...] = setting((), low=1, high=99, help="Drops", panel="Recipe: loss")
    ema: bool = setting(False, help="Average the weights", panel="Recipe: loss")


@pytest.fixture
def parse():
    """Parses options as a command of the extended recipe does; returns the changes."""
    found: list[dict[str, Any]] = []
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    @recipe_options(Extended)
    def command(data: str = "x", **changes: Any) -> None:
        """Train."""
        found.append(changes)

    def parse(*words):
        result = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
        return result, found[-1] if found else None

    return parse


def test_options_that_are_not_given_change_nothing(parse):
    result, found = parse()
    assert (result.exit_code, found) == (0, {})


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        (["--label-smoothing", "0.1"], {"label_smoothing": 0.1}),
        (["-m", "resnet18", "--epochs", "3"], {"model": "resnet18", "epochs": 3}),
        (["--optimiser", "adamw"], {"optimiser": "adamw"}),
        (["--mixup", "0.5"], {"mixup": 0.5}),
        (["--mixup", "none"], {"mixup": None}),
        (["--brightness", "0.8", "1.2"], {"brightness": (0.8, 1.2)}),
        (["--drops", "10", "--drops", "20"], {"drops": (10, 20)}),
        (["--ema"], {"ema": True}),
        (["--no-ema"], {"ema": False}),
    ],
)
def test_a_field_is_an_option_of_its_type(parse, words, changes):
    result, found = parse(*words)
    assert result.exit_code == 0, result.output
    assert found == changes
    assert replace(Extended(), **found)


@pytest.mark.parametrize(
    "words",
    [["--optimiser", "lion"], ["--epochs", "x"], ["--mixup", "much"], ["--brightness", "1"]],
)
def test_a_value_of_another_type_is_a_usage_error(parse, words):
    result, found = parse(*words)
    assert (result.exit_code, found) == (2, None)


def test_the_help_shows_group_meaning_range_and_default(parse):
    text = parse("--help")[0].output
    assert "Recipe: loss" in text
    assert "Label smoothing of the training loss, 0 to 0.5. [default: (0.0)]" in text
    assert "[default: (1.0, 1.0)]" in text
    assert "Recipe: augmentation" in text


def test_the_report_has_a_row_beside_the_papers_value():
    class Facts:
        recipe = Extended(label_smoothing=0.1, mixup=None)
        weights = "imagenet"

    rows = {row.name: row for row in compare_recipe(Facts())}
    smoothing = rows["label_smoothing"]
    assert smoothing.meaning == "Label smoothing of the training loss"
    assert (smoothing.value, smoothing.paper, smoothing.departs) == ("0.1", "0", True)
    assert rows["mixup"].departs
    assert not rows["ema"].departs
