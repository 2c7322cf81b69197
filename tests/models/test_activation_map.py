import pytest
import torch

from lungscope.models import Shape, build_network, list_architectures
from lungscope.models.activation_map import compute_activation_map, has_activation_map

WITH = [each.name for each in list_architectures() if each.name != "vgg11"]


@pytest.mark.parametrize("name", WITH)
def test_contributions_sum_to_the_logits_less_the_bias(name):
    torch.manual_seed(0)
    network = build_network(name, Shape(classes=3)).eval()
    images = torch.randn(2, 3, 96, 96)
    with torch.inference_mode():
        logits = network(images)
        contributions = compute_activation_map(network, network.features(images))
    biases = [m.bias for m in network.classifier.modules() if isinstance(m, torch.nn.Linear)]
    bias = biases[0] if biases else 0
    assert has_activation_map(network)
    assert contributions.shape[:2] == (2, 3)
    assert contributions.ndim == 4
    torch.testing.assert_close(contributions.sum(dim=(2, 3)) + bias, logits, rtol=1e-4, atol=1e-5)


def test_fully_connected_layers_leave_no_map():
    network = build_network("vgg11", Shape(classes=3))
    assert not has_activation_map(network)
    with pytest.raises(ValueError, match="no activation map"):
        compute_activation_map(network, torch.zeros(1, 512, 7, 7))
