from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from lungscope.data.cache import Cache
from lungscope.data.split import SplitEntry
from lungscope.images import Preprocessing
from lungscope.models import Network
from lungscope.training.frozen import AS_IT_IS, FrozenBackbone
from lungscope.training.loading import CachedImages
from lungscope.training.module import LungTraining
from lungscope.training.recipe import Recipe

SIZE = 32
RECIPE = Recipe(rotation=0, seed=5)


@pytest.fixture(params=["vectors", "maps"])
def training(request):
    """Steps without a trainer: nothing is logged."""
    torch.manual_seed(0)
    features = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU())
    dropout, last = nn.Dropout(0.5), nn.Linear(6, 3)
    if request.param == "vectors":
        pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        classifier = nn.Sequential(dropout, last)
    else:
        pool = nn.Identity()
        classifier = nn.Sequential(dropout, nn.AdaptiveAvgPool2d(1), nn.Flatten(), last)
    network = Network(features, pool, classifier, "classifier")
    training = LungTraining(network, 3, RECIPE, Preprocessing(SIZE, 0.5, 0.25))
    training.log = lambda *_, **__: None
    return training


@pytest.fixture
def images():
    pixels = np.random.default_rng(0).integers(0, 256, (20, SIZE, SIZE), dtype=np.uint8)
    cache = Cache(pixels, {f"hash {row}": row for row in range(20)}, Path("nowhere"))
    return CachedImages(
        cache, [SplitEntry(f"{r}.png", r % 3, f"hash {r}", "g", "train") for r in range(20)]
    )


def held(training, images, policy):
    return FrozenBackbone(training.network, training.preprocessing).of_all(images, policy)


def test_a_training_step_on_features_draws_what_one_on_images_draws(training, images):
    features = held(training, images, RECIPE.augmentation)
    training.on_train_epoch_start()
    losses = set()
    for step, chosen in enumerate([[3, 1, 4, 15], [9, 2, 6], [5, 3, 5, 8, 7, 0], [3, 1, 4, 15]]):
        expected = training.training_step(images.__getitems__(chosen), step)
        found = training.training_step(features.__getitems__(chosen), step)
        assert found.item() == pytest.approx(expected.item(), abs=1e-6)
        losses.add(expected.item())
    assert len(losses) == 4  # the first and the last have the same images, but not the same draws


def test_a_training_step_on_features_has_the_gradient_of_one_on_images(training, images):
    features = held(training, images, RECIPE.augmentation)
    training.on_train_epoch_start()
    gradients = []
    for subset in (images, features):
        training.zero_grad()
        training.training_step(subset.__getitems__([3, 1, 4, 15]), 0).backward()
        gradients.append([p.grad.clone() for p in training.network.classifier.parameters()])
    torch.testing.assert_close(*gradients)


def test_a_validation_step_on_features_counts_what_one_on_images_counts(training, images):
    features = held(training, images, AS_IT_IS)
    found = []
    for subset in (images, features):
        training.eval()
        training.validation_loss.reset()
        training.validation_accuracy.reset()
        with torch.no_grad():
            for step, chosen in enumerate([[0, 1, 2, 3], [4, 5, 6]]):
                training.validation_step(subset.__getitems__(chosen), step)
        loss = training.validation_loss.compute()
        found.append((loss.item(), training.validation_accuracy.compute().item()))
    assert found[1] == pytest.approx(found[0], abs=1e-6)
