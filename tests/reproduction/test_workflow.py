import os
import signal
from dataclasses import replace
from urllib.error import URLError

import pytest
import torch
from filelock import FileLock, Timeout

from lungscope.errors import LungscopeError
from lungscope.reproduction import runner, tables, workflow
from lungscope.reproduction.plan import Plan
from lungscope.reproduction.runner import RunEnvironment
from lungscope.reproduction.workflow import ReproductionCallbacks, claim_folder, reproduce
from lungscope.training.execution import Execution
from lungscope.training.run import RunFolder

TABLES = ("table1.csv", "table1.json", "table1.md")


@pytest.fixture
def plan(small):
    return Plan(("mobilenet-v2", "squeezenet1_1"), small)


@pytest.fixture
def environment(phantoms, cache_folder):
    return RunEnvironment(phantoms, Execution(device="cpu"), cache_folder)


@pytest.fixture
def made(tmp_path, phantom_split, environment, plan):
    def made(folder="out", plan=plan, callbacks=None, environment=environment):
        callbacks = callbacks or ReproductionCallbacks()
        return reproduce(plan, (phantom_split,), tmp_path / folder, environment, callbacks)

    return made


@pytest.fixture
def untrained(monkeypatch):
    """Training fails with the error in the list."""
    errors = []

    def fail(run, *_):
        raise errors[0]

    monkeypatch.setattr(runner, "fit", fail)
    return errors


@pytest.fixture
def finishing(finish, monkeypatch):
    """Training takes no time; the list holds the jobs that were carried out."""
    done = []

    def carry_out(job, environment, *_):
        if job.find_damage() and not environment.force:
            raise LungscopeError(job.find_damage())
        if not job.trained:
            finish(job)
            done.append(job)
        return True

    monkeypatch.setattr(workflow, "run_job", carry_out)
    return done


@pytest.fixture
def undrawn(monkeypatch):
    """Tables are written without figures, pages and baselines, which take seconds."""
    monkeypatch.setattr(tables, "draw_curves", lambda *_: None)
    monkeypatch.setattr(tables, "draw_all_models", lambda *_: None)
    monkeypatch.setattr(workflow, "draw_radiographs", lambda *_: None)
    monkeypatch.setattr(workflow, "fit_baselines", lambda *_: ())
    monkeypatch.setattr(workflow, "write_page", lambda *_: None)
    monkeypatch.setattr(workflow, "write_report", lambda *_: None)


def outputs(folder):
    files = [folder / name for name in TABLES] + sorted((folder / "figures").iterdir())
    return {path.name: path.read_bytes() for path in files}


def test_interrupted_and_continued_gives_the_bytes_of_one_go(made, tmp_path):
    progress, rows = [], []
    whole = made(
        "whole", callbacks=ReproductionCallbacks(on_progress=progress.append, on_row=rows.append)
    )
    assert whole.complete
    assert {path.name for path in (tmp_path / "whole" / "figures").iterdir()} == {
        "figure-1.png", "figure-6.png", "figure-9.png", "figure-squeezenet1_1.png"
    }  # fmt: skip
    assert [row.model for row in rows] == ["mobilenet-v2", "squeezenet1_1"]
    done = [each.epochs for each in progress]
    assert done == sorted(done)
    assert progress[0].expected_epochs == 4
    assert progress[0].remaining_seconds is None
    assert progress[-1].remaining_seconds is not None

    told = []

    def ctrl_c(job, epoch, best, progress):
        told.append((job.model, epoch.epoch, progress.epochs))
        os.kill(os.getpid(), signal.SIGINT)

    for _ in range(2):  # in the middle of a training, and in its last epoch
        stopped = made("parts", callbacks=ReproductionCallbacks(on_epoch_end=ctrl_c))
        assert [row.state for row in stopped.rows] == ["unfinished", "not-started"]
    assert told == [("mobilenet-v2", 1, 1), ("mobilenet-v2", 2, 2)]
    assert made("parts").complete
    assert outputs(tmp_path / "parts") == outputs(tmp_path / "whole")


def test_a_finished_run_is_used_and_more_seeds_are_added(
    made, undrawn, plan, finish, planned, finishing
):
    for job in planned(plan):
        finish(job)
    assert made().complete
    assert finishing == []
    grown = made(plan=replace(plan, models=("mobilenet-v2",), seeds=2))
    assert [job.part.name for job in finishing] == ["seed-1"]
    assert grown.rows[0].parts == ("seed-0", "seed-1")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (LungscopeError("the training loss became nan in epoch 3"), "became nan"),
        (RuntimeError("CUDA out of memory.\nmore lines"), "CUDA out of memory."),
        (MemoryError(), "not enough memory"),
    ],
)
def test_a_training_that_fails_is_a_row_and_the_others_go_on(
    made, undrawn, plan, planned, finish, untrained, error, reason
):
    finish(planned(plan)[1])
    untrained.append(error)
    told = []
    failed, other = made(
        callbacks=ReproductionCallbacks(on_problem=lambda _, why: told.append(why))
    ).rows
    assert failed.state == "failed"
    assert reason in failed.reason
    assert "\n" not in failed.reason
    assert told == [failed.reason]
    assert other.state == "complete"


def test_a_damaged_run_fails_its_row_and_force_retrains_it(
    made, undrawn, plan, planned, finish, environment, finishing, damage
):
    first, second = planned(plan)
    finish(first)
    finish(second)
    harm, told = damage
    harm(RunFolder(first.folder))
    damaged, other = made(environment=environment).rows
    assert damaged.state == "failed"
    assert told in damaged.reason
    assert "retrain this run with --force" in damaged.reason
    assert other.state == "complete"
    assert finishing == []
    assert made(environment=replace(environment, force=True)).complete
    assert [job.model for job in finishing] == ["mobilenet-v2"]


def test_a_report_that_cannot_be_written_fails_no_row(made, plan, planned, finish):
    for job in planned(plan):
        finish(job)
    (planned(plan)[0].folder / "evaluation" / "metrics.json").write_text("{")
    told = []
    done = made(
        callbacks=ReproductionCallbacks(on_problem=lambda job, why: told.append((job.model, why)))
    )
    assert done.complete
    ((model, why),) = told
    assert model == "mobilenet-v2"
    assert "report could not be written" in why
    assert "metrics.json" in why


def test_an_internal_error_is_raised(made, untrained):
    untrained.append(TypeError("a fault"))
    with pytest.raises(TypeError):
        made()


def test_a_model_without_weights_is_tried_once_and_reported(
    made, undrawn, plan, small, planned, finish, tmp_path, monkeypatch
):
    def no_network(*_, **__):
        raise URLError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "urlopen", no_network)
    wanted = replace(plan, recipe=replace(small, weights="imagenet"), seeds=2)
    for job in planned(wanted)[2:]:
        finish(job)
    told = []
    without, other = made(
        plan=wanted,
        callbacks=ReproductionCallbacks(on_problem=lambda job, why: told.append((job.model, why))),
    ).rows
    assert (without.state, without.metrics) == ("weights-unavailable", {})
    assert str(tmp_path) not in without.reason
    ((model, why),) = told
    assert model == "mobilenet-v2"
    assert "put mobilenet_v2-" in why
    assert other.state == "complete"


def test_another_recipe_is_refused_before_anything_is_done(made, plan, planned, finish, tmp_path):
    second = planned(plan)[1]
    finish(replace(second, recipe=replace(second.recipe, epochs=50)))
    with pytest.raises(LungscopeError, match="epochs 50 there, 2 here"):
        made()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"squeezenet1_1"}


def test_force_trains_what_is_of_another_recipe_and_keeps_the_rest(
    made, undrawn, plan, planned, finish, environment, finishing
):
    first, second = planned(plan)
    finish(first)
    finish(replace(second, recipe=replace(second.recipe, epochs=50)))
    assert made(environment=replace(environment, force=True)).complete
    assert [job.model for job in finishing] == ["squeezenet1_1"]
    assert RunFolder(second.folder).recipe == second.recipe


def test_changed_images_are_refused_before_anything_is_trained(
    made, environment, phantoms, tmp_path
):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(phantoms, copy)
    one, other = sorted(copy.glob("*/*.png"))[:2]
    one.write_bytes(other.read_bytes())
    with pytest.raises(LungscopeError, match="1 images changed"):
        made(environment=replace(environment, data=copy))


def test_a_folder_belongs_to_one_plan(tmp_path, plan):
    folder = tmp_path / "out"
    with claim_folder(folder, plan, force=False):
        plan.save(folder / "reproduction.json")
    with claim_folder(folder, replace(plan, seeds=3), force=False):
        pass
    other = Plan(plan.models)
    with (
        pytest.raises(LungscopeError, match="weights none there, imagenet here"),
        claim_folder(folder, other, force=False),
    ):
        pass
    with claim_folder(folder, other, force=True):
        pass


def test_a_folder_belongs_to_one_process(tmp_path, plan):
    with (
        FileLock(tmp_path / ".lock"),
        pytest.raises(LungscopeError, match="another process"),
        claim_folder(tmp_path, plan, force=False),
    ):
        pass


def test_a_timeout_of_another_lock_is_not_taken_for_another_process(tmp_path, plan):
    with (
        FileLock(tmp_path / "cache.lock"),
        pytest.raises(Timeout),
        claim_folder(tmp_path / "out", plan, force=False),
    ):
        FileLock(tmp_path / "cache.lock").acquire(blocking=False)
    with claim_folder(tmp_path / "out", plan, force=False):  # the folder was released
        pass


def test_a_damaged_plan_is_replaced_only_by_force(tmp_path, plan):
    (tmp_path / "reproduction.json").write_text("{")
    with (
        pytest.raises(LungscopeError, match="damaged"),
        claim_folder(tmp_path, plan, force=False),
    ):
        pass
    with claim_folder(tmp_path, plan, force=True):
        pass


def test_a_file_is_no_folder(tmp_path, plan):
    (tmp_path / "out").write_text("")
    with (
        pytest.raises(LungscopeError, match="is a file"),
        claim_folder(tmp_path / "out", plan, force=False),
    ):
        pass
