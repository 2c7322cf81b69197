import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lungscope.images import Preprocessing, Radiograph, read, to_square
from lungscope.inference.description import Description
from lungscope.models import Shape, build_network
from lungscope.models.checkpoint import Checkpoint

CLASSES = ("Lung Opacity", "Normal", "Viral Pneumonia")


def checkpoint(architecture, temperature=2.0):
    torch.manual_seed(0)
    network = build_network(architecture, Shape(classes=3)).eval()
    preprocessing = Preprocessing(64, 0.4, 0.2)
    return Checkpoint(
        network, Description(architecture, 16, CLASSES, preprocessing, "ab" * 32, temperature)
    )


def film(height=90, width=120):
    pixels = np.random.default_rng(1).random((height, width), dtype=np.float32)
    return Radiograph(pixels, Path("film.png"), "PNG", "L", 8)


def test_it_answers_with_the_networks_calibrated_probabilities():
    model = checkpoint("mobilenet-lung")
    square = torch.from_numpy(to_square(film(), 64)) / 255
    images = ((square - 0.4) / 0.2).expand(1, 3, 64, 64)
    with torch.no_grad():
        expected = torch.softmax(model.network(images) / 2.0, dim=1)[0]
    answer = model.classify(film())
    assert list(answer.probabilities) == list(CLASSES)
    assert list(answer.probabilities.values()) == pytest.approx(expected.tolist(), abs=1e-6)
    assert answer.label == answer.most_probable
    assert answer.model == "mobilenet-lung abababab"
    assert math.isnan(answer.distance)


@pytest.mark.parametrize(
    ("architecture", "method"),
    [
        ("squeezenet1_1", "class-activation-map"),
        ("mobilenet-lung", "class-activation-map"),
        ("vgg11", "grad-cam"),
    ],
)
def test_every_architecture_can_be_explained(architecture, method):
    classifier = checkpoint(architecture)
    assert classifier.method == method
    answer = classifier.classify(film())
    assert answer.activation_map.shape[0] == 3
    assert answer.activation_map.any()
    assert answer.heatmap("Normal").evidence.shape == (90, 120)


def test_it_refuses_what_cannot_be_a_chest():
    answer = checkpoint("mobilenet-lung").classify(film(80, 400))
    assert answer.abstained
    assert "5.0 times as wide as tall" in answer.reason


def test_a_file_is_read_and_classified(tmp_path):
    Image.fromarray(np.uint8(film().pixels * 255)).save(tmp_path / "film.png")
    model = checkpoint("mobilenet-lung")
    prediction = model.predict(str(tmp_path / "film.png"))
    assert prediction.file == tmp_path / "film.png"
    assert prediction.probabilities == model.classify(read(tmp_path / "film.png")).probabilities
