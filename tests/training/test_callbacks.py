from pathlib import Path

import pytest
import torch

from lungscope.errors import LungscopeError
from lungscope.training.callbacks import AtomicCheckpointIO


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
