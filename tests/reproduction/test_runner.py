import json
import re
from dataclasses import replace
from urllib.error import URLError

import numpy as np
import pytest
import torch

from lungscope.errors import LungscopeError, WeightsUnavailable
from lungscope.reproduction import runner
from lungscope.reproduction.plan import Plan
from lungscope.reproduction.runner import RunEnvironment, read_trained, run_job
from lungscope.training.execution import Execution
from lungscope.training.fitting import FitCallbacks, FitResult
from lungscope.training.run import RunFolder


@pytest.fixture
def environment(phantoms, cache_folder):
    return RunEnvironment(phantoms, Execution(device="cpu"), cache_folder)


@pytest.fixture
def untrained(monkeypatch):
    """Fails if anything is trained or evaluated."""

    def never(*_, **__):
        raise AssertionError("something was done again")

    monkeypatch.setattr(runner, "fit", never)
    monkeypatch.setattr(runner, "evaluate_run", never)


def test_a_job_is_trained_and_evaluated_once(planned, small, environment, monkeypatch):
    (job,) = planned(Plan(("mobilenet-v2",), replace(small, epochs=1)))
    assert run_job(job, environment, FitCallbacks())
    found = read_trained(job)
    assert len(found.history) == 1
    assert RunFolder(job.folder).facts["precision"] == "32"
    assert found.predictions.files == tuple(entry.file for entry in job.split.subset("test"))
    before = (job.folder / "evaluation" / "predictions.csv").stat().st_mtime_ns
    assert run_job(job, environment, FitCallbacks())
    assert (job.folder / "evaluation" / "predictions.csv").stat().st_mtime_ns == before


def test_what_is_done_is_not_done_again(planned, finish, environment, untrained):
    (job,) = planned()
    finish(job)
    assert run_job(job, environment, FitCallbacks())


def test_a_training_that_was_interrupted_is_not_evaluated(planned, environment, monkeypatch):
    (job,) = planned()
    monkeypatch.setattr(runner, "fit", lambda *_: FitResult((), None, finished=False))
    assert not run_job(job, environment, FitCallbacks())
    assert not (job.folder / "evaluation").exists()


def test_results_of_an_earlier_epoch_are_removed_when_training_continues(
    planned, finish, environment, monkeypatch
):
    (job,) = planned()
    finish(job)
    RunFolder(job.folder).note(finished=False)
    (job.folder / "audit").mkdir()
    monkeypatch.setattr(runner, "fit", lambda *_: FitResult((), None, finished=False))
    run_job(job, environment, FitCallbacks())
    assert not (job.folder / "evaluation").exists()
    assert not (job.folder / "audit").exists()


def test_only_force_retrains_a_damaged_run(planned, finish, environment, damage, monkeypatch):
    (job,) = planned()
    finish(job)
    harm, expected = damage
    harm(RunFolder(job.folder))
    monkeypatch.setattr(runner, "fit", lambda *_: FitResult((), None, finished=False))
    with pytest.raises(LungscopeError, match=re.escape(expected)):
        run_job(job, environment, FitCallbacks())
    assert not run_job(job, replace(environment, force=True), FitCallbacks())
    assert job.find_damage() is None
    assert job.run is not None
    assert job.history == ()


def test_damaged_predictions_are_made_again(planned, finish, environment, monkeypatch):
    (job,) = planned()
    own = finish(job, temperature=1.0)
    table = job.folder / "evaluation" / "predictions.csv"
    table.write_text("not a table")
    monkeypatch.setattr(
        runner, "evaluate_run", lambda *_, force, **__: own.save(table) if force else None
    )
    assert run_job(job, environment, FitCallbacks())
    assert read_trained(job).predictions.files == own.files


def test_a_finished_run_needs_no_pretrained_weights(
    planned, small, finish, environment, untrained, tmp_path, monkeypatch
):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    (job,) = planned(Plan(("mobilenet-v2",), replace(small, weights="imagenet")))
    finish(job)
    RunFolder(job.folder).last.unlink()  # it is large, and nobody goes on from it
    assert run_job(job, environment, FitCallbacks())


def test_without_weights_no_run_is_made(planned, small, environment, tmp_path, monkeypatch, capfd):
    def no_network(*_, **__):
        raise URLError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "urlopen", no_network)
    (job,) = planned(Plan(("mobilenet-v2",), replace(small, weights="imagenet")))
    with pytest.raises(WeightsUnavailable):
        run_job(job, environment, FitCallbacks())
    assert not job.folder.exists()
    assert capfd.readouterr() == ("", "")


def test_only_force_retrains_a_run_of_another_recipe(planned, finish, environment, monkeypatch):
    (job,) = planned()
    finish(replace(job, recipe=replace(job.recipe, epochs=50)))
    monkeypatch.setattr(runner, "fit", lambda *_: FitResult((), None, finished=False))
    with pytest.raises(LungscopeError, match="force=True"):
        run_job(job, environment, FitCallbacks())
    assert RunFolder(job.folder).recipe.epochs == 50
    run_job(job, replace(environment, force=True), FitCallbacks())
    assert RunFolder(job.folder).recipe == job.recipe


def test_no_force_removes_what_is_no_run(planned, environment):
    (job,) = planned()
    job.folder.mkdir(parents=True)
    (job.folder / "thesis.txt").write_text("years of work")
    with pytest.raises(LungscopeError, match="not a run"):
        run_job(job, replace(environment, force=True), FitCallbacks())
    assert (job.folder / "thesis.txt").is_file()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_networks_own_probabilities_are_read_whatever_its_temperature(
    planned, finish, temperature
):
    (job,) = planned()
    own = finish(job, temperature=temperature)
    found = read_trained(job)
    np.testing.assert_allclose(found.predictions.probabilities, own.probabilities, rtol=1e-9)
    assert found.best.epoch == 2


def test_what_is_not_trained_or_not_evaluated_has_no_result(planned, finish):
    (job,) = planned()
    assert read_trained(job) is None
    finish(job, evaluated=False)
    assert read_trained(job) is None


def test_a_damaged_table_of_predictions_counts_as_none(planned, finish):
    (job,) = planned()
    finish(job)
    (job.folder / "evaluation" / "predictions.csv").write_text("not a table")
    assert read_trained(job) is None


def test_a_damaged_run_is_refused(planned, finish, damage):
    (job,) = planned()
    finish(job)
    harm, expected = damage
    harm(RunFolder(job.folder))
    with pytest.raises(LungscopeError, match=re.escape(expected)):
        read_trained(job)


def test_an_evaluation_of_another_subset_is_refused(planned, finish):
    (job,) = planned()
    finish(job)
    table = job.folder / "evaluation" / "predictions.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(LungscopeError, match="not of the test images"):
        read_trained(job)


def test_a_checkpoint_of_another_split_is_refused(planned, finish):
    (job,) = planned()
    finish(job)
    path = job.folder / "checkpoint" / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"data_fingerprint": "other"}))
    with pytest.raises(LungscopeError, match="another split"):
        read_trained(job)
