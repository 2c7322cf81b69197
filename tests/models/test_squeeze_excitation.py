import pytest
import torch
from torchvision.models import mobilenet_v2

from lungscope.errors import LungscopeError
from lungscope.models import Shape, build_network
from lungscope.models.squeeze_excitation import after_first_convolution, squeeze_excitation


def test_block_equals_the_papers_equations_written_out_by_hand():
    torch.manual_seed(0)
    block = squeeze_excitation(32, reduction=4).double()
    torch.nn.init.normal_(block.fc2.weight)  # away from its cautious start
    images = torch.randn(5, 32, 7, 9, dtype=torch.float64)

    z = torch.zeros(5, 32, dtype=torch.float64)  # equation 1: squeeze
    for row in range(7):
        for column in range(9):
            z += images[:, :, row, column] / (7 * 9)
    w1, b1 = block.fc1.weight[:, :, 0, 0], block.fc1.bias
    w2, b2 = block.fc2.weight[:, :, 0, 0], block.fc2.bias
    hidden = (z @ w1.T + b1).clamp(min=0)
    s = 1 / (1 + torch.exp(-(hidden @ w2.T + b2)))  # equation 2: excitation
    by_hand = images * s[:, :, None, None]  # equation 3: rescale

    torch.testing.assert_close(block(images), by_hand)


def test_block_starts_near_the_identity():
    torch.manual_seed(0)
    images = torch.rand(2, 32, 8, 8) * 6  # what a ReLU6 gives
    ratio = squeeze_excitation(32)(images) / images
    assert ratio.min() > 0.93
    assert ratio.max() < 0.98


@pytest.mark.parametrize("seed", range(8))
def test_gradient_passes_through_the_gate_to_both_of_its_layers(seed):
    torch.manual_seed(seed)
    block = squeeze_excitation(32)
    block(torch.rand(2, 32, 8, 8)).square().sum().backward()
    for layer in (block.fc1, block.fc2):
        moved = layer.weight.grad.abs().sum(dim=1)
        assert (moved > 0).all(), "a unit that starts dead never learns"


def test_block_of_mobilenet_lung_changes_its_logits():
    torch.manual_seed(0)
    network = build_network("mobilenet-lung", Shape(3)).eval()
    images = torch.randn(2, 3, 64, 64)
    before = network(images)
    torch.nn.init.constant_(network.features.se.fc2.bias, -3.0)
    assert not torch.equal(before, network(images))


@pytest.mark.parametrize("reduction", [0, 33])
def test_reduction_that_leaves_no_bottleneck_is_refused(reduction):
    with pytest.raises(LungscopeError, match="give 1 to 32"):
        squeeze_excitation(32, reduction)


def test_block_sits_right_behind_the_first_convolution_and_nothing_else_moves():
    original = mobilenet_v2(weights=None).features
    features = after_first_convolution(original, reduction=16)
    names = [name for name, _ in features.named_children()]
    assert names == ["0", "se", *[str(k) for k in range(1, 19)]]
    for name, layer in original.named_children():
        assert features.get_submodule(name) is layer


@pytest.mark.parametrize("reduction", [16, 8, 4])
def test_parameters_differ_from_mobilenet_ft_by_exactly_the_block(reduction):
    def parameters(name):
        network = build_network(name, Shape(3, se_reduction=reduction))
        return sum(p.numel() for p in network.parameters())

    squeezed = 32 // reduction
    block = (32 * squeezed + squeezed) + (squeezed * 32 + 32)
    assert parameters("mobilenet-lung") - parameters("mobilenet-ft") == block
