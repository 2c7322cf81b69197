"""Distillation, against the formulas of Hinton et al. (2015) written down with plain numbers."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from lungscope.images import Preprocessing
from lungscope.inference.description import Description
from lungscope.models import Network
from lungscope.models.checkpoint import Checkpoint
from lungscope.training.distillation import Teaching, distillation_losses

CLASSES = ("a", "b", "c")


def softmax(logits, temperature):
    powers = [math.exp(each / temperature) for each in logits]
    return [each / sum(powers) for each in powers]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_the_loss_is_the_divergence_times_the_square_of_the_temperature(temperature):
    student, teacher = [1.0, -2.0, 0.5], [3.0, 0.0, -1.0]
    taught, answered = softmax(teacher, temperature), softmax(student, temperature)
    divergence = sum(p * math.log(p / q) for p, q in zip(taught, answered, strict=True))
    found = distillation_losses(torch.tensor([student]), torch.tensor([taught]), temperature)
    assert found.tolist() == pytest.approx([temperature**2 * divergence], abs=1e-5)


def test_the_gradient_is_the_difference_of_probabilities_times_the_temperature():
    # section 2: 1/T (q - p), here times T squared
    logits = torch.tensor([[1.0, -2.0, 0.5]], requires_grad=True)
    distillation_losses(logits, torch.tensor([[0.2, 0.3, 0.5]]), 4.0).sum().backward()
    answered = softmax([1.0, -2.0, 0.5], 4.0)
    expected = [4 * (q - p) for q, p in zip(answered, [0.2, 0.3, 0.5], strict=True)]
    assert logits.grad[0].tolist() == pytest.approx(expected, abs=1e-6)


class Brightness(nn.Module):
    """Logits (mean, 0, -mean) of what it is given, and the size of that."""

    def forward(self, images):
        self.size = images.shape[-1]
        mean = images.mean(dim=(1, 2, 3))
        return torch.stack([mean, torch.zeros_like(mean), -mean], dim=1)


def teacher(classes=CLASSES, size=32, mean=0.0):
    network = Network(Brightness(), nn.Identity(), nn.Identity(), "all")
    description = Description("none", 16, classes, Preprocessing(size, mean, 0.5), "")
    return Checkpoint(network, description)


def test_teachers_answer_with_the_mean_of_their_probabilities_in_the_students_order():
    images = torch.full((2, 1, 32, 32), 0.5)
    one, other = teacher(), teacher(("c", "a", "b"), size=64, mean=0.25)
    found = Teaching([one, other], CLASSES, 2.0).answer(images)
    first = softmax([1.0, 0.0, -1.0], 2.0)  # (0.5 - 0) / 0.5
    c, a, b = softmax([0.5, 0.0, -0.5], 2.0)  # (0.5 - 0.25) / 0.5
    expected = [(p + q) / 2 for p, q in zip(first, [a, b, c], strict=True)]
    assert found[0].tolist() == pytest.approx(expected, abs=1e-6)
    assert (one.network.features.size, other.network.features.size) == (32, 64)


def test_teachers_have_no_gradient_and_stay_in_evaluation_mode():
    taught = teacher()
    taught = replace(taught, network=taught.network.train())
    images = torch.rand(2, 1, 32, 32, requires_grad=True)
    assert not Teaching([taught], CLASSES, 1.0).answer(images).requires_grad
    assert not taught.network.training
