import json
from dataclasses import replace

import pytest

from lungscope.errors import InvalidData, LungscopeError
from lungscope.reproduction.plan import Plan, in_order
from lungscope.training.recipe import Recipe
from lungscope.training.recipes import PAPER_RECIPE

MODELS = ("mobilenet-v2", "mobilenet-lung")


def test_the_recipe_of_a_training_is_the_papers_with_model_and_seed():
    plan = Plan(MODELS, seeds=2)
    recipes = [plan.recipe_of(model, part) for model in plan.models for part in plan.parts]
    assert recipes == [Recipe(model=model, seed=seed) for model in MODELS for seed in (0, 1)]


def test_seeds_follow_the_first_one():
    plan = Plan(MODELS, replace(PAPER_RECIPE, seed=7), seeds=3)
    assert [part.name for part in plan.parts] == ["seed-7", "seed-8", "seed-9"]
    assert {part.split for part in plan.parts} == {0}


def test_folds_have_a_split_each_and_one_seed():
    parts = Plan(MODELS, folds=3).parts
    assert [(part.name, part.seed, part.split) for part in parts] == [
        ("fold-1", 0, 0),
        ("fold-2", 0, 1),
        ("fold-3", 0, 2),
    ]


def test_the_papers_recipe_needs_no_label():
    assert Plan(MODELS, replace(PAPER_RECIPE, seed=3, model="vgg11")).labels == ()


def test_every_departure_from_the_paper_is_a_label():
    recipe = replace(PAPER_RECIPE, epochs=3, weights="none", momentum=0.5, batch_size=8)
    assert set(Plan(MODELS, recipe).labels) == {
        "quick look: at most 3 epochs",
        "from random weights",
        "momentum: 0.5 (paper: 0.9)",
        "images per step: 8 (paper names none)",
    }


@pytest.mark.parametrize(
    ("precision", "label"),
    [("bf16", "mixed precision, bfloat16"), ("16", "mixed precision, 16 bit")],
)
def test_another_precision_is_a_label(precision, label):
    assert Plan(MODELS, precision=precision).labels == (label,)


@pytest.mark.parametrize(
    "wrong",
    [
        {"models": ()},
        {"models": ("vgg11", "vgg11")},
        {"models": ("resnet99",)},
        {"seeds": 0},
        {"folds": 2},
        {"folds": 5, "seeds": 2},
    ],
)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(LungscopeError):
        Plan(**{"models": MODELS} | wrong)


@pytest.mark.parametrize(
    "plan",
    [
        Plan(MODELS),
        Plan(MODELS, replace(PAPER_RECIPE, seed=5, weights="none"), seeds=3),
        Plan(MODELS, folds=5, precision="bf16"),
        Plan(MODELS, split="given"),
    ],
)
def test_a_plan_is_read_as_it_was_saved(plan, tmp_path):
    plan.save(tmp_path / "plan.json")
    loaded = Plan.load(tmp_path / "plan.json")
    assert loaded.to_json() == plan.to_json()
    assert plan.difference(loaded) is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": "lungscope-reproduction", "version": 9}', "[" * 100_000],
)
def test_a_damaged_plan_is_refused_in_one_line(text, tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(LungscopeError, match=r"plan\.json") as refused:
        Plan.load(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("seeds", "three", "seeds: Input should be a valid integer"),
        ("split", "made up", "split: Input should be 'drawn' or 'given'"),
        ("models", ["resnet99"], "model 'resnet99' is unknown"),
        ("recipe", {"epochs": 0}, "recipe: epochs is 0; give 1 to 10000"),
        ("version", 9, "not the plan of a reproduction, or of another version"),
    ],
)
def test_a_changed_plan_is_refused_with_the_field_and_what_to_do(field, value, words, tmp_path):
    path = tmp_path / "plan.json"
    Plan(MODELS).save(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    with pytest.raises(InvalidData) as refused:
        Plan.load(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert words in str(refused.value)
    assert str(refused.value).endswith("; write it again with force=True")


def test_more_models_and_more_seeds_continue_a_plan():
    assert Plan(MODELS).difference(Plan(MODELS, split="given")) is None
    assert Plan(("vgg11", *MODELS), seeds=3).difference(Plan(MODELS)) is None


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (Plan(MODELS, replace(PAPER_RECIPE, weights="none")), "weights none there, imagenet here"),
        (Plan(MODELS, replace(PAPER_RECIPE, epochs=3)), "epochs 3 there, 100 here"),
        (Plan(MODELS, replace(PAPER_RECIPE, seed=4)), "first_seed 4 there, 0 here"),
        (Plan(MODELS, folds=5), "folds 5 there, None here"),
        (Plan(MODELS, precision="bf16"), "precision bf16 there, 32 here"),
        (Plan(("vgg11", *MODELS)), "vgg11 there, not here"),
        (Plan(MODELS, seeds=3), "3 seeds there, 1 here"),
    ],
)
def test_any_other_difference_is_named(before, expected):
    assert Plan(MODELS).difference(before) == expected


def test_models_are_put_in_the_order_of_the_paper():
    assert in_order(["mobilenet-lung", "vgg11", "mobilenet-lung"]) == ("vgg11", "mobilenet-lung")
    with pytest.raises(LungscopeError, match="resnet99"):
        in_order(["resnet99"])
