import json
from dataclasses import asdict, fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lungscope.data import augmentation, photometric
from lungscope.errors import InvalidSetting, LungscopeError
from lungscope.training.recipe import Recipe
from lungscope.training.recipes import PAPER_RECIPE

PUBLISHED = {  # arXiv 2408.13180, sections III-B to III-D
    "model": "mobilenet-lung",
    "weights": "imagenet",
    "size": 224,
    "learning_rate": 0.01,
    "momentum": 0.9,
    "lr_step": 10,
    "lr_gamma": 0.1,
    "patience": 10,
    "flip_horizontal": 0.5,
    "flip_vertical": 0.5,
    "rotation": 10,
    "optimiser": "sgd",
    "schedule": "step",
    "selection": "accuracy",
    "normalisation": "training",
}
NOT_IN_THE_PAPER = {  # off, as the paper does not have them
    **dict.fromkeys(["warmup", "balance_classes", "balance_sources", "label_smoothing"], 0),
    **dict.fromkeys(
        [
            "group_dro",
            "within_sources",
            "distillation",
            "mixup",
            "cutmix",
            "mixstyle",
            "swap_surroundings",
            "ema",
            "zoom",
            "shift",
            "stretch",
            "frozen_layers",
        ],
        0,
    ),
    **dict.fromkeys(["brightness", "contrast", "gamma"], 0),
    **dict.fromkeys(
        ["equalize", "histogram", "amplitude", "sharpness", "low_resolution", "jpeg", "noise"], 0
    ),
    **dict.fromkeys(["erase_border", "erase_corners"], 0),
    "resolution": 1,
    "start_size": None,
}
UNPUBLISHED = {  # what the paper leaves open, and what we take
    "batch_size": 32,
    "weight_decay": 0,
    "distillation_temperature": 2,
    "epochs": 100,
    "se_reduction": 16,
    "seed": 0,
}


def test_the_papers_recipe_is_what_the_paper_says_field_by_field():
    assert asdict(PAPER_RECIPE) == PUBLISHED | UNPUBLISHED | NOT_IN_THE_PAPER
    assert PAPER_RECIPE.augmentation == augmentation.PAPER_AUGMENTATION
    assert PAPER_RECIPE.photometric == photometric.NO_PHOTOMETRIC


def test_the_limit_of_epochs_leaves_the_papers_longest_training_to_its_patience():
    assert PAPER_RECIPE.epochs > 33 + PAPER_RECIPE.patience


@st.composite
def recipes(draw):
    share = st.floats(0, 1)
    return Recipe(
        model=draw(st.text(st.characters(exclude_categories=["Cs"]))),
        weights=draw(st.text(st.characters(exclude_categories=["Cs"]))),
        size=draw(st.integers(33, 1024)),  # at 32 a batch of one is refused
        batch_size=draw(st.integers(1, 4096)),
        learning_rate=draw(st.floats(1e-8, 10)),
        momentum=draw(st.floats(0, 0.9999)),
        weight_decay=draw(share),
        flip_horizontal=draw(share),
        rotation=draw(st.floats(0, 180)),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


@settings(deadline=None, max_examples=50)
@given(recipe=recipes())
def test_a_recipe_is_read_back_exactly(tmp_path_factory, recipe):
    path = tmp_path_factory.mktemp("recipe") / "recipe.json"
    recipe.save(path)
    assert Recipe.load(path) == recipe


def test_a_file_may_write_names_as_options_do(tmp_path):
    (tmp_path / "recipe.yaml").write_text("learning-rate: 0.1\nbatch_size: 8\n")
    recipe = Recipe.load(tmp_path / "recipe.yaml")
    assert (recipe.learning_rate, recipe.batch_size) == (0.1, 8)


def test_fields_that_are_missing_keep_the_papers_values():
    assert Recipe.from_json({"model": "resnet18"}) == Recipe(model="resnet18")
    assert Recipe.from_json({}) == PAPER_RECIPE


def test_a_whole_number_is_taken_where_a_share_is_meant():
    assert Recipe.from_json({"rotation": 0}).rotation == 0


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"learning-rate": 0.1}, "field 'learning-rate' is unknown; known are model, weights"),
        ({"size": "224"}, "size must be a whole number, is '224'"),
        ({"size": 224.0}, r"size must be a whole number, is 224\.0"),
        ({"size": True}, "size must be a whole number, is True"),
        ({"size": None}, "size must be a whole number, is null"),
        ({"seed": False}, "seed must be a whole number, is False"),
        ({"momentum": True}, "momentum must be a number, is True"),
        ({"learning_rate": "fast"}, "learning_rate must be a number, is 'fast'"),
        ({"learning_rate": [0.1]}, "learning_rate must be a number"),
        ({"model": 5}, "model must be text, is 5"),
        ({"learning_rate": float("nan")}, "learning_rate is nan; give 1e-08 to 10"),
        ({"rotation": float("inf")}, "rotation is inf; give 0 to 180"),
        ({"momentum": -float("inf")}, "momentum is -inf"),
        ({"weight_decay": 10**400}, "weight_decay is 1000"),
    ],
)
def test_what_is_no_recipe_is_refused_in_one_line(value, message):
    with pytest.raises(LungscopeError, match=message) as refusal:
        Recipe.from_json(value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("size", 31, 1025),
        ("batch_size", 0, 4097),
        ("frozen_layers", -1, 1001),
        ("learning_rate", 0, 10.1),
        ("momentum", -0.1, 1.0),
        ("weight_decay", -0.1, 1.1),
        ("lr_step", 0, 10_001),
        ("lr_gamma", 0, 1.1),
        ("epochs", 0, 10_001),
        ("patience", 0, 10_001),
        ("flip_horizontal", -0.1, 1.1),
        ("flip_vertical", -0.1, 1.1),
        ("rotation", -1, 181),
        ("warmup", -1, 1001),
        ("label_smoothing", -0.1, 0.6),
        ("group_dro", -0.1, 1.1),
        ("within_sources", -0.1, 1.1),
        ("distillation", -0.1, 1.1),
        ("distillation_temperature", 0, 101),
        ("mixup", -0.1, 10.1),
        ("cutmix", -0.1, 10.1),
        ("start_size", 31, 1025),
        ("ema", -0.1, 1),
        ("resolution", 0, 1.1),
        *((name, -0.1, 1.1) for name in ("balance_classes", "balance_sources")),
        *((name, -0.1, 1) for name in ("zoom", "shift", "stretch", "contrast")),
        *((name, -0.1, 1.1) for name in ("brightness", "equalize", "sharpness", "low_resolution")),
        *((name, -0.1, 1.1) for name in ("jpeg", "noise", "erase_border", "erase_corners")),
        ("gamma", -0.1, 5.1),
        ("se_reduction", 0, 33),
        ("seed", -1, 2**32),
    ],
)
def test_a_value_out_of_range_is_refused_with_the_range(name, low, high):
    for value in (low, high):
        with pytest.raises(LungscopeError, match=f"recipe: {name} is {value}; give .* to "):
            Recipe(**{name: value})


def test_the_size_of_training_images_rises_in_equal_parts_to_that_of_the_input():
    recipe = Recipe(size=100, start_size=40, epochs=7)  # 40, 72, 100
    assert [recipe.size_in(epoch) for epoch in range(7)] == [40, 40, 40, 72, 72, 100, 100]
    assert Recipe(size=64, start_size=96).size_in(0) == 64  # never larger than what is validated
    assert Recipe(size=64).size_in(0) == 64


def test_every_number_has_a_range():
    numbers = [field.name for field in fields(Recipe) if isinstance(field.default, int | float)]
    for name in numbers:
        with pytest.raises(LungscopeError):
            Recipe(**{name: float("nan")})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"9" * 5000, "not JSON"),
        (b"[]", "give a JSON mapping"),
        (b'"paper"', "give a JSON mapping"),
        (b'{"size": NaN}', "size must be a whole number"),
        (b'{"momentum": NaN}', "momentum is nan"),
    ],
    ids=range(9),
)
def test_a_file_that_holds_no_recipe_is_refused_in_one_line(tmp_path, content, message):
    path = tmp_path / "recipe.json"
    path.write_bytes(content)
    with pytest.raises(LungscopeError, match=message) as refusal:
        Recipe.load(path)
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(LungscopeError, match=r"missing\.json: No such file"):
        Recipe.load(tmp_path / "missing.json")


def test_what_is_written_is_a_plain_json_object(tmp_path):
    PAPER_RECIPE.save(tmp_path / "recipe.json")
    assert json.loads((tmp_path / "recipe.json").read_text()) == asdict(PAPER_RECIPE)


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": 1.5}, {"seed": True}, {"epochs": "3"}, {"flip_vertical": "often"}, {"model": 7}],
)
def test_a_value_of_another_type_is_refused_when_a_recipe_is_made(wrong):
    with pytest.raises(InvalidSetting, match=f"recipe: {next(iter(wrong))} must be"):
        Recipe(**wrong)


def test_a_batch_of_one_image_whose_last_map_is_one_pixel_is_refused():
    with pytest.raises(InvalidSetting, match=r"batch_size of 1 .* larger batch or larger images"):
        Recipe(batch_size=1, size=32)
    with pytest.raises(InvalidSetting, match="batch_size of 1"):
        Recipe(batch_size=1, start_size=32)
    assert Recipe(batch_size=1, size=64).batch_size == 1
