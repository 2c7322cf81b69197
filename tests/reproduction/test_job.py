from dataclasses import replace

import pytest

from lungscope.data.splitting import make_split
from lungscope.errors import LungscopeError
from lungscope.reproduction.job import refuse_other_runs
from lungscope.reproduction.plan import Plan
from lungscope.training.run import RunFolder


def test_jobs_lie_by_model_and_part(planned, small, tmp_path):
    every = planned(Plan(("vgg11", "mobilenet-v2"), small, seeds=2))
    assert [job.folder.relative_to(tmp_path / "out").as_posix() for job in every] == [
        "vgg11/seed-0", "vgg11/seed-1", "mobilenet-v2/seed-0", "mobilenet-v2/seed-1"
    ]  # fmt: skip
    assert [job.recipe.seed for job in every] == [0, 1, 0, 1]


def test_an_empty_folder_has_no_run_and_no_epochs(planned):
    (job,) = planned()
    assert (job.run, job.trained, job.history, job.find_difference()) == (None, False, (), None)


def test_a_run_of_the_same_recipe_and_split_is_continued(planned, finish, phantoms):
    (job,) = planned()
    RunFolder.create(job.folder, job.recipe, job.split, phantoms, force=False)
    assert job.run is not None
    assert not job.trained
    finish(job)
    assert job.trained
    assert len(job.history) == 2
    refuse_other_runs([job])


@pytest.mark.parametrize("change", [{"epochs": 50}, {"momentum": 0.5}, {"weights": "imagenet"}])
def test_a_run_of_another_recipe_is_refused_and_not_read(planned, finish, change):
    (job,) = planned()
    finish(replace(job, recipe=replace(job.recipe, **change)))
    ((name, value),) = change.items()
    with pytest.raises(LungscopeError, match=rf"{name} {value} there.*with force=True, or"):
        refuse_other_runs([job])
    assert (job.run, job.trained, job.history) == (None, False, ())


def test_a_run_on_another_split_is_refused(planned, finish, phantoms):
    from lungscope.data.index import Index
    from lungscope.data.survey import survey_images

    (job,) = planned()
    index = Index.open(phantoms)
    finish(replace(job, split=make_split(index, survey_images(index), (0.6, 0.2, 0.2), seed=9)))
    with pytest.raises(LungscopeError, match="another split"):
        refuse_other_runs([job])


def test_a_run_in_another_precision_is_refused(planned, small, finish):
    (job,) = planned(Plan(("mobilenet-v2",), small, precision="bf16"))
    finish(job)
    assert job.trained  # not every run records its precision
    RunFolder(job.folder).note(precision="32")
    with pytest.raises(LungscopeError, match="precision 32 there, bf16 here"):
        refuse_other_runs([job])


def test_a_damaged_run_is_reported_with_a_remedy_and_refuses_no_others(planned, finish, damage):
    (job,) = planned()
    finish(job)
    assert job.find_damage() is None
    harm, expected = damage
    harm(RunFolder(job.folder))
    assert expected in job.find_damage()
    assert job.find_damage().endswith("retrain this run with --force")
    assert "\n" not in job.find_damage()
    assert (job.run, job.trained, job.history) == (None, False, ())
    refuse_other_runs([job])


def test_what_is_no_run_is_refused_and_left_alone(planned):
    (job,) = planned()
    job.folder.mkdir(parents=True)
    (job.folder / "thesis.txt").write_text("years of work")
    with pytest.raises(LungscopeError, match="not a run of lungscope"):
        refuse_other_runs([job])
    assert (job.folder / "thesis.txt").is_file()
