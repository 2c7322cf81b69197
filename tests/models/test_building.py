import pytest
import torch
from safetensors.torch import load_file

from lungscope.errors import LungscopeError
from lungscope.inference.exported import BUNDLED_MODEL
from lungscope.models import Shape, build_network


def test_training_starts_from_the_features_in_the_box_with_a_classifier_of_its_own():
    bundled = load_file(BUNDLED_MODEL / "model.safetensors")
    network = build_network("mobilenet-lung", Shape(5), "bundled")
    own = network.state_dict()
    features = [key for key in own if key.startswith("features.")]
    assert features
    assert all(torch.equal(own[key], bundled[key]) for key in features)
    assert network.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 5)


@pytest.mark.parametrize(
    ("name", "shape"), [("resnet18", Shape(3)), ("mobilenet-lung", Shape(3, se_reduction=8))]
)
def test_weights_of_another_architecture_are_refused(name, shape):
    with pytest.raises(LungscopeError, match="bundled weights are of mobilenet-lung"):
        build_network(name, shape, "bundled")
