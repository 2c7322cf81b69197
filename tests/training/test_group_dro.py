"""Group DRO, against the authors' update written down with plain numbers."""

import math

import pytest
import torch

from lungscope.training.group_dro import GroupDRO

STEPS = [  # losses of images, and the cell of each; cell 2 is never drawn
    ([0.2, 0.4, 1.5], [0, 0, 1]),
    ([0.1, 2.5], [0, 1]),
    ([3.0, 1.0], [1, 1]),  # cell 0 is missing
]


def by_hand(step_size, cells=3):
    """Algorithm 1 of arXiv 1911.08731 with the mean loss of each cell of a batch."""
    q = [1 / cells] * cells
    for losses, members in STEPS:
        means = []
        for cell in range(cells):
            own = [loss for loss, member in zip(losses, members, strict=True) if member == cell]
            means.append(sum(own) / len(own) if own else 0.0)
        q = [weight * math.exp(step_size * mean) for weight, mean in zip(q, means, strict=True)]
        q = [weight / sum(q) for weight in q]
        yield sum(weight * mean for weight, mean in zip(q, means, strict=True)), list(q)


@pytest.mark.parametrize("step_size", [0.01, 1.0])
def test_objective_and_weights_are_those_of_the_published_algorithm(step_size):
    group_dro = GroupDRO(3, step_size)
    for (losses, cells), (objective, weights) in zip(STEPS, by_hand(step_size), strict=True):
        found = group_dro(torch.tensor(losses), torch.tensor(cells))
        assert found.item() == pytest.approx(objective, abs=1e-6)
        assert group_dro.weights.tolist() == pytest.approx(weights, abs=1e-6)


def test_the_gradient_of_an_image_is_its_cells_weight_over_the_cells_images_in_the_batch():
    losses = torch.tensor([0.2, 0.4, 1.5], requires_grad=True)
    group_dro = GroupDRO(2, 0.1)
    group_dro(losses, torch.tensor([0, 0, 1])).backward()
    first, second = group_dro.weights.tolist()
    assert losses.grad.tolist() == pytest.approx([first / 2, first / 2, second])


def test_a_loss_beyond_what_the_exponential_can_hold_is_taken():
    group_dro = GroupDRO(2, 1.0)
    for _ in range(3):
        objective = group_dro(torch.tensor([0.5, 200.0]), torch.tensor([0, 1]))
    assert group_dro.weights.tolist() == [0, 1]
    assert objective.item() == 200


def test_the_weights_are_part_of_the_state_and_no_parameter():
    group_dro = GroupDRO(2, 0.1)
    group_dro(torch.tensor([0.2, 1.5]), torch.tensor([0, 1]))
    resumed = GroupDRO(2, 0.1)
    resumed.load_state_dict(group_dro.state_dict())
    assert torch.equal(resumed.weights, group_dro.weights)
    assert list(group_dro.parameters()) == []
