"""What both tests of attributions share: the sampled images, a cell's attribution, the finding.

Neither is measured without a class activation map, nor of a model that has learned nothing.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from lungscope.audit.context import Context
from lungscope.audit.finding import Finding, Verdict
from lungscope.audit.performance import NOT_ASKED, Performance
from lungscope.data.cache import Cache
from lungscope.data.split import SplitEntry
from lungscope.evaluation.proportions import FEW
from lungscope.models.activation_map import compute_activation_map, has_activation_map
from lungscope.models.checkpoint import Checkpoint
from lungscope.models.network import Network
from lungscope.progress import OnProgress
from lungscope.text import format_quantity

IMAGES = 60
"""Number of images: hiding parts of them step by step takes forty passes through the network."""

CELLS = 9
"""Fewest cells of a heatmap: ranking fewer says nothing."""

NO_HEATMAP = (
    f"The model has no class activation map, or one of fewer than {CELLS} cells at this image "
    "size, so there is no heatmap to test."
)
FEW_GROUPS = (
    f"Warns if there are fewer than {FEW} groups. Not measured where there is no class activation "
    f"map of {CELLS} cells or more, and {NOT_ASKED}."
)


class Sampled(Protocol):
    """A result that was measured on a sample of the test images."""

    @property
    def images(self) -> int: ...  # noqa: D102
    @property
    def groups(self) -> int: ...  # noqa: D102


R = TypeVar("R", bound=Sampled)

Compute = Callable[[Checkpoint, Cache, Sequence[SplitEntry], str, OnProgress], R]
"""Takes a model, the images, which of them, the device, and what progress is reported to."""


def measure_on_sample(context: Context, step: str, compute: Compute[R]) -> R | None:
    """Measures the attributions of a sample of the test images.

    Args:
        context: the model and its data.
        step: name of the step, for progress.
        compute: measures them.

    Returns:
        None if the model has no class activation map of `CELLS` cells or more.
    """
    if not has_attributions(context.checkpoint):
        return None
    entries = spread(context.entries)
    on_progress = context.progress(step)
    return compute(context.checkpoint, context.cache, entries, context.device, on_progress)


def conclude_on_sample(
    found: R | None,
    performance: Performance,
    about: tuple[str, str],
    threshold: str,
    conclude: Callable[[R], tuple[Verdict, str]],
) -> Sequence[Finding]:
    """Concludes one finding on attributions, if they were measured and the model has learned.

    Args:
        found: what was measured; None if nothing was.
        performance: says whether the model has learned anything.
        about: name and title of the finding.
        threshold: when it warns and fails.
        conclude: draws verdict and statement from what was measured.
    """
    if found is None:
        return (Finding(*about, "not-measured", NO_HEATMAP, threshold),)
    if reason := performance.nothing_learned():
        return (Finding(*about, "not-measured", reason, threshold),)
    verdict, statement = conclude(found)
    images, groups = format_quantity(found.images, "image"), format_quantity(found.groups, "group")
    return (Finding(*about, verdict, f"{statement} ({images} in {groups}.)", threshold),)


def has_attributions(checkpoint: Checkpoint) -> bool:
    """Returns whether a model has a class activation map of `CELLS` cells or more."""
    network, size = checkpoint.network, checkpoint.description.preprocessing.size
    if not has_activation_map(network):
        return False
    device = next(network.parameters()).device
    with torch.inference_mode():
        maps = network.eval().features(torch.zeros(1, 3, size, size, device=device))
    return bool(maps.shape[-2] * maps.shape[-1] >= CELLS)


def spread(
    entries: Sequence[SplitEntry], count: int = IMAGES, seed: int = 0
) -> tuple[SplitEntry, ...]:
    """Draws images that are spread over classes, and within each class over groups.

    The classes take turns, so that any beginning of the sample is as even as possible; a second
    image of a group is drawn only after one of each group of the class.

    Args:
        entries: the images to draw from.
        count: largest number of images.
        seed: seed of the draw.
    """
    order = np.random.default_rng(seed).permutation(len(entries)).tolist()
    drawn = [entries[row] for row in order]
    drawn = _in_turn(drawn, lambda entry: (entry.label, entry.group))
    drawn = _in_turn(drawn, lambda entry: entry.label)
    return tuple(drawn[:count])


def compute_attribution(network: Network, maps: Tensor, classes: Tensor) -> Tensor:
    """Computes the contribution of each cell to the score of one class; it may be negative.

    Args:
        network: a network that has a class activation map.
        maps: (B, C, h, w) float, the output of `network.features`.
        classes: (B,) int64, one per image.

    Returns:
        (B, h, w) float, in units of the logit.
    """
    contributions = compute_activation_map(network, maps)
    return contributions[torch.arange(len(maps), device=maps.device), classes]


def _in_turn(
    entries: Sequence[SplitEntry], key: Callable[[SplitEntry], Hashable]
) -> list[SplitEntry]:
    """Orders the first entry of each key, then the second of each; else keeps the order."""
    seen: Counter[Hashable] = Counter()
    turns = []
    for entry in entries:
        turns.append((seen[key(entry)], entry))
        seen[key(entry)] += 1
    return [entry for _, entry in sorted(turns, key=lambda turn: turn[0])]
