import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torchvision.models import get_model

from lungscope.errors import LungscopeError, WeightsUnavailable
from lungscope.inference.exported import BUNDLED_MODELS
from lungscope.models import Shape, build_network, get_architecture
from lungscope.models.weights import hash_imagenet_file, imagenet_file, is_published

FIVE = ["squeezenet", "vgg11", "resnet18", "densenet121", "mobilenet-v2"]


@pytest.fixture
def torch_home(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n == "vgg11" else n for n in FIVE]
)
def test_a_step_is_trained_from_weights_in_torchvisions_cache(name, torch_home):
    torch.manual_seed(0)
    file = imagenet_file(get_architecture(name))
    assert torch_home in file.parents
    file.parent.mkdir(parents=True)
    original = get_model(get_architecture(name).original, weights=None)
    torch.save(original.state_dict(), file)

    network = build_network(name, Shape(3), "imagenet").train()
    own = network.state_dict()
    shared = [k for k in original.state_dict() if k in own and not k.startswith("classifier")]
    assert shared or name == "resnet18"
    assert all(torch.equal(own[key], original.state_dict()[key]) for key in shared)
    loss = network(torch.randn(2, 3, 64, 64)).logsumexp(dim=1).sum()
    loss.backward()
    assert any(p.grad is not None for p in network.parameters())


def test_offline_and_not_cached_says_which_file_to_put_where(torch_home, monkeypatch, capfd):
    def no_network(*_, **__):
        raise torch.hub.URLError("no network")

    monkeypatch.setattr(torch.hub, "urlopen", no_network)
    with pytest.raises(WeightsUnavailable) as refusal:
        build_network("resnet18", Shape(3), "imagenet")
    message = str(refusal.value)
    assert "resnet18-f37072fd.pth" in message
    assert str(torch_home / "hub" / "checkpoints") in message
    assert "the weights robust or paper or none" in message
    assert "\n" not in message
    assert capfd.readouterr() == ("", "")  # torch.hub's "Downloading: ..."


def test_a_damaged_file_in_the_cache_is_named(torch_home):
    file = imagenet_file(get_architecture("squeezenet"))
    file.parent.mkdir(parents=True)
    file.write_bytes(b"not weights")
    with pytest.raises(LungscopeError, match=file.name):
        build_network("squeezenet", Shape(3), "imagenet")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_of_ones_own_is_read(tmp_path, suffix):
    original = get_model("squeezenet1_0", weights=None)
    path = tmp_path / f"mine{suffix}"
    if suffix == ".pth":
        torch.save(original.state_dict(), path)
    else:
        save_file(original.state_dict(), path)
    network = build_network("squeezenet", Shape(3), str(path))
    for key, value in original.features.state_dict().items():
        assert torch.equal(network.features.state_dict()[key], value)


def test_a_file_of_another_architecture_is_refused(tmp_path):
    path = tmp_path / "other.pth"
    torch.save(get_model("squeezenet1_1", weights=None).state_dict(), path)
    with pytest.raises(LungscopeError, match="do not fit") as refusal:
        build_network("squeezenet", Shape(3), str(path))
    assert "\n" not in str(refusal.value)


class Hostile:
    def __reduce__(self):
        return (Path.touch, (Path("pwned"),))


def test_a_pickle_with_code_in_it_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": Hostile()}, tmp_path / "hostile.pth")
    with pytest.raises(LungscopeError, match="plain state dict"):
        build_network("squeezenet", Shape(3), str(tmp_path / "hostile.pth"))
    assert not (tmp_path / "pwned").exists()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(LungscopeError, match="not found; weights are"):
        build_network("squeezenet", Shape(3), str(tmp_path / "nowhere.pth"))


@pytest.mark.parametrize("weights", ["paper", str(BUNDLED_MODELS["paper"])])
def test_training_starts_from_the_features_of_a_checkpoint_with_a_classifier_of_its_own(weights):
    bundled = load_file(BUNDLED_MODELS["paper"] / "model.safetensors")
    network = build_network("mobilenet-lung", Shape(5), weights)
    own = network.state_dict()
    features = [key for key in own if key.startswith("features.")]
    assert features
    assert all(torch.equal(own[key], bundled[key]) for key in features)
    assert network.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 5)


@pytest.mark.parametrize(
    ("name", "shape"), [("resnet18", Shape(3)), ("mobilenet-lung", Shape(3, se_reduction=8))]
)
def test_weights_of_another_architecture_are_refused(name, shape):
    with pytest.raises(LungscopeError, match="weights in paper are of mobilenet-lung"):
        build_network(name, shape, "paper")


def test_a_damaged_checkpoint_is_refused(tmp_path):
    (tmp_path / "model.json").write_bytes((BUNDLED_MODELS["paper"] / "model.json").read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(LungscopeError, match="not a safetensors file"):
        build_network("mobilenet-lung", Shape(3), str(tmp_path))


def test_a_file_of_another_training_under_torchvisions_name_is_recognised(torch_home):
    architecture = get_architecture("squeezenet1_1")
    assert hash_imagenet_file(architecture) is None
    file = imagenet_file(architecture)
    file.parent.mkdir(parents=True)
    file.write_bytes(b"weights")
    found = hash_imagenet_file(architecture)
    assert found == hashlib.sha256(b"weights").hexdigest()
    assert not is_published(architecture, found)
    assert is_published(architecture, "b8a52dc0" + found[8:])
