"""MixStyle: the statistics of early maps are mixed, what is shown is kept."""

import numpy as np
import pytest
import torch

from lungscope.models import Shape, build_network
from lungscope.training.mixed_styles import MixedStyles, mix_styles


@pytest.fixture
def network():
    torch.manual_seed(0)
    return build_network("mobilenet-lung", Shape(3)).eval()


def test_mixed_maps_differ_from_the_given_ones_in_mean_and_spread_alone():
    maps = torch.rand(6, 4, 16, 16) * torch.arange(1, 7).reshape(6, 1, 1, 1)
    torch.manual_seed(1)
    mixed = mix_styles(maps, alpha=1)
    for before, after in zip(maps.flatten(2), mixed.flatten(2), strict=True):
        for one, other in zip(before, after, strict=True):
            assert np.corrcoef(one, other)[0, 1] == pytest.approx(1, abs=1e-5)
    assert not torch.allclose(mixed, maps)


def test_statistics_lie_between_those_of_the_images():
    maps = torch.stack([torch.rand(3, 8, 8), 5 + 10 * torch.rand(3, 8, 8)])
    torch.manual_seed(0)
    mixed = mix_styles(maps, alpha=0.5)
    for name in (torch.mean, torch.std):
        ours, theirs = (name(each, dim=(2, 3)) for each in (maps, mixed))
        assert (theirs >= ours.min(dim=0).values - 1e-3).all()
        assert (theirs <= ours.max(dim=0).values + 1e-3).all()


def test_a_gradient_reaches_the_maps():
    maps = torch.rand(4, 2, 8, 8, requires_grad=True)
    mix_styles(maps).square().mean().backward()
    assert maps.grad.abs().sum() > 0


def test_a_network_mixes_inside_the_block_and_never_after_it(network):
    images = torch.rand(4, 3, 64, 64) * torch.arange(1, 5).reshape(4, 1, 1, 1)
    network.train()  # BatchNorm scales the maps of a new network to where they can be told apart
    with torch.no_grad():
        usual = network.features(images)
        with MixedStyles(network, probability=1):
            mixed = network.features(images)
        assert not torch.allclose(mixed, usual)
        torch.testing.assert_close(network.features(images), usual)


def test_a_probability_of_zero_mixes_nothing(network):
    images = torch.rand(4, 3, 64, 64) * torch.arange(1, 5).reshape(4, 1, 1, 1)
    network.train()
    with torch.no_grad(), MixedStyles(network, probability=0):
        torch.testing.assert_close(network.features(images), network.features(images))


def test_finding_the_layers_leaves_the_network_as_it_was(network):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.train()
    MixedStyles(network, probability=1)
    assert network.training
    after = network.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
