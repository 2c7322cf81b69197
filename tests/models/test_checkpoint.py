import json

import pytest
import torch

from lungscope.errors import LungscopeError, ModelDamaged
from lungscope.images import Preprocessing
from lungscope.inference.description import Description
from lungscope.models import Shape, build_network
from lungscope.models.checkpoint import Checkpoint, save_checkpoint

CLASSES = ("Lung Opacity", "Normal", "Viral Pneumonia")


@pytest.fixture
def description():
    return Description(
        architecture="mobilenet-lung",
        se_reduction=8,
        classes=CLASSES,
        preprocessing=Preprocessing(64, 0.48, 0.23),
        weights_sha256="",
        data_fingerprint="abc",
        recipe={"model": "mobilenet-lung"},
        metrics={"validation_accuracy": 0.9},
        versions={"torch": "2"},
    )


@pytest.fixture
def folder(tmp_path, description):
    torch.manual_seed(0)
    network = build_network("mobilenet-lung", Shape(3, se_reduction=8))
    save_checkpoint(tmp_path / "checkpoint", network.state_dict(), description)
    return tmp_path / "checkpoint"


def edit(folder, **changes):
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_what_is_saved_is_loaded_to_the_last_bit(folder, description):
    torch.manual_seed(0)
    network = build_network("mobilenet-lung", Shape(3, se_reduction=8))
    loaded = Checkpoint.load(folder)
    assert loaded.description.classes == CLASSES
    assert loaded.description.preprocessing == description.preprocessing
    assert loaded.description.metrics == {"validation_accuracy": 0.9}
    assert not loaded.network.training
    for key, value in network.state_dict().items():
        assert torch.equal(loaded.network.state_dict()[key], value), key


def test_a_checkpoint_is_two_files_and_no_pickle(folder):
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "model.safetensors"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 3}, "format version 3"),
        ({"format": "something"}, "not the description of a lungscope model"),
        ({"weights_sha256": "0" * 64}, "SHA-256 differs"),
        ({"classes": ["Normal", "Lung Opacity"]}, "do not fit mobilenet-lung with 2 classes"),
        ({"classes": ["Normal", "Normal", "Other"]}, "two different names"),
        ({"architecture": "resnet18"}, "do not fit resnet18"),
        ({"architecture": "resnet99"}, "unknown"),
        ({"preprocessing": {"resizing": "nearest"}}, "resizing 'nearest' is unknown"),
        ({"preprocessing": {}}, "resizing None is unknown"),
        ({"temperature": "warm"}, "damaged"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(folder, changes, message):
    edit(folder, **changes)
    with pytest.raises(LungscopeError, match=message) as refusal:
        Checkpoint.load(folder)
    assert "\n" not in str(refusal.value)


def test_an_architecture_that_is_unknown_is_damage_of_the_file_that_names_it(folder):
    edit(folder, architecture="resnet99")
    with pytest.raises(ModelDamaged, match=r"model\.json: model 'resnet99' is unknown"):
        Checkpoint.load(folder)


def test_weights_cut_off_in_copying_are_refused(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(LungscopeError, match="SHA-256 differs"):
        Checkpoint.load(folder)


@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(LungscopeError, match=name):
        Checkpoint.load(folder)


def test_a_failed_save_leaves_the_old_checkpoint(folder, description, monkeypatch):
    before = (folder / "model.safetensors").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(LungscopeError, match="No space left"):
        save_checkpoint(folder, {"weight": torch.zeros(1)}, description)
    assert (folder / "model.safetensors").read_bytes() == before
    assert len(list(folder.iterdir())) == 2
