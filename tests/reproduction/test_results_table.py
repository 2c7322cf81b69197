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
def open_logbook(plan, phantom_split, folder):
    def open_logbook(plan=plan, splits=(phantom_split,)):
        return ResultsTable(plan, splits, plan_jobs(plan, splits, folder), folder)

    return open_logbook


def names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_of_nothing_there_is_a_table_that_says_so(open_logbook, folder):
    made = open_logbook().write()
    assert [row.state for row in made.rows] == ["not yet run"] * 2
    assert names(folder) == {"table1.csv", "table1.json", "table1.md", "times.json"}
    assert made.pending


def test_rows_and_figures_come_as_trainings_end(open_logbook, planned, plan, finish, folder):
    logbook = open_logbook()
    first, second, *others = planned(plan)
    finish(first)
    assert logbook.update("mobilenet-v2").state == "unfinished"
    finish(second)
    assert logbook.update("mobilenet-v2").state == "complete"
    made = logbook.write()
    assert [picture.number for picture in made.pictures] == [1, 6, 9]
    assert {name for name in names(folder) if name.startswith("figures")} == {
        "figures/figure-6.png",
        "figures/figure-9.png",
    }
    for job in others:
        finish(job)
    logbook.update("squeezenet1_1")
    made = logbook.write()
    assert made.complete
    assert made.pictures[-1].file == "figures/figure-squeezenet1_1.png"
    assert (folder / made.pictures[-1].file).is_file()


def test_every_title_says_which_training_and_how_it_departs(open_logbook, planned, plan, finish):
    finish(planned(plan)[0])
    _, curves, every = open_logbook().write().pictures
    for picture in (curves, every):
        assert "seed 0 (one of 2 trainings)" in picture.title
        assert "short look: at most 2 epochs" in picture.title
        assert "from random weights" in picture.title
    assert curves.title.startswith("Figure 6. MobileNetV2")


def test_a_problem_stays_in_its_own_row(open_logbook, planned, plan, finish):
    for job in planned(plan)[:2]:
        finish(job)
    logbook = open_logbook()
    logbook.update("squeezenet1_1", Problem("weights not to be had", "no network"))
    made = logbook.write()
    assert [row.state for row in made.rows] == ["complete", "weights not to be had"]
    assert (made.pending, made.complete) == (False, False)


def test_a_damaged_file_costs_its_row_and_not_the_others(open_logbook, planned, plan, finish):
    every = planned(plan)
    for job in every:
        finish(job)
    (every[0].folder / "history.csv").write_text("not a table")
    made = open_logbook().write()
    assert [row.state for row in made.rows] == ["failed", "complete"]
    assert made.rows[0].parts == ("seed-1",)
    assert made.rows[0].reason.startswith("1 of 2 seeds; mobilenet-v2/seed-0/history.csv: ")


def test_damaged_predictions_are_still_to_be_made_again(open_logbook, planned, plan, finish):
    every = planned(plan)
    for job in every:
        finish(job)
    (every[0].folder / "evaluation" / "predictions.csv").write_text("not a table")
    assert [row.state for row in open_logbook().write().rows] == ["unfinished", "complete"]


def test_no_file_tells_where_the_folder_lies(open_logbook, planned, plan, finish, folder, tmp_path):
    (first, *_) = planned(plan)
    finish(first)
    logbook = open_logbook()
    logbook.update("mobilenet-v2", Problem("failed", f"{first.folder}: is being trained"))
    logbook.write()
    for suffix in ("csv", "json", "md"):
        text = (folder / f"table1.{suffix}").read_text()
        assert "mobilenet-v2/seed-0: is being trained" in text
        assert str(tmp_path) not in text


def test_folds_are_read_together(open_logbook, planned, finish, phantoms, small, folder):
    from lungscope.data.index import Index
    from lungscope.data.splitting import make_folds
    from lungscope.data.survey import survey_images

    index = Index.open(phantoms)
    splits = make_folds(index, survey_images(index), 3)
    plan = Plan(("mobilenet-v2",), small, folds=3)
    for job in planned(plan, splits):
        finish(job)
    made = open_logbook(plan, splits).write()
    (row,) = made.rows
    assert row.images == len(index.entries)
    assert row.parts == ("fold-1", "fold-2", "fold-3")
    assert row.metrics["accuracy"].deviation is not None
    assert "over folds" in (folder / "table1.md").read_text()


def test_the_same_results_are_the_same_bytes(open_logbook, planned, plan, finish, folder):
    for job in planned(plan):
        finish(job)
    files = [f"table1.{suffix}" for suffix in ("csv", "json", "md")] + ["figures/figure-9.png"]
    open_logbook().write()
    before = [(folder / name).read_bytes() for name in files]
    open_logbook().write()
    assert [(folder / name).read_bytes() for name in files] == before


def test_times_lie_apart(open_logbook, planned, plan, finish, folder):
    for job in planned(plan):
        finish(job)
    open_logbook().write()
    times = json.loads((folder / "times.json").read_text())
    assert times["mobilenet-v2"]["seed-1"] == {"epochs": 2, "seconds": 4.0}
    for suffix in ("csv", "json", "md"):
        assert "second" not in (folder / f"table1.{suffix}").read_text()


def test_a_run_of_another_recipe_is_not_shown(open_logbook, planned, plan, finish):
    (first, *_) = planned(plan)
    finish(replace(first, recipe=replace(first.recipe, epochs=50)))
    assert open_logbook().write().rows[0].state == "not yet run"
