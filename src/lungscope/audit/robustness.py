"""How much accuracy a model keeps when its images get worse."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lungscope.audit.effect import Effect, effect, mean, right
from lungscope.audit.perturbations import PERTURBATIONS, STRENGTHS
from lungscope.data.cache import Cache
from lungscope.data.split import SplitEntry
from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.subset_predictions import predict_subset
from lungscope.models.checkpoint import Checkpoint
from lungscope.progress import OnProgress, ignore, part_of


@dataclass(frozen=True)
class Level:
    """One perturbation at one strength.

    Attributes:
        strength: 1 (hardly visible) to 5 (severe).
        value: of the perturbation's quantity.
        effect: on the accuracy and the answers.
    """

    strength: int
    value: float
    effect: Effect


@dataclass(frozen=True)
class Response:
    """A model's accuracy under one perturbation.

    Attributes:
        name, title, quantity: of the perturbation.
        levels: by rising strength.
    """

    name: str
    title: str
    quantity: str
    levels: tuple[Level, ...]


@dataclass(frozen=True)
class Robustness:
    """A model's accuracy under all perturbations.

    Attributes:
        unperturbed: the accuracy on the images as they are.
        average: the mean accuracy over all perturbations and strengths, each counting the same.
        responses: one a perturbation.
    """

    unperturbed: Estimate
    average: Estimate
    responses: tuple[Response, ...]


def robustness(
    checkpoint: Checkpoint,
    cache: Cache,
    entries: Sequence[SplitEntry],
    unchanged: Predictions,
    resampling: Resampling,
    device: str = "cpu",
    on_progress: OnProgress = ignore,
) -> Robustness:
    """Runs a model over images under every perturbation at every strength: 35 passes.

    Args:
        checkpoint: the model.
        cache: the images, decoded at the model's input size.
        entries: which N of them.
        unchanged: what the model says of them as they are.
        resampling: over their groups.
        device: "cpu" or "cuda".
        on_progress: told of every batch, counted in images over all passes.

    Raises:
        LungscopeError: the network's scores are not finite.
        ValueError: `unchanged` is of other images.
    """
    count = len(entries)
    total = len(PERTURBATIONS) * len(STRENGTHS) * count
    passed = 0
    share_right = np.zeros(count)
    responses = []
    for perturbation in PERTURBATIONS:
        levels = []
        for strength, value in zip(STRENGTHS, perturbation.values, strict=True):
            tell = part_of(on_progress, passed, total)
            change = perturbation.at(strength)
            changed = predict_subset(checkpoint, cache, entries, device, tell, change)
            levels.append(Level(strength, value, effect(unchanged, changed, resampling)))
            share_right += right(changed)
            passed += count
        responses.append(
            Response(perturbation.name, perturbation.title, perturbation.quantity, tuple(levels))
        )
    return Robustness(
        unperturbed=mean(right(unchanged), resampling),
        average=mean(share_right * count / total, resampling),
        responses=tuple(responses),
    )
