import copy
import json
import math
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up import performance, randomisation, unlearned
from scipy.stats import spearmanr
from torch import nn

from lungscope.audit.attributions import compute_attribution
from lungscope.audit.checks import randomisation as module
from lungscope.audit.checks.randomisation import (
    compute_randomisation,
    conclude_randomisation,
    randomise,
    similarity,
)
from lungscope.data.cache import Cache
from lungscope.data.split import SplitEntry
from lungscope.estimate import Estimate
from lungscope.images import Preprocessing
from lungscope.inference.description import Description
from lungscope.models import Shape, build_network, list_architectures
from lungscope.models.checkpoint import Checkpoint
from lungscope.models.network import Network

WITH = [each.name for each in list_architectures() if each.name != "vgg11"]
SIZE, COUNT = 64, 12


def a_network(name):
    torch.manual_seed(0)
    return build_network(name, Shape(classes=3)).eval()


@pytest.fixture(scope="module")
def noise():
    pixels = np.random.default_rng(0).integers(0, 256, (COUNT, SIZE, SIZE), dtype=np.uint8)
    entries = [
        SplitEntry(f"{n}.png", n % 3, f"hash {n}", f"g{n // 2}", "test") for n in range(COUNT)
    ]
    return Cache(pixels, {f"hash {n}": n for n in range(COUNT)}, Path()), entries


def a_checkpoint(network):
    description = Description("resnet18", 16, ("a", "b", "c"), Preprocessing(SIZE, 0.5, 0.25), "")
    return Checkpoint(network, description)


@pytest.mark.parametrize("name", WITH)
def test_every_layer_gets_other_weights_and_the_model_keeps_its_own(name):
    network = a_network(name)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    state = torch.get_rng_state()
    found = randomise(network, 1)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert not network.training
    for (key, own), other in zip(network.named_parameters(), found.parameters(), strict=True):
        assert own.ndim < 2 or torch.isclose(own, other).double().mean() < 0.01, key
    training = {type(each) for each in found.modules() if each.training}
    assert training <= {nn.BatchNorm2d}
    again, other = randomise(network, 1), randomise(network, 2)
    assert all(map(torch.equal, again.parameters(), found.parameters()))
    assert not all(map(torch.equal, other.parameters(), found.parameters()))


@pytest.mark.parametrize("name", ["mobilenet-lung", "densenet121", "squeezenet1_1", "resnet18"])
def test_at_each_depth_the_layers_above_are_random_and_those_below_are_trained(name):
    network, size = a_network(name), 64
    random = randomise(network, 1)
    images = torch.randn(4, 3, size, size)
    with torch.inference_mode():
        own, by_depth = module._cascade(network, [random], images.clone())
        maps = network.features(images)
        answers = network.classifier(network.pool(maps)).argmax(dim=1)
        torch.testing.assert_close(own, compute_attribution(network, maps, answers))
        names = [key for key, _ in network.features.named_children()]
        for layer in [*list(by_depth)[::4], "classifier"]:
            mixed = copy.deepcopy(network)
            mixed.classifier = random.classifier
            for key in names[names.index(layer) :] if layer in names else []:
                setattr(mixed.features, key, getattr(random.features, key))
            expected = compute_attribution(mixed, mixed.features(images), answers)
            torch.testing.assert_close(by_depth[layer][0], expected, msg=layer)
    learning = {key for key, each in network.features.named_children() if list(each.parameters())}
    assert set(by_depth) == learning | {"classifier"}


def test_similarity_is_the_absolute_rank_correlation_of_the_cells():
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(5, 4, 3, generator=generator)
    second = (first + torch.randn(5, 4, 3, generator=generator)).round()  # with ties
    expected = [
        abs(spearmanr(one.flatten(), other.flatten()).statistic)
        for one, other in zip(first, second, strict=True)
    ]
    assert similarity(first, second) == pytest.approx(expected)
    assert similarity(first, -(first**3)) == pytest.approx(np.ones(5))
    assert similarity(first, torch.ones(5, 4, 3)).tolist() == [0] * 5


def test_depths_go_from_the_classifier_to_the_first_layer_and_the_model_stays_as_it_is(noise):
    network = a_network("squeezenet1_1")
    before = {key: value.clone() for key, value in network.state_dict().items()}
    told = []
    found = compute_randomisation(
        a_checkpoint(network), *noise, on_progress=lambda *done: told.append(done)
    )
    layers = [key for key, each in network.features.named_children() if list(each.parameters())]
    assert [depth.layer for depth in found.depths] == ["classifier", *reversed(layers)]
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert (found.images, found.groups, found.networks, found.cells) == (COUNT, 6, 3, 9)
    assert found.chance == pytest.approx(math.sqrt(2 / math.pi / 8))
    assert told == [(COUNT, COUNT)]
    one = json.dumps(asdict(found), allow_nan=False)
    again = compute_randomisation(a_checkpoint(network), *noise)
    assert json.dumps(asdict(again)) == one


class Grey(nn.Module):
    """Knows nothing: the image itself, coarser."""

    def forward(self, images):
        return nn.functional.avg_pool2d(images[:, :1], 8)


def test_a_heatmap_that_is_the_image_stays_alike_whatever_is_learned(noise):
    pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network = Network(nn.Sequential(Grey()), pool, nn.Linear(1, 3), "all")
    found = compute_randomisation(a_checkpoint(network), *noise)
    (depth,) = found.depths
    assert depth.layer == "classifier"
    assert depth.similarity.value == pytest.approx(1)


class Quadrant(nn.Module):
    """A layer that has learned to look at one place."""

    def __init__(self):
        super().__init__()
        self.place = nn.Linear(64, 64)
        nn.init.zeros_(self.place.weight)
        with torch.no_grad():
            self.place.bias.copy_(torch.arange(64.0) % 8 < 4)

    def forward(self, images):
        cells = nn.functional.avg_pool2d(images[:, :1], 8).flatten(1)
        return self.place(cells).reshape(-1, 1, 8, 8)


def test_a_heatmap_that_is_what_was_learned_does_not(noise):
    pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network = Network(nn.Sequential(Quadrant()), pool, nn.Linear(1, 3), "all")
    found = compute_randomisation(a_checkpoint(network), *noise)
    classifier, everything = (depth.similarity for depth in found.depths)
    assert classifier.value == pytest.approx(1)
    assert everything.value < 0.3


def conclude(value, low, high, groups=41, of=None):
    made = randomisation()
    last = replace(made.depths[-1], similarity=Estimate(value, low, high))
    found = replace(made, groups=groups, depths=(*made.depths[:-1], last))
    (finding,) = conclude_randomisation(found, of or performance())
    return finding


@pytest.mark.parametrize(
    ("similarity", "verdict"),
    [
        ((0.15, 0.12, 0.18), "pass"),
        ((0.30, 0.25, 0.33), "pass"),
        ((0.30, 0.25, 0.35), "warn"),
        ((0.55, 0.50, 0.60), "warn"),
        ((0.57, 0.50, 0.60), "fail"),
        ((0.95, 0.90, 1.00), "fail"),
    ],
)
def test_maps_must_not_stay_similar_when_everything_is_random(similarity, verdict):
    assert conclude(*similarity).verdict == verdict


def test_the_similarity_is_stated_from_the_classifier_to_the_whole_beside_chance():
    found = conclude(0.15, 0.12, 0.18).statement.replace("\u00a0", " ")
    assert "0.39 (95 % 0.35 to 0.43) with the classifier random" in found
    assert "0.15 (95 % 0.12 to 0.18) with every layer random" in found
    assert "that of unrelated maps is 0.12." in found


def test_a_handful_of_groups_decides_nothing():
    for value in (0.1, 0.9):
        assert conclude(value, value, value, groups=9).verdict == "warn"


def test_a_model_without_a_heatmap_or_one_that_has_learned_nothing_is_not_measured():
    (without,) = conclude_randomisation(None, performance())
    assert without.verdict == "not-measured"
    assert without.statement.startswith("The model has no class activation map")
    assert conclude(0.15, 0.12, 0.18, of=unlearned()).verdict == "not-measured"
