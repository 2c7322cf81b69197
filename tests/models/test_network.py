import pytest
import torch
from torch import nn

from lungscope.models import Network, Shape, build_network, list_architectures
from lungscope.models.network import compute_levels

CHANNELS = {
    "squeezenet": (96, 256, 512),
    "squeezenet1_1": (64, 128, 256),
    "vgg11": (64, 128, 256, 512, 512),
    "resnet18": (64, 64, 128, 256),
    "densenet121": (64, 256, 512, 1024),
    "mobilenet-v2": (16, 24, 32, 96),
    "mobilenet-ft": (16, 24, 32, 96),
    "mobilenet-lung": (16, 24, 32, 96),
}


@pytest.mark.parametrize("name", [each.name for each in list_architectures()])
def test_every_architecture_has_a_level_for_each_resolution_but_the_coarsest(name):
    torch.manual_seed(0)
    network = build_network(name, Shape(3)).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        maps, levels = compute_levels(network, images)
        assert torch.equal(maps, network.features(images))
    assert levels.shape == (2, sum(CHANNELS[name]))
    assert levels.isfinite().all()


class Plus(nn.Module):
    def forward(self, maps):
        return maps + 1


def network_of(*layers):
    return Network(nn.Sequential(*layers), nn.Identity(), nn.Identity(), "all")


def test_a_level_is_the_mean_of_the_last_maps_before_resolution_is_lost():
    network = network_of(Plus(), Plus(), nn.AvgPool2d(2), Plus(), nn.AvgPool2d(2), Plus())
    images = torch.randn(4, 3, 8, 8)
    maps, levels = compute_levels(network, images)
    mean = images.mean(dim=(2, 3))
    assert maps.shape == (4, 3, 2, 2)
    torch.testing.assert_close(levels, torch.cat([mean + 2, mean + 3], dim=1))


def test_a_layer_that_works_in_place_does_not_reach_back_into_a_level():
    network = network_of(Plus(), nn.AvgPool2d(2), nn.ReLU(inplace=True))
    images = -3 * torch.ones(1, 3, 4, 4)
    torch.testing.assert_close(compute_levels(network, images)[1], torch.full((1, 3), -2.0))


def test_a_network_of_one_resolution_has_no_levels():
    with pytest.raises(ValueError, match="one resolution"):
        compute_levels(network_of(Plus(), Plus()), torch.zeros(1, 3, 4, 4))
