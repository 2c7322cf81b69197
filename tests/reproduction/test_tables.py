import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from lungscope.audit.baselines import Baseline
from lungscope.estimate import Estimate
from lungscope.reproduction.job import plan_jobs
from lungscope.reproduction.plan import Plan
from lungscope.reproduction.row import Problem
from lungscope.reproduction.tables import ResultsTable, format_markdown, format_metric, write_tables


def grids(text):
    """The tables of a Markdown text: lists of rows of cells."""
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    return [[[c.strip() for c in line[1:-1].split(" | ")] for line in block] for block in blocks]


def test_a_metric_is_formatted_with_its_interval(reproduced):
    own = reproduced().rows[1]
    estimate = own.metrics["loss"].estimate
    expected = f"{estimate.value:.4f} (95\u00a0% {estimate.low:.4f} to {estimate.high:.4f})"
    assert format_metric(own, "loss") == expected


def test_a_metric_of_several_seeds_is_formatted_with_its_deviation(reproduced):
    own = reproduced(seeds=2).rows[1]
    measured = own.metrics["loss"]
    assert f"{measured.estimate.value:.4f} ± {measured.deviation:.4f} (" in format_metric(
        own, "loss"
    )


def test_markdown_has_all_models_in_each_of_three_tables_of_even_width(reproduced):
    tables = grids(format_markdown(reproduced()))
    assert len(tables) == 3
    for head, rule, *rows in tables:
        assert set(rule) == {"---"}
        assert [cells[0] for cells in rows] == ["VGG11", "MobileNetV2", "SqueezeNet 1.1"]
        assert {len(cells) for cells in rows} == {len(head)}


def test_shortcuts_are_a_table_below_the_models(reproduced):
    border = Baseline("border", "border alone", "The border.", Estimate(0.75, 0.7, 0.8), np.ones(1))
    table = replace(reproduced(), shortcuts=(border,))
    shown = grids(format_markdown(table))[3]
    assert shown[2] == ["border alone", "The border.", "0.7500 (95 % 0.7000 to 0.8000)"]
    assert table.to_json()["shortcuts"][0]["accuracy"]["value"] == 0.75
    assert len(grids(format_markdown(reproduced()))) == 3


def test_markdown_puts_the_paper_and_a_verdict_beside_each_number(reproduced):
    accuracy, *_ = grids(format_markdown(reproduced()))
    vgg, mobilenet, squeezenet = accuracy[2:]
    assert vgg[1:4] == ["weights unavailable", "0.8507", ""]
    assert mobilenet[2] == "0.8853"
    assert mobilenet[3] in {"inside", "above", "below"}
    assert squeezenet[2:4] == ["not in the paper", ""]


def test_markdown_ends_with_the_notes(reproduced):
    text = format_markdown(reproduced())
    for note in (
        "VGG11: weights unavailable (no \\| network)",
        "SqueezeNet 1.1 is not in the paper",
        "bootstrap intervals over groups",
        "One training per model",
        "not for diagnosis",
    ):
        assert note in text


def test_a_quick_look_is_labelled_in_every_form(reproduced, small, tmp_path):
    write_tables(reproduced(small), tmp_path)
    for suffix in ("csv", "json", "md"):
        text = (tmp_path / f"table1.{suffix}").read_text()
        assert "quick look: at most 2 epochs" in text
        assert "from random weights" in text


def test_the_papers_recipe_is_labelled_in_none(reproduced, tmp_path):
    write_tables(reproduced(), tmp_path)
    assert json.loads((tmp_path / "table1.json").read_text())["labels"] == []
    assert "quick look" not in (tmp_path / "table1.md").read_text()


def test_the_csv_holds_the_numbers_of_the_json_to_the_last_digit(reproduced, tmp_path):
    write_tables(reproduced(seeds=2), tmp_path)
    value = json.loads((tmp_path / "table1.json").read_text())
    with (tmp_path / "table1.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [line["model"] for line in table] == ["vgg11", "mobilenet-v2", "squeezenet1_1"]
    for line, own in zip(table[1:], value["rows"][1:], strict=True):
        for metric, measured in own["metrics"].items():
            assert float(line[metric]) == measured["value"]
            assert float(line[f"{metric}_low"]) == measured["low"]
            assert float(line[f"{metric}_standard_deviation"]) == measured["standard_deviation"]
            assert line[f"{metric}_verdict"] == (measured["verdict"] or "")
    assert (table[0]["accuracy"], table[0]["accuracy_published"]) == ("", "0.8507")
    assert table[0]["reason"] == "no | network"


@pytest.fixture
def plan(small):
    return Plan(("mobilenet-v2", "squeezenet1_1"), small, seeds=2)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def open_table(plan, phantom_split, folder):
    def open_table(plan=plan, splits=(phantom_split,)):
        return ResultsTable(plan, splits, plan_jobs(plan, splits, folder), folder)

    return open_table


def names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_before_any_training_there_is_a_table(open_table, folder):
    made = open_table().write()
    assert [row.state for row in made.rows] == ["not-started"] * 2
    assert names(folder) == {"table1.csv", "table1.json", "table1.md", "times.json"}
    assert made.pending


def test_rows_and_figures_come_as_trainings_end(open_table, planned, plan, finish, folder):
    table = open_table()
    first, second, *others = planned(plan)
    finish(first)
    assert table.update("mobilenet-v2").state == "unfinished"
    finish(second)
    assert table.update("mobilenet-v2").state == "complete"
    made = table.write()
    assert [figure.number for figure in made.figures] == [1, 6, 9]
    assert {name for name in names(folder) if name.startswith("figures")} == {
        "figures/figure-6.png",
        "figures/figure-9.png",
    }
    for job in others:
        finish(job)
    table.update("squeezenet1_1")
    made = table.write()
    assert made.complete
    assert made.figures[-1].file == "figures/figure-squeezenet1_1.png"
    assert (folder / made.figures[-1].file).is_file()


def test_every_title_says_which_training_and_how_it_departs(open_table, planned, plan, finish):
    finish(planned(plan)[0])
    _, curves, every = open_table().write().figures
    for figure in (curves, every):
        assert "seed 0 (one of 2 trainings)" in figure.title
        assert "quick look: at most 2 epochs" in figure.title
        assert "from random weights" in figure.title
    assert curves.title.startswith("Figure 6. MobileNetV2")


def test_a_problem_stays_in_its_own_row(open_table, planned, plan, finish):
    for job in planned(plan)[:2]:
        finish(job)
    table = open_table()
    table.update("squeezenet1_1", Problem("weights-unavailable", "no network"))
    made = table.write()
    assert [row.state for row in made.rows] == ["complete", "weights-unavailable"]
    assert (made.pending, made.complete) == (False, False)


def test_a_damaged_file_costs_its_row_and_not_the_others(open_table, planned, plan, finish):
    every = planned(plan)
    for job in every:
        finish(job)
    (every[0].folder / "history.csv").write_text("not a table")
    made = open_table().write()
    assert [row.state for row in made.rows] == ["failed", "complete"]
    assert made.rows[0].parts == ("seed-1",)
    assert made.rows[0].reason.startswith("mobilenet-v2/seed-0/history.csv: ")


def test_damaged_predictions_leave_a_row_unfinished(open_table, planned, plan, finish):
    every = planned(plan)
    for job in every:
        finish(job)
    (every[0].folder / "evaluation" / "predictions.csv").write_text("not a table")
    assert [row.state for row in open_table().write().rows] == ["unfinished", "complete"]


def test_no_file_contains_the_folders_path(open_table, planned, plan, finish, folder, tmp_path):
    (first, *_) = planned(plan)
    finish(first)
    table = open_table()
    table.update("mobilenet-v2", Problem("failed", f"{first.folder}: is being trained"))
    table.write()
    for suffix in ("csv", "json", "md"):
        text = (folder / f"table1.{suffix}").read_text()
        assert "mobilenet-v2/seed-0: is being trained" in text
        assert str(tmp_path) not in text


def test_folds_are_read_together(open_table, planned, finish, phantoms, small, folder):
    from lungscope.data.index import Index
    from lungscope.data.splitting import make_folds
    from lungscope.data.survey import survey_images

    index = Index.open(phantoms)
    splits = make_folds(index, survey_images(index), 3)
    plan = Plan(("mobilenet-v2",), small, folds=3)
    for job in planned(plan, splits):
        finish(job)
    made = open_table(plan, splits).write()
    (row,) = made.rows
    assert row.images == len(index.entries)
    assert row.parts == ("fold-1", "fold-2", "fold-3")
    assert row.metrics["accuracy"].deviation is not None
    assert "over folds" in (folder / "table1.md").read_text()


def test_the_same_results_are_the_same_bytes(open_table, planned, plan, finish, folder):
    for job in planned(plan):
        finish(job)
    files = [f"table1.{suffix}" for suffix in ("csv", "json", "md")] + ["figures/figure-9.png"]
    open_table().write()
    before = [(folder / name).read_bytes() for name in files]
    open_table().write()
    assert [(folder / name).read_bytes() for name in files] == before


def test_times_are_in_their_own_file(open_table, planned, plan, finish, folder):
    for job in planned(plan):
        finish(job)
    open_table().write()
    times = json.loads((folder / "times.json").read_text())
    assert times["mobilenet-v2"]["seed-1"] == {"epochs": 2, "seconds": 4.0}
    for suffix in ("csv", "json", "md"):
        assert "second" not in (folder / f"table1.{suffix}").read_text()


def test_a_run_of_another_recipe_is_not_shown(open_table, planned, plan, finish):
    (first, *_) = planned(plan)
    finish(replace(first, recipe=replace(first.recipe, epochs=50)))
    assert open_table().write().rows[0].state == "not-started"
