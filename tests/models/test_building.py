import pytest
import torch
from safetensors.torch import load_file

from lungscope.errors import LungscopeError
from lungscope.inference.exported import SHIPPED_MODEL
from lungscope.models import Shape, build


def test_training_starts_from_the_features_in_the_box_with_a_classifier_of_its_own():
    shipped = load_file(SHIPPED_MODEL / "model.safetensors")
    network = build("mobilenet-lung", Shape(5), "shipped")
    own = network.state_dict()
    features = [key for key in own if key.startswith("features.")]
    assert features
    assert all(torch.equal(own[key], shipped[key]) for key in features)
    assert network.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 5)


@pytest.mark.parametrize(
    ("name", "shape"), [("resnet18", Shape(3)), ("mobilenet-lung", Shape(3, se_reduction=8))]
)
def test_weights_of_another_architecture_are_refused(name, shape):
    with pytest.raises(LungscopeError, match="shipped weights are of mobilenet-lung"):
        build(name, shape, "shipped")
