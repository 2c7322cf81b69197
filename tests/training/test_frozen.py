from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lungscope.data.augmentation import Augmentation, augment
from lungscope.data.cache import Cache
from lungscope.data.split import SplitEntry
from lungscope.images import Preprocessing
from lungscope.models import Network, Shape, build_network
from lungscope.models.network import normalise, to_unit
from lungscope.training import frozen
from lungscope.training.frozen import AS_IT_IS, FrozenBackbone, features_where_they_fit
from lungscope.training.loading import CachedFeatures, CachedImages
from lungscope.training.recipe import Recipe

SIZE = 32
PREPROCESSING = Preprocessing(SIZE, 0.5, 0.25)
FLIPS = Augmentation(0.5, 0.5, 0)
FOUR_VIEWS = Recipe(rotation=0)
BYTES_A_VIEW = 4 * 4  # of `small`: 4 channels, averaged, in float32


def small():
    """A frozen network whose features take 4 floats an image."""
    torch.manual_seed(0)
    network = Network(
        features=nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()),
        pool=nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        classifier=nn.Linear(4, 3),
        trained="classifier",
    )
    return network.to(memory_format=torch.channels_last)


def images(count, seed=0, size=SIZE):
    pixels = np.random.default_rng(seed).integers(0, 256, (count, size, size), dtype=np.uint8)
    cache = Cache(pixels, {f"hash {row}": row for row in range(count)}, Path("nowhere"))
    order = np.random.default_rng(1).permutation(count)
    entries = [SplitEntry(f"{r}.png", int(r) % 3, f"hash {r}", "g", "train") for r in order]
    return CachedImages(cache, entries)


def everything(subset):
    return subset.__getitems__(list(range(len(subset))))


def test_the_classifier_on_the_features_is_the_network_on_the_images():
    for name in ("mobilenet-v2", "squeezenet"):
        network = build_network(name, Shape(3)).to(memory_format=torch.channels_last)
        subset = images(3, size=32)
        held = FrozenBackbone(network, Preprocessing(32, 0.5, 0.25)).of_all(subset, AS_IT_IS)
        found_batch, images_batch = everything(held), everything(subset)
        with torch.no_grad():
            found = network.eval().classifier(found_batch.features[:, 0])
            expected = network(normalise(to_unit(images_batch.pixels), PREPROCESSING))
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
        assert torch.equal(found_batch.labels, images_batch.labels)
        assert torch.equal(found_batch.cells, images_batch.cells)


def test_features_have_no_gradient_and_do_not_depend_on_the_mode_of_the_network():
    network, subset = small(), images(5)
    before = network.features[1].running_mean.clone()
    network.features.train()  # as a network is that was just built
    features = everything(FrozenBackbone(network, PREPROCESSING).of_all(subset, AS_IT_IS)).features
    assert not features.requires_grad
    assert torch.equal(network.features[1].running_mean, before)
    pixels = everything(subset).pixels
    network.eval()
    expected = network.pool(network.features(normalise(to_unit(pixels), PREPROCESSING)))
    torch.testing.assert_close(features[:, 0], expected)


@pytest.mark.parametrize("policy", [FLIPS, Augmentation(1, 0.5, 0), Augmentation(0, 0, 0)])
def test_views_are_in_the_policys_order_and_as_augment_makes_them(policy):
    network, subset = small(), images(5)
    backbone = FrozenBackbone(network, PREPROCESSING)
    features = everything(backbone.of_all(subset, policy)).features
    assert features.shape == (5, len(policy.views), 4)
    units = to_unit(everything(subset).pixels)
    for number, flips in enumerate(policy.views):
        certain = Augmentation(*map(float, flips), 0)
        expected = backbone(augment(units, certain, torch.Generator()))
        torch.testing.assert_close(features[:, number], expected, rtol=0, atol=1e-5)
    if len(policy.views) > 1:
        assert (features[:, 0] - features[:, 1]).abs().max() > 1e-3


def test_features_are_in_the_arithmetic_of_the_steps():
    with torch.autocast("cpu", torch.bfloat16):
        held = FrozenBackbone(small(), PREPROCESSING).of_all(images(2), AS_IT_IS)
    assert everything(held).features.dtype == torch.bfloat16


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 300))
def test_no_image_is_computed_in_a_small_rest(count):
    seen = []
    network = small()
    network.features.register_forward_hook(lambda _, given, __: seen.append(len(given[0])))
    FrozenBackbone(network, PREPROCESSING).of_all(images(count), AS_IT_IS)
    seen.pop(0)  # the one image that tells the shape
    assert sum(seen) == count
    assert max(seen) <= frozen.BATCH
    assert min(seen) >= min(count, frozen.BATCH // 2)


def held(monkeypatch, recipe, limit=frozen.LIMIT, training=10, validation=6):
    """Whether features are held of training and validation images, and what was told."""
    monkeypatch.setattr(frozen, "LIMIT", limit)
    given, told = (images(training), images(validation, seed=1)), []
    backbone = FrozenBackbone(small(), PREPROCESSING)
    subsets = features_where_they_fit(backbone, *given, recipe, lambda *step: told.append(step))
    for subset, original in zip(subsets, given, strict=True):
        assert subset is original or isinstance(subset, CachedFeatures)
        assert len(subset) == len(original)
        assert torch.equal(everything(subset).labels, original.labels)
    return [isinstance(subset, CachedFeatures) for subset in subsets], told


def test_where_only_flips_vary_an_image_both_subsets_are_held(monkeypatch):
    assert held(monkeypatch, FOUR_VIEWS)[0] == [True, True]


def test_where_a_rotation_varies_them_the_training_images_stay_images(monkeypatch):
    assert held(monkeypatch, Recipe())[0] == [False, True]


def test_where_there_are_teachers_the_training_images_stay_images(monkeypatch):
    assert held(monkeypatch, Recipe(rotation=0, distillation=0.5))[0] == [False, True]


def test_views_are_not_computed_for_fewer_epochs_than_there_are_views(monkeypatch):
    assert held(monkeypatch, Recipe(rotation=0, epochs=3))[0] == [False, True]
    assert held(monkeypatch, Recipe(rotation=0, patience=2))[0] == [False, True]
    assert held(monkeypatch, Recipe(rotation=0, epochs=4, patience=3))[0] == [True, True]
    one_view = Recipe(rotation=0, flip_horizontal=0, flip_vertical=0, epochs=1)
    assert held(monkeypatch, one_view)[0] == [True, True]


def test_features_are_held_up_to_the_limit_of_both_subsets_together(monkeypatch):
    both = (4 * 10 + 6) * BYTES_A_VIEW
    assert held(monkeypatch, FOUR_VIEWS, both)[0] == [True, True]
    assert held(monkeypatch, FOUR_VIEWS, both - 1)[0] == [False, True]
    assert held(monkeypatch, FOUR_VIEWS, 6 * BYTES_A_VIEW)[0] == [False, True]
    assert held(monkeypatch, FOUR_VIEWS, 6 * BYTES_A_VIEW - 1)[0] == [False, False]
    assert held(monkeypatch, FOUR_VIEWS, 0) == ([False, False], [])


def test_progress_counts_the_views_of_all_images_and_never_goes_back(monkeypatch):
    _, told = held(monkeypatch, FOUR_VIEWS, training=150, validation=70)
    assert {total for _, total in told} == {4 * 150 + 70}
    done = [done for done, _ in told]
    assert done == sorted(done)
    assert done[-1] == 4 * 150 + 70
    assert len(done) > 4
