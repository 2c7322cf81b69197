import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch
from filelock import FileLock
from lightning.pytorch.callbacks import LambdaCallback
from safetensors.torch import load_file
from torchvision.models import squeezenet1_0

from lungscope.errors import LungscopeError
from lungscope.models.checkpoint import Checkpoint
from lungscope.training import frozen, module
from lungscope.training.execution import Execution
from lungscope.training.fitting import FitCallbacks, fit
from lungscope.training.history import best_epoch, read_history
from lungscope.training.recipe import Recipe
from lungscope.training.run import RunFolder

# the rate drops within the run, so that a resumed schedule is put to the test
RECIPE = Recipe(
    model="mobilenet-lung", weights="none", size=32, batch_size=8, epochs=4, lr_step=2, seed=3
)
CLASSIFIER_RECIPE = Recipe(
    model="squeezenet", size=48, batch_size=8, epochs=3, lr_step=1, seed=3, flip_vertical=0
)
CPU = Execution(device="cpu")


@pytest.fixture
def make_run(tmp_path, phantoms, phantom_split):
    def make(name, recipe=RECIPE, teachers=()):
        return RunFolder.create(
            tmp_path / name, recipe, phantom_split, phantoms, force=False, teachers=teachers
        )

    return make


@pytest.fixture(scope="module")
def finished(tmp_path_factory, phantoms, phantom_split, cache_folder):
    """A run that was trained in one go."""
    folder = tmp_path_factory.mktemp("runs") / "one-go"
    run = RunFolder.create(folder, RECIPE, phantom_split, phantoms, force=False)
    fit(run, phantoms, CPU, cache_folder)
    return run


def pressing_ctrl_c(epoch, told):
    """Callbacks that interrupt a training in an epoch, counted from 1."""

    def press(trainer, *_):
        if trainer.current_epoch == epoch - 1 and not told:
            os.kill(os.getpid(), signal.SIGINT)

    pressing = LambdaCallback(on_train_batch_start=press)
    return FitCallbacks(interrupt=lambda: told.append("stopping"), callbacks=[pressing])


def weights(run):
    return (run.checkpoint / "model.safetensors").read_bytes()


def last_state(run):
    return torch.load(run.last, weights_only=True)["state_dict"]


def without_seconds(run):
    return [{**vars(epoch), "seconds": None} for epoch in read_history(run.history)]


def test_a_run_leaves_model_history_and_curves(finished):
    names = {path.name for path in finished.folder.iterdir()} - {".lock"}
    assert names == {
        "recipe.json", "split.json", "run.json", "history.csv", "figures", "checkpoint", "last.ckpt"
    }  # fmt: skip
    assert (finished.figures / "learning-curves.png").read_bytes().startswith(b"\x89PNG")
    history = read_history(finished.history)
    assert [epoch.epoch for epoch in history] == [1, 2, 3, 4]
    assert [epoch.learning_rate for epoch in history] == pytest.approx([0.01, 0.01, 0.001, 0.001])


def test_the_checkpoint_is_of_the_best_epoch_and_says_how_it_came_to_be(finished, phantom_split):
    description = Checkpoint.load(finished.checkpoint).description
    best = best_epoch(read_history(finished.history))
    assert description.metrics["epoch"] == best.epoch
    assert description.metrics["validation_accuracy"] == best.validation_accuracy
    assert description.data_fingerprint == phantom_split.fingerprint
    assert description.classes == phantom_split.classes
    assert description.recipe["seed"] == 3


def test_the_same_seed_gives_the_same_weights_and_another_one_others(
    make_run, phantoms, cache_folder
):
    def trained(name, seed):
        run = make_run(name, replace(RECIPE, epochs=1, seed=seed))
        fit(run, phantoms, CPU, cache_folder)
        return weights(run), without_seconds(run)

    first = trained("first", 3)
    assert trained("again", 3) == first
    assert trained("other", 4)[0] != first[0]


SCRIPT = """
import sys
from pathlib import Path
from lungscope.training import execution
from lungscope.training.execution import Execution
from lungscope.training.fitting import FitCallbacks, fit
from lungscope.training.run import RunFolder
execution.cpu_count = lambda: 1  # as in the tests' own process: the bits depend on the threads
run, data, cache = map(Path, sys.argv[1:])
callbacks = FitCallbacks(epoch=lambda epoch: print(epoch.epoch, flush=True))
fit(RunFolder.open(run), data, Execution(device="cpu"), cache, callbacks)
"""


@pytest.mark.process
@pytest.mark.parametrize("epochs_before_the_kill", [1, 3])
def test_killed_and_resumed_gives_the_bits_of_one_go(
    finished, make_run, phantoms, cache_folder, epochs_before_the_kill
):
    run = make_run("killed")
    command = [sys.executable, "-c", SCRIPT, str(run.folder), str(phantoms), str(cache_folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as training:
        for line in training.stdout:
            if int(line) == epochs_before_the_kill + 1:  # the epoch before is surely on disk
                training.kill()
                break
        training.wait()
    assert training.returncode == -signal.SIGKILL
    assert not run.facts["finished"]

    fit(run, phantoms, CPU, cache_folder)

    assert weights(run) == weights(finished)
    assert without_seconds(run) == without_seconds(finished)
    state, expected = last_state(run), last_state(finished)
    assert all(torch.equal(state[key], expected[key]) for key in expected)


class _KilledError(Exception):
    """Stands for a kill: nothing after it is done."""


def test_killed_after_early_stopping_it_is_resumed_to_the_bits_of_one_go(
    make_run, phantoms, cache_folder
):
    recipe = replace(RECIPE, epochs=12, patience=1, learning_rate=0.03)
    whole, killed = make_run("whole", recipe), make_run("killed", recipe)
    assert len(fit(whole, phantoms, CPU, cache_folder).history) < recipe.epochs

    def kill(*_):
        raise _KilledError

    callbacks = FitCallbacks(callbacks=[LambdaCallback(on_train_end=kill)])
    with pytest.raises(_KilledError):
        fit(killed, phantoms, CPU, cache_folder, callbacks)
    assert not killed.facts["finished"]
    assert fit(killed, phantoms, CPU, cache_folder).finished
    assert without_seconds(killed) == without_seconds(whole)
    assert weights(killed) == weights(whole)


def test_ctrl_c_ends_after_the_epoch_and_resuming_gives_the_bits_of_one_go(
    finished, make_run, phantoms, cache_folder
):
    run = make_run("interrupted")
    told = []
    ended = fit(run, phantoms, CPU, cache_folder, pressing_ctrl_c(2, told))
    assert told == ["stopping"]
    assert not ended.finished
    assert len(ended.history) == 2
    assert Checkpoint.load(run.checkpoint).description.metrics["epoch"] == ended.best.epoch

    assert fit(run, phantoms, CPU, cache_folder).finished
    assert weights(run) == weights(finished)


def test_a_run_that_was_moved_is_resumed_to_the_bits_of_one_go(
    make_run, phantoms, cache_folder, tmp_path
):
    # the first epoch is the best: it must still be known after the move
    falling = replace(RECIPE, learning_rate=1e-8, seed=1)
    whole = make_run("whole-run", falling)
    assert fit(whole, phantoms, CPU, cache_folder).best.epoch == 1
    run = make_run("interrupted-run", falling)
    fit(run, phantoms, CPU, cache_folder, pressing_ctrl_c(2, []))
    moved = RunFolder.open(run.folder.rename(tmp_path / "elsewhere"))
    assert fit(moved, phantoms, CPU, cache_folder).best.epoch == 1
    assert weights(moved) == weights(whole)


def test_training_stops_when_patience_is_at_its_end(make_run, phantoms, cache_folder):
    recipe = Recipe(
        model="mobilenet-v2", weights="none", size=32, epochs=50, patience=2, learning_rate=1e-8
    )
    ended = fit(make_run("patience", recipe), phantoms, CPU, cache_folder)
    assert ended.finished
    assert len(ended.history) == ended.best.epoch + 2 < 50


GENERALISING = replace(
    RECIPE,
    size=64,
    start_size=32,
    optimiser="adamw",
    learning_rate=0.001,
    schedule="cosine",
    warmup=1,
    weight_decay=0.01,
    selection="worst-cell",
    balance_classes=1,
    balance_sources=0.5,
    group_dro=0.1,
    within_sources=0.5,
    amplitude=0.5,
    label_smoothing=0.1,
    mixup=0.4,
    cutmix=1,
    ema=0.9,
    zoom=0.1,
    stretch=0.2,
    frozen_layers=1,
    gamma=0.3,
    jpeg=0.5,
    erase_border=0.5,
)


def test_every_field_of_a_recipe_survives_an_interruption_to_the_bit(
    make_run, phantoms, cache_folder
):
    whole, halved = make_run("whole", GENERALISING), make_run("halved", GENERALISING)
    fit(whole, phantoms, CPU, cache_folder)
    fit(halved, phantoms, CPU, cache_folder, pressing_ctrl_c(2, []))
    assert fit(halved, phantoms, CPU, cache_folder).finished
    assert weights(halved) == weights(whole)
    assert without_seconds(halved) == without_seconds(whole)


def test_what_is_validated_and_kept_is_the_average_of_the_weights(make_run, phantoms, cache_folder):
    run = make_run("averaged", replace(RECIPE, ema=0.9, epochs=1))
    fit(run, phantoms, CPU, cache_folder)
    saved = torch.load(run.last, weights_only=True)
    key = "network.classifier.1.weight"
    assert not torch.equal(saved["state_dict"][key], saved["current_model_state"][key])
    kept = Checkpoint.load(run.checkpoint).network.state_dict()
    assert torch.equal(kept[key.removeprefix("network.")], saved["state_dict"][key])


def test_a_distilled_run_keeps_its_teachers_until_it_is_finished(
    finished, make_run, phantoms, cache_folder, tmp_path
):
    recipe = replace(RECIPE, model="mobilenet-v2", size=48, epochs=3, distillation=0.8, ema=0.5)

    def make(name):
        return make_run(name, recipe, [finished.checkpoint, finished.checkpoint])

    whole, halved = make("whole"), make("halved")
    fit(whole, phantoms, CPU, cache_folder)
    fit(halved, phantoms, CPU, cache_folder, pressing_ctrl_c(2, []))
    assert sorted(path.name for path in halved.teachers.iterdir()) == ["0", "1"]
    moved = RunFolder.open(halved.folder.rename(tmp_path / "elsewhere"))
    assert fit(moved, phantoms, CPU, cache_folder).finished
    assert weights(moved) == weights(whole)
    assert not moved.teachers.exists()
    teacher = Checkpoint.load(finished.checkpoint).description
    noted = {"model": teacher.identity, "weights_sha256": teacher.weights_sha256}
    assert moved.facts["teachers"] == [noted, noted]
    state = load_file(moved.checkpoint / "model.safetensors")
    assert len(state) == len(Checkpoint.load(moved.checkpoint).network.state_dict())


def test_another_teacher_than_the_training_began_with_is_refused(
    finished, make_run, phantoms, cache_folder
):
    recipe = replace(RECIPE, distillation=0.5)
    run = make_run("taught", recipe, [finished.checkpoint])
    other = make_run("other", replace(RECIPE, epochs=1, seed=9))
    fit(other, phantoms, CPU, cache_folder)
    for file in other.checkpoint.iterdir():
        (run.teacher(0) / file.name).write_bytes(file.read_bytes())
    with pytest.raises(LungscopeError, match="not the teacher that the training began with"):
        fit(run, phantoms, CPU, cache_folder)


def test_a_recipe_that_distils_is_not_trained_without_teachers(make_run, phantoms, cache_folder):
    run = make_run("untaught", replace(RECIPE, distillation=0.5))
    with pytest.raises(LungscopeError, match=r"distillation is 0\.5, but there is no teacher"):
        fit(run, phantoms, CPU, cache_folder)


def test_a_loss_that_is_no_number_stops_with_what_to_do(
    make_run, phantoms, cache_folder, monkeypatch
):
    # given and not provoked: whether a high rate ends in NaN depends on the processor
    monkeypatch.setattr(
        module, "cross_entropy", lambda logits, _, **__: logits.sum() * float("nan")
    )
    recipe = replace(RECIPE, learning_rate=10, epochs=1)
    run = make_run("nan", recipe)
    with pytest.raises(
        LungscopeError,
        match=r"training loss became nan in epoch 1; .* smaller learning rate than 10",
    ):
        fit(run, phantoms, CPU, cache_folder)


def test_a_finished_run_is_not_trained_again(finished, phantoms, cache_folder):
    before = weights(finished)
    with pytest.raises(LungscopeError, match="is finished"):
        fit(finished, phantoms, CPU, cache_folder)
    assert weights(finished) == before


def test_a_run_is_trained_by_one_process_at_a_time(make_run, phantoms, cache_folder):
    run = make_run("shared")
    with FileLock(run.folder / ".lock"), pytest.raises(LungscopeError, match="another process"):
        fit(run, phantoms, CPU, cache_folder)


def test_changed_images_are_refused_before_anything_is_trained(
    make_run, phantoms, cache_folder, tmp_path
):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(phantoms, copy)
    victim = sorted(copy.glob("*/*.png"))[0]
    victim.write_bytes(sorted(copy.glob("*/*.png"))[1].read_bytes())
    began = time.monotonic()
    with pytest.raises(LungscopeError, match="1 images changed"):
        fit(make_run("changed"), copy, CPU, cache_folder)
    assert time.monotonic() - began < 2


# A frozen backbone, whose features are held


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    """Weights that no seed of a recipe gives; SqueezeNet's dropout draws over whole maps."""
    torch.manual_seed(12345)
    file = tmp_path_factory.mktemp("weights") / "squeezenet.pth"
    torch.save(squeezenet1_0().state_dict(), file)
    return str(file)


class Killed(Exception):
    pass


def kill_in_second_epoch(epoch):
    if epoch.epoch == 2:
        raise Killed


@pytest.mark.parametrize("rotation", [0.0, 10.0])
def test_held_features_change_no_result_and_resume_to_the_bits_of_one_go(
    make_run, phantoms, cache_folder, monkeypatch, backbone, rotation, phantom_split
):
    recipe = replace(CLASSIFIER_RECIPE, weights=backbone, rotation=rotation)
    told = []
    callbacks = FitCallbacks(features=lambda done, total: told.append((done, total)))
    one_go = make_run("one-go", recipe)
    fit(one_go, phantoms, CPU, cache_folder, callbacks)
    training, validation = (len(phantom_split.subset(subset)) for subset in ("train", "validation"))
    views = validation + (2 * training if rotation == 0 else 0)
    assert told[-1] == (views, views)

    killed = make_run("killed", recipe)
    with pytest.raises(Killed):
        fit(killed, phantoms, CPU, cache_folder, FitCallbacks(epoch=kill_in_second_epoch))
    fit(killed, phantoms, CPU, cache_folder)
    assert weights(killed) == weights(one_go)
    assert without_seconds(killed) == without_seconds(one_go)

    monkeypatch.setattr(frozen, "LIMIT", 0)
    uncached = make_run("uncached", recipe)
    fit(uncached, phantoms, CPU, cache_folder)
    histories = [
        [list(vars(epoch).values())[:-1] for epoch in read_history(run.history)]
        for run in (one_go, uncached)
    ]
    torch.testing.assert_close(*map(torch.tensor, histories), rtol=0, atol=1e-5)
    states = [load_file(run.checkpoint / "model.safetensors") for run in (one_go, uncached)]
    torch.testing.assert_close(*states, rtol=0, atol=1e-5)
    losses = [row[2] for row in histories[0]]
    assert max(losses) - min(losses) > 1e-3  # something was learnt


def test_no_feature_is_computed_where_all_layers_are_trained(make_run, phantoms, cache_folder):
    told = []
    recipe = Recipe(model="mobilenet-ft", weights="none", size=32, epochs=1, rotation=0)
    callbacks = FitCallbacks(features=lambda *step: told.append(step))
    fit(make_run("all-layers", recipe), phantoms, CPU, cache_folder, callbacks)
    assert told == []


def test_a_second_ctrl_c_is_a_keyboard_interrupt_and_gives_the_signal_back(
    make_run, phantoms, cache_folder
):
    def press_twice(*_):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)

    run, before = make_run("impatient"), signal.getsignal(signal.SIGINT)
    pressing = FitCallbacks(callbacks=[LambdaCallback(on_train_batch_start=press_twice)])
    with pytest.raises(KeyboardInterrupt), run.removed_if_nothing_trained():
        fit(run, phantoms, CPU, cache_folder, pressing)
    assert signal.getsignal(signal.SIGINT) is before
    assert not run.folder.exists()
