import shlex
from dataclasses import replace

import pytest

from lungscope.models import list_architectures
from lungscope.reproduction.plan import Plan
from lungscope.reproduction.reproduction import reproduce_command
from lungscope.training.recipe import PAPER_RECIPE

ALL = tuple(each.name for each in list_architectures())
START = "lungscope reproduce --data xrays --out OUT"


def test_of_the_defaults_nothing_is_said():
    assert reproduce_command(Plan(ALL), "xrays") == START


@pytest.mark.parametrize(
    ("plan", "options"),
    [
        (Plan(("vgg11", "mobilenet-v2")), "--models vgg11,mobilenet-v2"),
        (Plan(ALL, replace(PAPER_RECIPE, weights="none")), "--weights none"),
        (Plan(ALL, seeds=3), "--seeds 3"),
        (Plan(ALL, folds=5), "--folds 5"),
        (Plan(ALL, replace(PAPER_RECIPE, epochs=2)), "--budget 2"),
        (Plan(ALL, replace(PAPER_RECIPE, seed=7)), "--seed 7"),
        (Plan(ALL, precision="bf16"), "--precision bf16"),
        (Plan(ALL, split="given"), "--split split.json"),
    ],
)
def test_every_other_choice_is_an_option(plan, options):
    assert reproduce_command(plan, "xrays") == f"{START} {options}"


@pytest.mark.parametrize("name", ["my x-rays", "a;rm -rf b", "$HOME", "quote's", "Röntgen"])
def test_a_shell_takes_the_name_of_the_data_for_a_name(name):
    assert shlex.split(reproduce_command(Plan(ALL), name))[3] == name
