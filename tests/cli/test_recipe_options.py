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
    smoothing: float = setting(
        0.0, low=0, high=0.5, help="Label smoothing of the training loss", panel="Recipe: loss"
    )
    solver: Literal["sgd", "adamw"] = setting("sgd", help="Optimiser", panel="Recipe: loss")
    mixing: float | None = setting(0.2, low=0, high=1, help="Alpha of mixing", panel="Recipe: loss")
    levels: tuple[float, float] = setting(
        (1.0, 1.0), low=0.5, high=2, help="Range of levels", panel="Recipe: loss"
    )
    drops: tuple[int, ...] = setting((), low=1, high=99, help="Drops", panel="Recipe: loss")
    averaged: bool = setting(False, help="Average the weights", panel="Recipe: loss")


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
        (["--smoothing", "0.1"], {"smoothing": 0.1}),
        (["-m", "resnet18", "--epochs", "3"], {"model": "resnet18", "epochs": 3}),
        (["--solver", "adamw"], {"solver": "adamw"}),
        (["--mixing", "0.5"], {"mixing": 0.5}),
        (["--mixing", "none"], {"mixing": None}),
        (["--levels", "0.8", "1.2"], {"levels": (0.8, 1.2)}),
        (["--drops", "10", "--drops", "20"], {"drops": (10, 20)}),
        (["--averaged"], {"averaged": True}),
        (["--no-averaged"], {"averaged": False}),
    ],
)
def test_a_field_is_an_option_of_its_type(parse, words, changes):
    result, found = parse(*words)
    assert result.exit_code == 0, result.output
    assert found == changes
    assert replace(Extended(), **found)


@pytest.mark.parametrize(
    "words",
    [["--solver", "lion"], ["--epochs", "x"], ["--mixing", "much"], ["--levels", "1"]],
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
        recipe = Extended(smoothing=0.1, mixing=None)
        weights = "imagenet"

    rows = {row.name: row for row in compare_recipe(Facts())}
    smoothing = rows["smoothing"]
    assert smoothing.meaning == "Label smoothing of the training loss"
    assert (smoothing.value, smoothing.paper, smoothing.departs) == ("0.1", "0", True)
    assert rows["mixing"].departs
    assert not rows["averaged"].departs
