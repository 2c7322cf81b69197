import json
from dataclasses import replace

import pytest

from lungscope.reproduction.job import plan_jobs
from lungscope.reproduction.plan import Plan
from lungscope.reproduction.results_table import ResultsTable
from lungscope.reproduction.row import Problem


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
