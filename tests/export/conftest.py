"""Networks of all architectures with random weights, exported once a session."""

import functools

import numpy as np
import onnx
import pytest
import torch

from lungscope.export.graph import build_graph
from lungscope.images import Preprocessing
from lungscope.inference.description import Description
from lungscope.models import Shape, build_network
from lungscope.models.checkpoint import Checkpoint
from lungscope.models.network import normalise, to_unit

CLASSES = ("Lung Opacity", "Normal", "Viral Pneumonia")
SIZE = 64


@pytest.fixture(scope="session")
def untrained(pixels):
    """Makes a checkpoint whose logits differ from image to image."""
    preprocessing = Preprocessing(SIZE, 0.5, 0.25)
    images = normalise(to_unit(torch.from_numpy(pixels[:, None])), preprocessing)

    @functools.cache
    def untrained(name):
        torch.manual_seed(0)
        network = build_network(name, Shape(len(CLASSES))).eval()
        for layer in network.classifier.modules():
            if isinstance(layer, torch.nn.Conv2d):  # SqueezeNet's, before its last ReLU
                torch.nn.init.constant_(layer.bias, 1.0)
        norms = [each for each in network.modules() if isinstance(each, torch.nn.BatchNorm2d)]
        for (
            norm
        ) in norms:  # as after a training: without it, what differs fades from layer to layer
            norm.momentum = 1.0
            norm.train()
        if norms:
            with torch.no_grad():
                network(images)
        return Checkpoint(
            network.eval(), Description(name, 16, CLASSES, preprocessing, "", temperature=1.7)
        )

    return untrained


@pytest.fixture(scope="session")
def exported(untrained):
    """Exports an untrained checkpoint; a test that changes the graph changes a copy."""

    @functools.cache
    def content(name):
        return build_graph(untrained(name))

    def exported(name):
        copy = onnx.ModelProto()
        copy.CopyFrom(content(name))
        return copy

    return exported


@pytest.fixture(scope="session")
def pixels():
    """(40, 64, 64) bytes: noise of many scales, no two images alike."""
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 256, (40, 8, 8)).repeat(8, axis=1).repeat(8, axis=2)
    fine = generator.integers(0, 256, (40, SIZE, SIZE))
    return np.uint8(0.7 * coarse + 0.3 * fine)
