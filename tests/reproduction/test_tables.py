import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from lungscope.audit.baselines import Baseline
from lungscope.estimate import Estimate
from lungscope.models.cost import Cost
from lungscope.reproduction.plan import Plan
from lungscope.reproduction.reproduction import Reproduction
from lungscope.reproduction.row import Problem, make_row
from lungscope.reproduction.runner import read_trained
from lungscope.reproduction.tables import markdown, number, write_tables
from lungscope.training.recipe import PAPER_RECIPE

COST = Cost(3_504_872, 2_227_715, 3843, 0, 300_000_000)
MODELS = ("vgg11", "mobilenet-v2", "squeezenet1_1")


@pytest.fixture
def made(planned, finish, phantom_split):
    """Rows that are done, in the paper and not, and one that could not be run."""

    def made(recipe=PAPER_RECIPE, seeds=1):
        plan = Plan(MODELS, recipe, seeds=seeds)
        every = planned(plan)
        rows = []
        for model in MODELS:
            own = [job for job in every if job.model == model and model != "vgg11"]
            for job in own:
                finish(job)
            problem = None if own else Problem("weights not to be had", "no | network")
            rows.append(
                make_row(plan, model, COST, [read_trained(job) for job in own], {}, problem)
            )
        return Reproduction(plan, (phantom_split,), tuple(rows), ())

    return made


def grids(text):
    """The tables of a Markdown text: lists of rows of cells."""
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    return [[[c.strip() for c in line[1:-1].split(" | ")] for line in block] for block in blocks]


def test_a_number_is_told_with_its_interval(made):
    own = made().rows[1]
    estimate = own.metrics["loss"].estimate
    expected = f"{estimate.value:.4f} ({estimate.low:.4f} to {estimate.high:.4f})"
    assert number(own, "loss") == expected


def test_a_number_of_several_seeds_is_told_with_its_deviation(made):
    own = made(seeds=2).rows[1]
    measured = own.metrics["loss"]
    assert f"{measured.estimate.value:.4f} ± {measured.deviation:.4f} (" in number(own, "loss")


def test_markdown_has_all_models_in_each_of_three_tables_of_even_width(made):
    tables = grids(markdown(made()))
    assert len(tables) == 3
    for head, rule, *rows in tables:
        assert set(rule) == {"---"}
        assert [cells[0] for cells in rows] == ["VGG11", "MobileNetV2", "SqueezeNet 1.1"]
        assert {len(cells) for cells in rows} == {len(head)}


def test_what_shortcuts_reach_stands_below_the_models(made):
    border = Baseline("border", "border alone", "The border.", Estimate(0.75, 0.7, 0.8), np.ones(1))
    told = replace(made(), shortcuts=(border,))
    shown = grids(markdown(told))[3]
    assert shown[2] == ["border alone", "The border.", "0.7500 (0.7000 to 0.8000)"]
    assert told.to_json()["shortcuts"][0]["accuracy"]["value"] == 0.75
    assert len(grids(markdown(made()))) == 3


def test_markdown_puts_the_paper_and_a_verdict_beside_each_number(made):
    accuracy, *_ = grids(markdown(made()))
    vgg, mobilenet, squeezenet = accuracy[2:]
    assert vgg[1:4] == ["weights not to be had", "0.8507", ""]
    assert mobilenet[2] == "0.8853"
    assert mobilenet[3] in {"inside", "above", "below"}
    assert squeezenet[2:4] == ["not in the paper", ""]


def test_markdown_tells_what_a_reader_must_know(made):
    text = markdown(made())
    for note in (
        "VGG11: weights not to be had (no \\| network)",
        "SqueezeNet 1.1 is not in the paper",
        "bootstrap over groups",
        "One training a model",
        "not for diagnosis",
    ):
        assert note in text


def test_how_to_repeat_it_is_told_without_a_place(made):
    told = replace(made(), data="my x-rays").to_json()["command"]
    assert told == (
        "lungscope reproduce --data 'my x-rays' --out OUT --models vgg11,mobilenet-v2,squeezenet1_1"
    )


def test_notes_are_sentences(made, small):
    for note in made(small).notes:
        assert note[0].isupper() or note[0].isdigit()
        assert note.endswith(".")


def test_folds_tell_what_share_they_train_on(made, phantom_split):
    split = phantom_split
    folds = replace(made(), plan=Plan(MODELS, folds=3), splits=(split, split, split))
    count, every = len(split.subset("train")), len(split.entries)
    share = f"{100 * count / every:.0f} %"
    assert f"Each fold trains on {count} images ({share}), the paper on 80 %" in folds.notes[0]


@pytest.mark.parametrize(
    ("origin", "told"), [("drawn", "was drawn with seed 0"), ("given", "was given as a file")]
)
def test_it_is_told_where_the_split_came_from(made, origin, told):
    table = made()
    assert told in replace(table, plan=replace(table.plan, split=origin)).notes[0]


def test_a_short_look_is_labelled_in_every_form(made, small, tmp_path):
    write_tables(made(small), tmp_path)
    for suffix in ("csv", "json", "md"):
        text = (tmp_path / f"table1.{suffix}").read_text()
        assert "short look: at most 2 epochs" in text
        assert "from random weights" in text


def test_the_papers_recipe_is_labelled_in_none(made, tmp_path):
    write_tables(made(), tmp_path)
    assert json.loads((tmp_path / "table1.json").read_text())["labels"] == []
    assert "short look" not in (tmp_path / "table1.md").read_text()


def test_the_csv_holds_the_numbers_of_the_json_to_the_last_digit(made, tmp_path):
    write_tables(made(seeds=2), tmp_path)
    value = json.loads((tmp_path / "table1.json").read_text())
    with (tmp_path / "table1.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [line["model"] for line in table] == list(MODELS)
    for line, own in zip(table[1:], value["rows"][1:], strict=True):
        for metric, measured in own["metrics"].items():
            assert float(line[metric]) == measured["value"]
            assert float(line[f"{metric}_low"]) == measured["low"]
            assert float(line[f"{metric}_standard_deviation"]) == measured["standard_deviation"]
            assert line[f"{metric}_verdict"] == (measured["verdict"] or "")
    assert (table[0]["accuracy"], table[0]["accuracy_published"]) == ("", "0.8507")
    assert table[0]["reason"] == "no | network"
