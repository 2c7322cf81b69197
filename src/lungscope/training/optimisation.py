"""Optimisers of a recipe, and the learning rate over a training."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from lungscope.training.recipe import Optimiser, Recipe, Schedule

Groups = Sequence[Mapping[str, Any]]
"""Parameters with their weight decay, as torch.optim takes them."""


def make_optimizer(groups: Groups, recipe: Recipe) -> torch.optim.Optimizer:
    """Makes a recipe's optimiser.

    Args:
        groups: of parameters.
        recipe: with its optimiser, learning rate and momentum.
    """
    return _OPTIMISERS[recipe.optimiser](groups, recipe)


def _sgd(groups: Groups, recipe: Recipe) -> torch.optim.Optimizer:
    return torch.optim.SGD(
        [dict(group) for group in groups], lr=recipe.learning_rate, momentum=recipe.momentum
    )


def _adamw(groups: Groups, recipe: Recipe) -> torch.optim.Optimizer:
    betas = (recipe.momentum, 0.999)
    return torch.optim.AdamW(
        [dict(group) for group in groups], lr=recipe.learning_rate, betas=betas, fused=True
    )


_OPTIMISERS: Mapping[Optimiser, Callable[[Groups, Recipe], torch.optim.Optimizer]] = {
    "sgd": _sgd,
    "adamw": _adamw,
}


def rate_factor(recipe: Recipe, epoch: float) -> float:
    """Computes the learning rate at one moment of a training.

    Args:
        recipe: with its schedule and warm-up.
        epoch: epochs done, >= 0, with a fraction within an epoch.

    Returns:
        The learning rate as a factor of the initial one, in [0, 1]: it rises linearly over the
        warm-up, and follows the schedule as if there had been none.
    """
    risen = min(1.0, (epoch + 1e-3) / recipe.warmup) if recipe.warmup else 1.0
    return risen * _SCHEDULES[recipe.schedule](recipe, epoch)


def _step(recipe: Recipe, epoch: float) -> float:
    factor: float = recipe.lr_gamma ** (int(epoch) // recipe.lr_step)
    return factor


def _cosine(recipe: Recipe, epoch: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * min(1.0, epoch / recipe.epochs)))


_SCHEDULES: Mapping[Schedule, Callable[[Recipe, float], float]] = {
    "step": _step,
    "cosine": _cosine,
}
