from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import softmax

from lungscope.data.cache import Cache
from lungscope.data.split import SplitEntry
from lungscope.errors import LungscopeError
from lungscope.evaluation import subset_predictions
from lungscope.evaluation.subset_predictions import predict_subset
from lungscope.images import Preprocessing
from lungscope.inference.description import Description
from lungscope.models import Shape, build_network
from lungscope.models.checkpoint import Checkpoint

CLASSES = ("Lung Opacity", "Normal", "Viral Pneumonia")
COUNT, SIZE, MEAN, STD = 10, 32, 0.45, 0.2


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = build_network("mobilenet-ft", Shape(3))
    # With new weights the signal dies out from layer to layer, and all images are one to it:
    # one pass that sets the statistics of every BatchNorm brings it back.
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(torch.randn(16, 3, SIZE, SIZE))
    return network.eval()


@pytest.fixture
def cache():
    pixels = np.random.default_rng(0).integers(0, 256, (COUNT, SIZE, SIZE), dtype=np.uint8)
    return Cache(pixels, {f"hash {row}": row for row in range(COUNT)}, Path("nowhere"))


@pytest.fixture
def entries():
    """In another order than the cache's rows."""
    return [
        SplitEntry(f"{row}.png", row % 3, f"hash {row}", f"group {row // 2}", "test")
        for row in reversed(range(COUNT))
    ]


def checkpoint(network, temperature=1.0):
    return Checkpoint(
        network,
        Description(
            architecture="mobilenet-ft",
            se_reduction=16,
            classes=CLASSES,
            preprocessing=Preprocessing(SIZE, MEAN, STD),
            weights_sha256="",
            temperature=temperature,
        ),
    )


def test_files_groups_and_labels_stand_in_the_order_of_the_entries(network, cache, entries):
    found = predict_subset(checkpoint(network), cache, entries)
    assert found.classes == CLASSES
    assert found.files == tuple(entry.file for entry in entries)
    assert found.groups == tuple(entry.group for entry in entries)
    assert found.labels.tolist() == [entry.label for entry in entries]
    assert found.sources == ("",) * COUNT


def test_the_source_goes_with_the_image(network, cache, entries):
    entries = [replace(entry, source=f"hospital {k}") for k, entry in enumerate(entries)]
    found = predict_subset(checkpoint(network), cache, entries)
    assert found.sources == tuple(f"hospital {k}" for k in range(COUNT))


def test_a_change_is_made_before_the_model_sees_the_images(network, cache, entries):
    seen = []

    def black(images):
        seen.append((images.shape, float(images.min()) >= 0, float(images.max()) <= 1))
        return torch.zeros_like(images)

    found = predict_subset(checkpoint(network), cache, entries, change=black)
    assert seen == [((COUNT, 1, SIZE, SIZE), True, True)]
    assert np.ptp(found.probabilities, axis=0) == pytest.approx([0, 0, 0], abs=1e-6)


def test_each_answer_is_the_networks_for_that_image_alone(network, cache, entries):
    found = predict_subset(checkpoint(network), cache, entries)
    network.eval()
    for row, entry in enumerate(entries):
        pixels = torch.tensor(cache.pixels[cache.row[entry.sha256]]) / 255
        image = ((pixels - MEAN) / STD).expand(1, 3, SIZE, SIZE)
        with torch.no_grad():
            expected = softmax(network(image)[0].double(), dim=0)
        assert found.probabilities[row] == pytest.approx(expected.numpy(), abs=1e-5)
    assert np.ptp(found.probabilities[:, 0]) > 0.01  # the images are not all one to it


@pytest.mark.parametrize("batch", [1, 3, COUNT])
def test_an_answer_does_not_depend_on_the_batch_that_it_was_in(
    network, cache, entries, monkeypatch, batch
):
    together = predict_subset(checkpoint(network), cache, entries)
    monkeypatch.setattr(subset_predictions, "BATCH", batch)
    found = predict_subset(checkpoint(network), cache, entries[::-1])
    assert found.probabilities[::-1] == pytest.approx(together.probabilities, abs=1e-5)


def test_a_network_in_training_mode_is_put_in_evaluation_mode(network, cache, entries):
    expected = predict_subset(checkpoint(network), cache, entries)
    statistics = network.features[0][1].running_mean.clone()
    found = predict_subset(checkpoint(network.train()), cache, entries)
    assert not network.training
    assert np.array_equal(found.probabilities, expected.probabilities)
    assert torch.equal(network.features[0][1].running_mean, statistics)


def test_the_temperature_divides_the_scores(network, cache, entries):
    plain = predict_subset(checkpoint(network), cache, entries)
    cooled = predict_subset(checkpoint(network, temperature=2.5), cache, entries)
    ratios = np.log(plain.probabilities[:, 0] / plain.probabilities[:, 1])
    cooler = np.log(cooled.probabilities[:, 0] / cooled.probabilities[:, 1])
    assert cooler == pytest.approx(ratios / 2.5, rel=1e-6)
    assert np.array_equal(cooled.predicted, plain.predicted)


def test_twice_the_same_question_gives_the_same_bits(network, cache, entries):
    one, two = (predict_subset(checkpoint(network), cache, entries) for _ in range(2))
    assert one.probabilities.tobytes() == two.probabilities.tobytes()


def test_progress_is_told_in_images(network, cache, entries, monkeypatch):
    monkeypatch.setattr(subset_predictions, "BATCH", 4)
    told = []
    predict_subset(checkpoint(network), cache, entries, on_progress=lambda *done: told.append(done))
    assert told == [(4, 10), (8, 10), (10, 10)]


def test_a_network_that_answers_with_no_number_is_refused(cache, entries):
    network = build_network("mobilenet-v2", Shape(3))
    torch.nn.init.constant_(network.classifier[1].bias, torch.nan)
    with pytest.raises(LungscopeError, match="not finite"):
        predict_subset(checkpoint(network), cache, entries)
