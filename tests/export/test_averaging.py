"""One graph of several networks, against the graphs of each."""

import numpy as np
import pytest
import torch
from torch import nn

from lungscope.export.averaging import AveragedModule
from lungscope.export.graph import ExportModule, serialise_graph, trace_graph
from lungscope.images import Preprocessing
from lungscope.inference.session import Session
from lungscope.models import Network

NAMES = ("squeezenet1_1", "mobilenet-v2")  # with maps of 3 x 3 and 2 x 2 places at 64 pixels
TEMPERATURE = 1.7


def made(untrained, names, *, flip):
    members = [ExportModule.of(untrained(name)) for name in names]
    return serialise_graph(trace_graph(AveragedModule(members, flip=flip), 64))


@pytest.fixture(scope="module")
def both(untrained):
    """The graph of two architectures on images and their mirrors."""
    return made(untrained, NAMES, flip=True)


@pytest.fixture(scope="module")
def answers(exported, pixels):
    """What each architecture says of five images, and of their mirrors."""
    images = np.ascontiguousarray(pixels[:5, None])
    mirrors = np.ascontiguousarray(images[..., ::-1])
    sessions = [Session(serialise_graph(exported(name))) for name in NAMES]
    return images, [(each.answer(images), each.answer(mirrors)) for each in sessions]


def test_probabilities_are_the_mean_over_members_and_views(both, answers):
    images, alone = answers
    found = Session(both).answer(images)
    expected = np.mean([view.probabilities for views in alone for view in views], axis=0)
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-6)
    np.testing.assert_allclose(np.exp(found.logits), expected, atol=1e-6)
    assert np.abs(alone[0][0].probabilities - alone[1][0].probabilities).max() > 0.01


def test_features_lie_side_by_side_each_the_mean_of_both_views(both, answers):
    images, alone = answers
    found = Session(both).answer(images).features
    expected = np.hstack([(view.features + mirror.features) / 2 for view, mirror in alone])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_an_image_and_its_mirror_have_one_answer_and_mirrored_maps(both, answers):
    images, _ = answers
    session = Session(both)
    found, mirrored = session.answer(images), session.answer(images[..., ::-1].copy())
    np.testing.assert_allclose(found.logits, mirrored.logits, atol=1e-5)
    np.testing.assert_allclose(found.features, mirrored.features, rtol=1e-4, atol=1e-5)
    scale = np.abs(found.activation_map).max()
    np.testing.assert_allclose(
        found.activation_map, mirrored.activation_map[..., ::-1], atol=1e-4 * scale
    )


def test_the_map_is_the_mean_of_the_members_in_the_largest_resolution(both, answers):
    images, alone = answers
    found = Session(both).answer(images).activation_map
    assert found.shape == (5, 3, 3, 3)
    totals = [view.activation_map.sum((2, 3)) / TEMPERATURE for views in alone for view in views]
    expected = np.mean(totals, axis=0)
    np.testing.assert_allclose(found.sum((2, 3)), expected, atol=1e-3 * np.abs(expected).max())


def test_the_mean_of_one_network_without_flips_is_that_network(untrained, answers):
    images, alone = answers
    found = Session(made(untrained, NAMES[:1], flip=False)).answer(images)
    np.testing.assert_allclose(found.probabilities, alone[0][0].probabilities, atol=1e-6)
    np.testing.assert_allclose(found.features, alone[0][0].features, rtol=1e-4, atol=1e-6)


def test_weights_are_in_the_graph_once_whatever_is_averaged(both, untrained):
    networks = [untrained(name).network for name in NAMES]
    weights = 4 * sum(each.numel() for network in networks for each in network.parameters())
    assert len(both) < 1.02 * weights + 1_500_000


class Scores(nn.Module):
    """The same logits whatever it is shown."""

    def __init__(self, *logits):
        super().__init__()
        self.logits = torch.tensor([logits])

    def forward(self, maps):
        return self.logits.expand(len(maps), -1)


def fixed(*logits):
    features = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AvgPool2d(2))
    network = Network(features, nn.Identity(), Scores(*logits), "all")
    return ExportModule(network, Preprocessing(32, 0.5, 0.25), 1.0)


def test_a_class_that_no_member_can_imagine_has_a_finite_logit():
    averaged = AveragedModule([fixed(300.0, 0.0), fixed(200.0, 0.0)], flip=True)
    logits, probabilities, _ = averaged(torch.zeros(1, 1, 32, 32, dtype=torch.uint8))
    assert logits[0].tolist() == pytest.approx([0, -200 - np.log(2)], abs=1e-3)
    assert probabilities.tolist() == [[1, 0]]


def test_there_is_no_map_where_a_member_has_none():
    assert "activation_map" not in AveragedModule([fixed(1.0, 0.0)], flip=False).outputs
