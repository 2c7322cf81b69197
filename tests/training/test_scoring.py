import numpy as np
import pytest
import torch

from lungscope.images import Preprocessing
from lungscope.models import Shape, build_network
from lungscope.training.loading import Batch
from lungscope.training.scoring import compute_features, compute_logits

SIZE = 32


@pytest.fixture(scope="module")
def pixels():
    drawn = np.random.default_rng(0).integers(0, 256, (7, 1, SIZE, SIZE), dtype=np.uint8)
    return torch.from_numpy(drawn)


def loader(pixels, batch=3):
    unlabelled = torch.zeros(len(pixels), dtype=torch.int64)
    return [
        Batch(part, unlabelled[: len(part)], unlabelled[: len(part)])
        for part in pixels.split(batch)
    ]


@pytest.fixture(scope="module", params=["mobilenet-v2", "squeezenet"])
def network(request):
    torch.manual_seed(0)
    return build_network(request.param, Shape(3))


PREPROCESSING = Preprocessing(SIZE, 0.5, 0.25)


def test_scores_are_the_networks_in_evaluation_mode(network, pixels):
    found = compute_logits(network.train(), PREPROCESSING, loader(pixels))
    images = ((pixels / 255 - 0.5) / 0.25).expand(-1, 3, -1, -1)
    with torch.no_grad():
        expected = network.eval()(images)
    assert found.dtype == np.float64
    assert found == pytest.approx(expected.numpy(), abs=1e-5)


def test_the_classifier_on_the_features_gives_the_scores(network, pixels):
    found = compute_features(network, PREPROCESSING, loader(pixels))
    assert found.shape == (7, 1280 if network.classifier[1].weight.ndim == 2 else 512)
    if network.classifier[1].weight.ndim == 2:
        with torch.no_grad():
            logits = network.classifier(torch.from_numpy(found).float())
        expected = compute_logits(network, PREPROCESSING, loader(pixels))
        assert logits.numpy() == pytest.approx(expected, abs=1e-5)


def test_images_are_changed_before_they_are_normalised(network, pixels):
    flipped = compute_logits(network, PREPROCESSING, loader(pixels.flip(3)))
    found = compute_logits(
        network, PREPROCESSING, loader(pixels), change=lambda images: images.flip(3)
    )
    assert found == pytest.approx(flipped, abs=1e-6)


def test_it_is_told_how_many_images_are_done(network, pixels):
    told = []
    compute_logits(network, PREPROCESSING, loader(pixels), on_images=told.append)
    assert told == [3, 6, 7]
