import pytest
import torch
from monai.visualize import GradCAM

from lungscope.models import Shape, build_network, list_architectures
from lungscope.models.activation_map import (
    compute_activation_map,
    compute_grad_cam,
    has_activation_map,
)

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
    with torch.device("meta"):  # the shape of its layers decides; its weights are 0.5 GB
        network = build_network("vgg11", Shape(classes=3))
    assert not has_activation_map(network)
    with pytest.raises(ValueError, match="no activation map"):
        compute_activation_map(network, torch.zeros(1, 512, 7, 7))


LINEAR = ["resnet18", "densenet121", "mobilenet-v2", "mobilenet-lung"]
"""Those of one average over all places and a linear classifier."""


def network_and_image(name, size=96):
    torch.manual_seed(0)
    network = build_network(name, Shape(classes=3)).eval()
    return network, torch.randn(1, 3, size, size)


def monais(network, image, label):
    """MONAI's Grad-CAM on the last feature maps, before it is enlarged or normalised."""
    network.requires_grad_(True)
    network.trained = "all"  # or no gradient is recorded in a frozen backbone
    image = image.clone().requires_grad_()  # or torch warns that its hooks see no input's gradient
    return GradCAM(network, target_layers="features").compute_map(image, class_idx=label).detach()


@pytest.mark.parametrize("name", ["resnet18", "squeezenet", "vgg11"])
def test_it_is_monais_before_the_relu(name):
    network, image = network_and_image(name)
    found = compute_grad_cam(network, network.features(image))
    assert found.shape[:2] == (1, 3)
    for label in range(3):
        expected = monais(network, image, label)
        ours = found[:, label : label + 1].relu()
        assert ours.shape == expected.shape
        torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5 * float(expected.max()))


@pytest.mark.parametrize("name", LINEAR)
def test_the_activation_map_of_a_linear_classifier_is_grad_cam(name):
    network, image = network_and_image(name)
    with torch.inference_mode():
        contributions = compute_activation_map(network, network.features(image))
    for label in range(3):
        expected = monais(network, image, label)
        ours = contributions[:, label : label + 1].relu()
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5 * float(expected.max()))


@pytest.mark.parametrize("name", ["mobilenet-lung", "resnet18"])
def test_with_the_bias_it_sums_to_the_logits_where_these_are_sums_over_places(name):
    network, image = network_and_image(name)
    with torch.no_grad():
        logits = network(image)
        found = compute_grad_cam(network, network.features(image))
    (bias,) = (m.bias for m in network.classifier.modules() if isinstance(m, torch.nn.Linear))
    torch.testing.assert_close(found.sum(dim=(2, 3)) + bias, logits, rtol=1e-4, atol=1e-5)


def test_images_of_a_batch_do_not_touch_each_other():
    network, _ = network_and_image("mobilenet-lung")
    maps = network.features(torch.randn(3, 3, 64, 64))
    together = compute_grad_cam(network, maps)
    for number in range(3):
        alone = compute_grad_cam(network, maps[number : number + 1])
        torch.testing.assert_close(together[number], alone[0], rtol=1e-5, atol=1e-7)


def test_it_needs_no_gradients_and_leaves_none():
    network, image = network_and_image("squeezenet")
    network.requires_grad_(False)
    with torch.inference_mode():
        maps = network.features(image)
        found = compute_grad_cam(network, maps)
    assert not found.requires_grad
    assert all(parameter.grad is None for parameter in network.parameters())
