import shlex
from dataclasses import replace

import pytest

from lungscope.models import list_architectures
from lungscope.reproduction.data_arguments import DataArguments
from lungscope.reproduction.plan import Plan
from lungscope.reproduction.reproduction import format_command
from lungscope.training.recipes import PAPER_RECIPE

ALL = tuple(each.name for each in list_architectures())
XRAYS = DataArguments(("xrays",))
START = "lungscope reproduce --data xrays --out OUT"


def test_options_with_their_default_are_left_out():
    assert format_command(Plan(ALL), XRAYS) == START


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
def test_every_other_setting_is_an_option(plan, options):
    assert format_command(plan, XRAYS) == f"{START} {options}"


@pytest.mark.parametrize("name", ["my x-rays", "a;rm -rf b", "$HOME", "quote's", "Röntgen"])
def test_a_shell_takes_the_name_of_the_data_for_a_name(name):
    assert shlex.split(format_command(Plan(ALL), DataArguments((name,))))[3] == name


def test_several_data_sets_and_their_mapping_are_options():
    data = DataArguments(("xrays", "my clinic"), ("COVID=Viral Pneumonia",))
    words = shlex.split(format_command(Plan(ALL), data))
    assert words[2:8] == [
        "--data", "xrays", "--data", "my clinic", "--map", "COVID=Viral Pneumonia",
    ]  # fmt: skip


def test_the_command_is_given_without_a_path(reproduced):
    command = replace(reproduced(), data=DataArguments(("my x-rays",))).to_json()["command"]
    assert command == (
        "lungscope reproduce --data 'my x-rays' --out OUT --models vgg11,mobilenet-v2,squeezenet1_1"
    )


def test_notes_are_sentences(reproduced, small):
    for note in reproduced(small).notes:
        assert note[0].isupper() or note[0].isdigit()
        assert note.endswith(".")


def test_the_notes_say_what_proportion_folds_train_on(reproduced, phantom_split):
    split = phantom_split
    folds = replace(
        reproduced(), plan=Plan(reproduced().plan.models, folds=3), splits=(split, split, split)
    )
    count, every = len(split.subset("train")), len(split.entries)
    proportion = f"{100 * count / every:.0f} %"
    assert f"Each fold trains on {count} images ({proportion}), the paper on 80 %" in folds.notes[0]


@pytest.mark.parametrize(
    ("origin", "expected"), [("drawn", "was drawn with seed 0"), ("given", "was given as a file")]
)
def test_the_notes_say_where_the_split_came_from(reproduced, origin, expected):
    table = reproduced()
    assert expected in replace(table, plan=replace(table.plan, split=origin)).notes[0]


def test_repr_and_html_show_each_model_beside_the_paper(reproduced):
    made = reproduced()
    text = repr(made)
    assert "VGG11: weights unavailable (no | network), paper 0.8507" in text
    accuracy = made.rows[1].metrics["accuracy"]
    assert f"MobileNetV2: accuracy {accuracy:.4f}, paper 0.8853" in text
    html = made._repr_html_()
    assert html.startswith("<table><caption>Table I, reproduced<")
    assert html.count("<tr>") == 4
    assert f"<td>{accuracy:.4f}</td>" in html
    assert "<td>0.8853</td><td>" in html
    assert "VGG11, weights unavailable (no | network)" in html


def test_weights_that_are_not_torchvisions_own_are_named(reproduced):
    made = reproduced()
    assert not any("torchvision's own" in note for note in made.notes)
    rows = (*made.rows[:1], replace(made.rows[1], other_imagenet="0123456789"), *made.rows[2:])
    changed = replace(made, rows=rows)
    assert (
        "MobileNetV2 began with ImageNet weights that are not torchvision's own file "
        "(SHA-256 01234567)." in changed.notes
    )
    assert changed.to_json()["rows"][1]["other_imagenet"] == "0123456789"
