import io
import re
from pathlib import Path

import pytest
import torch
from rich.console import Console

from lungscope.errors import LungscopeError
from lungscope.training.callbacks import AtomicCheckpointIO, EpochBar
from lungscope.training.execution import Execution
from lungscope.training.fitting import FitCallbacks, fit
from lungscope.training.recipe import Recipe
from lungscope.training.run import RunFolder


def test_what_is_saved_is_loaded(tmp_path):
    AtomicCheckpointIO().save_checkpoint({"weight": torch.arange(3)}, tmp_path / "last.ckpt")
    loaded = AtomicCheckpointIO().load_checkpoint(tmp_path / "last.ckpt", weights_only=True)
    assert loaded["weight"].tolist() == [0, 1, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]


def test_a_save_that_fails_half_way_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"epoch": 1}, path)

    def full(temporary, content):
        with temporary.open("wb") as file:
            file.write(content[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(LungscopeError, match="No space left"):
        AtomicCheckpointIO().save_checkpoint({"epoch": 2}, path)
    assert AtomicCheckpointIO().load_checkpoint(path, weights_only=True) == {"epoch": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]


def test_a_damaged_checkpoint_is_told_in_one_line(tmp_path):
    path = tmp_path / "last.ckpt"
    path.write_bytes(b"no checkpoint")
    with pytest.raises(LungscopeError, match="is damaged") as refusal:
        AtomicCheckpointIO().load_checkpoint(path, weights_only=True)
    assert "\n" not in str(refusal.value)


def test_the_bar_shows_epoch_images_speed_loss_and_accuracy(
    tmp_path, phantoms, phantom_split, cache_folder
):
    recipe = Recipe(model="mobilenet-v2", weights="none", size=32, epochs=2, batch_size=8)
    run = RunFolder.create(tmp_path / "run", recipe, phantom_split, phantoms, force=False)
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=120)
    callbacks = FitCallbacks(callbacks=[EpochBar(console)])
    fit(run, phantoms, Execution(device="cpu"), cache_folder, callbacks)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.getvalue())
    images = len(phantom_split.subset("train"))
    for epoch in (1, 2):
        done = rf"epoch +{epoch} .* {images}/{images} images \d+/s  loss \d\.\d{{4}}  accuracy \d\."
        assert re.search(done, plain)
