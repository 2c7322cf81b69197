"""Optimisers and learning rates of a recipe."""

import pytest
import torch

from lungscope.training.optimisation import make_optimizer, rate_factor
from lungscope.training.recipe import Recipe

PARAMETERS = [{"params": [torch.nn.Parameter(torch.ones(2, 2))], "weight_decay": 0.1}]


@pytest.mark.parametrize(("name", "kind"), [("sgd", torch.optim.SGD), ("adamw", torch.optim.AdamW)])
def test_the_optimiser_is_torch_s_with_the_recipe_s_numbers(name, kind):
    recipe = Recipe(optimiser=name, learning_rate=0.003, momentum=0.8)
    optimizer = make_optimizer(PARAMETERS, recipe)
    assert type(optimizer) is kind
    group = optimizer.param_groups[0]
    assert (group["lr"], group["weight_decay"]) == (0.003, 0.1)
    assert group.get("momentum", group.get("betas", [0])[0] if "betas" in group else 0) == 0.8


def test_the_papers_schedule_drops_every_ten_epochs():
    factors = [rate_factor(Recipe(), epoch) for epoch in (0, 9.99, 10, 19.9, 20)]
    assert factors == pytest.approx([1, 1, 0.1, 0.1, 0.01])


def test_it_is_torch_s_step_schedule():
    recipe = Recipe(lr_step=3, lr_gamma=0.5)
    optimizer = make_optimizer(PARAMETERS, recipe)
    reference = torch.optim.lr_scheduler.StepLR(optimizer, 3, 0.5)
    for epoch in range(10):
        expected = reference.get_last_lr()[0] / recipe.learning_rate
        assert rate_factor(recipe, epoch) == pytest.approx(expected)
        optimizer.step()
        reference.step()


def test_a_cosine_falls_from_one_to_zero_and_stays_there():
    recipe = Recipe(schedule="cosine", epochs=8)
    assert [rate_factor(recipe, epoch) for epoch in (0, 4, 8, 9)] == pytest.approx([1, 0.5, 0, 0])


def test_a_warm_up_rises_from_almost_nothing():
    recipe = Recipe(warmup=2)
    assert 0 < rate_factor(recipe, 0) < 0.01
    assert rate_factor(recipe, 1) == pytest.approx(0.5, abs=0.01)
    assert rate_factor(recipe, 2) == 1
