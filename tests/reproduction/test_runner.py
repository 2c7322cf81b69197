import re
from dataclasses import replace
from urllib.error import URLError

import pytest
import torch

from lungscope.errors import LungscopeError, WeightsUnavailable
from lungscope.reproduction import runner
from lungscope.reproduction.plan import Plan
from lungscope.reproduction.runner import RunEnvironment, read_trained, run_job
from lungscope.training.execution import Execution
from lungscope.training.fitting import FitCallbacks, FitResult
from lungscope.training.run import Run


@pytest.fixture
def place(phantoms, cache_folder):
    return RunEnvironment(phantoms, Execution(device="cpu"), cache_folder)


@pytest.fixture
def untrained(monkeypatch):
    """Nobody may train or evaluate."""

    def never(*_, **__):
        raise AssertionError("something was done twice")

    monkeypatch.setattr(runner, "fit", never)
    monkeypatch.setattr(runner, "evaluate_run", never)


def test_a_job_is_trained_and_evaluated_once(planned, small, place, monkeypatch):
    (job,) = planned(Plan(("mobilenet-v2",), replace(small, epochs=1)))
    assert run_job(job, place, FitCallbacks())
    found = read_trained(job)
    assert len(found.history) == 1
    assert Run(job.folder).facts["precision"] == "32"
    assert found.predictions.files == tuple(entry.file for entry in job.split.subset("test"))
    before = (job.folder / "evaluation" / "predictions.csv").stat().st_mtime_ns
    assert run_job(job, place, FitCallbacks())
    assert (job.folder / "evaluation" / "predictions.csv").stat().st_mtime_ns == before


def test_what_is_done_is_not_done_again(planned, finish, place, untrained):
    (job,) = planned()
    finish(job)
    assert run_job(job, place, FitCallbacks())


def test_a_training_that_was_interrupted_is_not_evaluated(planned, place, monkeypatch):
    (job,) = planned()
    monkeypatch.setattr(runner, "fit", lambda *_: FitResult((), None, finished=False))
    assert not run_job(job, place, FitCallbacks())
    assert not (job.folder / "evaluation").exists()


def test_what_judged_an_earlier_epoch_does_not_outlive_the_training(
    planned, finish, place, monkeypatch
):
    (job,) = planned()
    finish(job)
    Run(job.folder).note(finished=False)
    (job.folder / "audit").mkdir()
    monkeypatch.setattr(runner, "fit", lambda *_: FitResult((), None, finished=False))
    run_job(job, place, FitCallbacks())
    assert not (job.folder / "evaluation").exists()
    assert not (job.folder / "audit").exists()


def test_a_damaged_run_is_trained_anew_only_by_force(planned, finish, place, damage, monkeypatch):
    (job,) = planned()
    finish(job)
    harm, told = damage
    harm(Run(job.folder))
    monkeypatch.setattr(runner, "fit", lambda *_: FitResult((), None, finished=False))
    with pytest.raises(LungscopeError, match=re.escape(told)):
        run_job(job, place, FitCallbacks())
    assert not run_job(job, replace(place, force=True), FitCallbacks())
    assert job.damage() is None
    assert job.run is not None
    assert job.history == ()


def test_damaged_predictions_are_made_again(planned, finish, place, monkeypatch):
    (job,) = planned()
    own = finish(job, temperature=1.0)
    table = job.folder / "evaluation" / "predictions.csv"
    table.write_text("not a table")
    monkeypatch.setattr(
        runner, "evaluate_run", lambda *_, force, **__: own.save(table) if force else None
    )
    assert run_job(job, place, FitCallbacks())
    assert read_trained(job).predictions.files == own.files


def test_a_finished_run_needs_no_pretrained_weights(
    planned, small, finish, place, untrained, tmp_path, monkeypatch
):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    (job,) = planned(Plan(("mobilenet-v2",), replace(small, weights="imagenet")))
    finish(job)
    Run(job.folder).last.unlink()  # it is large, and nobody goes on from it
    assert run_job(job, place, FitCallbacks())


def test_a_second_ctrl_c_is_told_as_one(planned, place, monkeypatch):
    def lightning_leaves(*_):
        raise SystemExit(1)

    monkeypatch.setattr(runner, "fit", lightning_leaves)
    (job,) = planned()
    with pytest.raises(KeyboardInterrupt):
        run_job(job, place, FitCallbacks())


def test_without_weights_no_run_is_made(planned, small, place, tmp_path, monkeypatch, capfd):
    def no_network(*_, **__):
        raise URLError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "urlopen", no_network)
    (job,) = planned(Plan(("mobilenet-v2",), replace(small, weights="imagenet")))
    with pytest.raises(WeightsUnavailable):
        run_job(job, place, FitCallbacks())
    assert not job.folder.exists()
    assert capfd.readouterr() == ("", "")


def test_a_run_of_another_recipe_is_trained_anew_only_by_force(planned, finish, place, monkeypatch):
    (job,) = planned()
    finish(replace(job, recipe=replace(job.recipe, epochs=50)))
    monkeypatch.setattr(runner, "fit", lambda *_: FitResult((), None, finished=False))
    with pytest.raises(LungscopeError, match="--force"):
        run_job(job, place, FitCallbacks())
    assert Run(job.folder).recipe.epochs == 50
    run_job(job, replace(place, force=True), FitCallbacks())
    assert Run(job.folder).recipe == job.recipe


def test_no_force_removes_what_is_no_run(planned, place):
    (job,) = planned()
    job.folder.mkdir(parents=True)
    (job.folder / "thesis.txt").write_text("years of work")
    with pytest.raises(LungscopeError, match="not a run"):
        run_job(job, replace(place, force=True), FitCallbacks())
    assert (job.folder / "thesis.txt").is_file()
