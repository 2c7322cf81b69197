"""The heatmaps that an audit asks: which images they are of, and what the heat of a place is."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence

import numpy as np
import torch
from torch import Tensor

from lungscope.data.split import SplitEntry
from lungscope.models.activation_map import compute_activation_map, has_activation_map
from lungscope.models.checkpoint import Checkpoint
from lungscope.models.network import Network

IMAGES = 60
"""So many are asked: hiding parts of them step by step takes forty passes through the network."""

PLACES = 9
"""Of a heatmap, at least: an order of fewer says nothing."""


def has_heatmap(checkpoint: Checkpoint) -> bool:
    """Whether a model has a class activation map, and one of `PLACES` places or more."""
    network, size = checkpoint.network, checkpoint.description.preprocessing.size
    if not has_activation_map(network):
        return False
    device = next(network.parameters()).device
    with torch.inference_mode():
        maps = network.eval().features(torch.zeros(1, 3, size, size, device=device))
    return bool(maps.shape[-2] * maps.shape[-1] >= PLACES)


def spread(
    entries: Sequence[SplitEntry], count: int = IMAGES, seed: int = 0
) -> tuple[SplitEntry, ...]:
    """Draws images that are spread over classes, and within each class over groups.

    The classes take turns, so that any beginning of the sample is as even as can be; a class gives
    a second image of a group only when it has given one of each of its groups.

    Args:
        entries: to draw from.
        count: how many are drawn at most.
        seed: of the draw.
    """
    order = np.random.default_rng(seed).permutation(len(entries)).tolist()
    drawn = [entries[row] for row in order]
    drawn = _in_turn(drawn, lambda entry: (entry.label, entry.group))
    drawn = _in_turn(drawn, lambda entry: entry.label)
    return tuple(drawn[:count])


def heat(network: Network, maps: Tensor, classes: Tensor) -> Tensor:
    """What each place contributes to the score of one class, below zero too.

    Args:
        network: one that has a class activation map.
        maps: (B, C, h, w) float, what `network.features` gives.
        classes: (B,) int64, one an image.

    Returns:
        (B, h, w) float, in units of the logit.
    """
    contributions = compute_activation_map(network, maps)
    return contributions[torch.arange(len(maps), device=maps.device), classes]


def _in_turn(
    entries: Sequence[SplitEntry], whose: Callable[[SplitEntry], Hashable]
) -> list[SplitEntry]:
    """The first entry of everyone, then the second of everyone; else in their order."""
    given: Counter[Hashable] = Counter()
    turns = []
    for entry in entries:
        turns.append((given[whose(entry)], entry))
        given[whose(entry)] += 1
    return [entry for _, entry in sorted(turns, key=lambda turn: turn[0])]
