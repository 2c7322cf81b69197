from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from lungscope.data.cache import Cache
from lungscope.data.split import SplitEntry
from lungscope.images import Preprocessing
from lungscope.models import Network
from lungscope.models.network import normalise
from lungscope.training.distillation import distillation_losses
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


def sizes_and_targets(images, recipe, steps=12):
    """What a network without features is given, and what it is to answer, step by step."""
    given, wanted = [], []

    class Spy(nn.Module):
        def forward(self, pixels):
            given.append(pixels.shape[-1])
            return pixels.mean((2, 3))

    network = Network(Spy(), nn.Identity(), nn.Linear(3, 3), "classifier")
    training = LungTraining(network, 3, recipe, Preprocessing(SIZE, 0.5, 0.25))
    training.log = lambda *_, **__: None
    for step in range(steps):
        training._seed(step)
        wanted.append(training._answer_random_views(images.__getitems__(list(range(6)))).targets)
    return given, wanted


def test_training_images_are_shrunk_to_the_size_of_the_epoch(images):
    recipe = replace(RECIPE, size=SIZE + 32, start_size=SIZE, epochs=2)
    assert set(sizes_and_targets(images, replace(recipe, start_size=None), 1)[0]) == {SIZE}
    smaller = CachedImages(
        Cache(
            np.zeros((20, 2 * SIZE, 2 * SIZE), np.uint8),
            {f"hash {row}": row for row in range(20)},
            Path("nowhere"),
        ),
        [SplitEntry(f"{r}.png", r % 3, f"hash {r}", "g", "train") for r in range(20)],
    )
    assert set(sizes_and_targets(smaller, recipe, 1)[0]) == {SIZE}


def test_mixed_images_have_proportions_of_two_classes_as_their_target(images):
    plain = sizes_and_targets(images, RECIPE)[1]
    assert all(targets.dtype == torch.int64 for targets in plain)
    for recipe in (replace(RECIPE, mixup=1), replace(RECIPE, cutmix=1)):
        wanted = torch.stack(sizes_and_targets(images, recipe)[1])
        torch.testing.assert_close(wanted.sum(2), torch.ones(wanted.shape[:2]))
        assert ((wanted > 0).sum(2) <= 2).all()
        assert ((wanted > 0).sum(2) == 2).any()


def test_of_two_ways_to_mix_each_batch_takes_one(images):
    both = sizes_and_targets(images, replace(RECIPE, mixup=10, cutmix=0.01), 40)[1]
    # alpha 10 mixes about in halves, alpha 0.01 hardly at all
    even = torch.stack([((targets > 0.1) & (targets < 0.9)).any() for targets in both])
    assert 8 <= even.sum() <= 32


def test_group_dro_weighs_the_images_of_a_batch_by_their_cell(images):
    recipe = replace(RECIPE, flip_horizontal=0, flip_vertical=0, group_dro=0.5)
    features = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU())
    pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network = Network(features, pool, nn.Linear(6, 3), "all")
    training = LungTraining(network, 3, recipe, Preprocessing(SIZE, 0.5, 0.25), cells=3)
    training.log = lambda *_, **__: None
    batch = images.__getitems__([0, 1, 3, 4, 6])  # of the cells 0, 1, 0, 1, 0; none of 2
    with torch.no_grad():
        losses = cross_entropy(training._logits(batch), batch.labels, reduction="none")
        objective = training.training_step(batch, 0)
    first, second = losses[[0, 2, 4]].mean(), losses[[1, 3]].mean()
    raised = torch.stack([(first / 2).exp(), (second / 2).exp(), torch.tensor(1.0)])
    weights = raised / raised.sum()
    torch.testing.assert_close(training.group_dro.weights, weights)
    torch.testing.assert_close(objective, weights[0] * first + weights[1] * second)
    assert training.train_loss.compute().item() == pytest.approx(losses.mean().item(), abs=1e-6)


class Taught:
    """Teachers that answer alike whatever they are shown, and remember it."""

    def __init__(self):
        self.shown = []

    def to(self, device):
        pass

    def answer(self, images):
        self.shown.append(images)
        return torch.tensor([0.2, 0.3, 0.5]).expand(len(images), 3)


def test_a_distilled_loss_is_the_weighted_sum_of_labels_and_teachers_on_the_mixed_view(images):
    recipe = replace(RECIPE, distillation=0.75, distillation_temperature=3, mixup=1)
    pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network = Network(nn.Sequential(nn.Conv2d(3, 6, 3)), pool, nn.Linear(6, 3), "all")
    teaching, seen = Taught(), []
    training = LungTraining(network, 3, recipe, Preprocessing(SIZE, 0.5, 0.25), teaching=teaching)
    training.log = lambda *_, **__: None
    network.features.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    batch = images.__getitems__([0, 1, 2, 3])
    objective = training.training_step(batch, 0)
    normalised = normalise(teaching.shown[0], training.preprocessing)
    torch.testing.assert_close(normalised, seen[0])  # teachers see what the student sees
    training._seed(0)
    answered = training._answer_random_views(batch)
    labels = cross_entropy(answered.logits, answered.targets)
    taught = distillation_losses(answered.logits, answered.taught, 3).mean()
    torch.testing.assert_close(objective, 0.25 * labels + 0.75 * taught)


def test_frozen_layers_keep_their_weights_and_statistics_and_later_ones_do_not(images):
    features = nn.Sequential(
        *(nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3)) for _ in range(3))
    )
    pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network = Network(features, pool, nn.Linear(3, 3), "all")
    recipe = replace(RECIPE, frozen_layers=2)
    training = LungTraining(network, 3, recipe, Preprocessing(SIZE, 0.5, 0.25))
    training.log = lambda *_, **__: None
    before = {key: value.clone() for key, value in features.state_dict().items()}
    training.on_train_epoch_start()
    optimiser = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=1)
    training.training_step(images.__getitems__(list(range(6))), 0).backward()
    optimiser.step()
    changed = {
        key[0]
        for key, value in features.state_dict().items()
        if not torch.equal(value, before[key])
    }
    assert changed == {"2"}
