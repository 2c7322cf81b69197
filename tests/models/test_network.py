from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.transforms import v2

from lungscope.images import Preprocessing
from lungscope.models import Network, Shape, build_network, list_architectures
from lungscope.models.network import compute_levels, normalise, to_unit

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


PREPROCESSING = Preprocessing(size=32, mean=0.48, std=0.23)


def test_bytes_become_shares_of_white():
    pixels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    found = to_unit(pixels)
    assert found.dtype == torch.float32
    assert found.numpy().ravel() == pytest.approx(np.arange(256) / 255, rel=1e-7)
    assert (found.min(), found.max()) == (0, 1)


def test_the_same_numbers_as_torchvisions_transforms():
    pixels = torch.randint(0, 256, (4, 1, 32, 32), dtype=torch.uint8)
    theirs = v2.Compose(
        [
            v2.ToDtype(torch.float32, scale=True),
            v2.Grayscale(3),
            v2.Normalize([0.48] * 3, [0.23] * 3),
        ]
    )(pixels)
    torch.testing.assert_close(normalise(to_unit(pixels), PREPROCESSING), theirs)


def test_the_training_pixels_get_mean_0_and_standard_deviation_1():
    images = torch.rand(8, 1, 32, 32)
    own = Preprocessing(32, float(images.mean()), float(images.std(correction=0)))
    found = normalise(images, own)
    assert found.mean().item() == pytest.approx(0, abs=1e-5)
    assert found.std(correction=0).item() == pytest.approx(1, abs=1e-5)


def test_each_image_by_itself_gets_mean_0_and_standard_deviation_1():
    images = torch.rand(3, 1, 32, 32) * torch.tensor([0.2, 0.5, 1.0]).reshape(3, 1, 1, 1)
    found = normalise(images, replace(PREPROCESSING, normalisation="image"))
    assert found.mean(dim=(1, 2, 3)).abs().max() < 1e-5
    spread = images.std(dim=(1, 2, 3), correction=0)  # 0.01 is added to it
    assert found.std(dim=(1, 2, 3), correction=0).numpy() == pytest.approx(spread / (spread + 0.01))


def test_an_image_of_one_grey_value_is_all_zero():
    images = torch.full((1, 1, 32, 32), 0.7)
    assert normalise(images, replace(PREPROCESSING, normalisation="image")).abs().max() < 1e-4


def test_one_grey_channel_becomes_three_equal_ones_channels_last_in_memory():
    found = normalise(torch.rand(2, 1, 32, 32), PREPROCESSING)
    assert found.shape == (2, 3, 32, 32)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(found[:, 0], found[:, 1])
    assert torch.equal(found[:, 0], found[:, 2])


def test_what_is_given_is_not_changed():
    images = torch.rand(2, 1, 32, 32)
    before = images.clone()
    normalise(images, PREPROCESSING)
    assert torch.equal(images, before)
