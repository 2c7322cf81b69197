"""The model randomisation test: whether heatmaps depend on what a model has learned.

Layers are given random weights, from the last one down to the first, and heatmaps are compared with
the trained model's (Adebayo et al., 2018, arXiv 1810.03292). A heatmap that stays the same shows
the image and not the model, however convincing it looks.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor, nn

from lungscope.audit.effect import mean
from lungscope.audit.heatmaps import heat
from lungscope.data.cache import Cache
from lungscope.data.split import SplitEntry
from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling
from lungscope.models.checkpoint import Checkpoint
from lungscope.models.network import Network
from lungscope.models.normalisation import normalise, to_unit
from lungscope.progress import OnProgress, ignore
from lungscope.training.loading import make_batches
from lungscope.training.scoring import BATCH

NETWORKS = 3
"""So many random networks; what is told is their mean."""

CLASSIFIER = "classifier"
"""The name of the layer that is randomised first; the others have the network's own names."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Depth:
    """How alike heatmaps are when the model is random from some layer on.

    Attributes:
        layer: the first random one; all that come after it are random as well.
        likeness: Spearman's rank correlation of the heatmaps' cells with those of the trained
            model, in absolute value, in [0, 1]: a random classifier may turn a map inside out,
            which shows the same places. The mean over images and random networks; its 95 %
            interval is over groups of images, for the networks that were drawn.
    """

    layer: str
    likeness: Estimate


@dataclass(frozen=True)
class Randomisation:
    """How alike heatmaps stay as more of the model is random.

    Attributes:
        images, groups: how many were asked.
        networks: how many random networks.
        places: of a heatmap.
        chance: the likeness to expect of two maps that have nothing to do with each other, if no
            cell has to do with the next; that of smooth maps is a little larger.
        depths: from the last layer, which alone is random, to the first, when everything is.
    """

    images: int
    groups: int
    networks: int
    places: int
    chance: float
    depths: tuple[Depth, ...]


def randomisation(
    checkpoint: Checkpoint,
    cache: Cache,
    entries: Sequence[SplitEntry],
    device: str = "cpu",
    on_progress: OnProgress = ignore,
    seed: int = 0,
) -> Randomisation:
    """Makes heatmaps of the classes that a model predicts, by it and by it with random layers.

    Args:
        checkpoint: a model that has a heatmap; its feature stage is a sequence of layers. It stays
            as it is.
        cache: the images, decoded at the model's input size.
        entries: which N of them, alike from beginning to end: random layers with BatchNorm
            normalise by the batch.
        device: "cpu" or "cuda".
        on_progress: told of every batch, counted in images.
        seed: of the first random network; the next ones have the next seeds.
    """
    trained = checkpoint.network.to(device).to(memory_format=torch.channels_last).eval()
    strangers = [randomised(trained, seed + number) for number in range(NETWORKS)]
    alike: dict[str, list[Values]] = {}
    done = places = 0
    with torch.inference_mode():
        for pixels, _ in make_batches(cache, entries, BATCH):
            images = normalise(to_unit(pixels.to(device)), checkpoint.description.preprocessing)
            own, by_depth = _cascade(trained, strangers, images)
            places = own[0].numel()
            for layer, heats in by_depth.items():
                found = np.mean([likeness(own, each) for each in heats], axis=0)
                alike.setdefault(layer, []).append(found)
            done += len(pixels)
            on_progress(done, len(entries))
    resampling = Resampling.over([entry.group for entry in entries])
    return Randomisation(
        images=len(entries),
        groups=len({entry.group for entry in entries}),
        networks=NETWORKS,
        places=places,
        chance=math.sqrt(2 / (math.pi * (places - 1))),  # of a normal variable of that variance
        depths=tuple(
            Depth(layer, mean(np.concatenate(found), resampling))
            for layer, found in reversed(alike.items())
        ),
    )


def randomised(network: Network, seed: int) -> Network:
    """A copy of a network with new random weights in all its layers.

    Its BatchNorm layers normalise by the batch, as they do when a training begins: statistics of
    trained layers do not fit random ones, in which signals would die out or grow without bounds.
    All else is in evaluation mode.

    Args:
        network: stays as it is.
        seed: of the weights; torch's own random state stays as it is too.
    """
    found = copy.deepcopy(network).eval()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        device = next(network.parameters()).device
        found.to("cpu")  # where weights do not depend on the device
        for module in found.modules():
            if callable(reset := getattr(module, "reset_parameters", None)):
                reset()
            if isinstance(module, nn.BatchNorm2d):
                module.train()
    return found.to(device)


def likeness(first: Tensor, second: Tensor) -> Values:
    """Spearman's rank correlation of two maps of each image, in absolute value.

    Args:
        first: (B, h, w).
        second: (B, h, w).

    Returns:
        (B,) in [0, 1]; 0 where a map is the same everywhere, which is like no map.
    """
    ranks = [rankdata(each.flatten(1).cpu().numpy(), axis=1) for each in (first, second)]
    one, other = (each - each.mean(axis=1, keepdims=True) for each in ranks)
    scale = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    product = np.abs((one * other).sum(axis=1))
    found: Values = np.divide(product, scale, out=np.zeros_like(scale), where=scale > 0)
    return np.minimum(found, 1)  # whatever rounding makes of it


def _cascade(
    trained: Network, strangers: Sequence[Network], images: Tensor
) -> tuple[Tensor, dict[str, list[Tensor]]]:
    """Heatmaps of the trained model, and by first random layer, from the first of all on.

    What the trained layers below give is computed once for all.
    """
    maps = trained.features(images)
    answers = trained.classifier(trained.pool(maps)).argmax(dim=1)
    by_depth: dict[str, list[Tensor]] = {}
    below = images
    for number, (name, layer) in enumerate(trained.features.named_children()):
        if any(True for _ in layer.parameters()):
            by_depth[name] = [
                heat(each, _above(each, number)(below.clone()), answers) for each in strangers
            ]
        below = layer(below)
    by_depth[CLASSIFIER] = [heat(each, maps, answers) for each in strangers]
    return heat(trained, maps, answers), by_depth


def _above(network: Network, number: int) -> nn.Sequential:
    """The feature layers from one on; each takes what the one before it gives."""
    return nn.Sequential(*list(network.features.children())[number:])
