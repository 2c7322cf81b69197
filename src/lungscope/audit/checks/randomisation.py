"""The model randomisation test: whether heatmaps depend on what a model has learned.

Layers are given random weights, from the last one down to the first, and the heatmaps are compared
with the trained model's (Adebayo et al., 2018, arXiv 1810.03292). A heatmap that stays the same
shows the image and not the model, however convincing it looks.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor, nn

from lungscope.audit.attributions import (
    FEW_GROUPS,
    compute_attribution,
    conclude_on_sample,
    measure_on_sample,
)
from lungscope.audit.check import Check, register_check
from lungscope.audit.context import Context
from lungscope.audit.effect import mean
from lungscope.audit.finding import AuditFigure, Finding, Verdict
from lungscope.audit.performance import HALF, Performance
from lungscope.data.cache import Cache
from lungscope.data.split import SplitEntry
from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.proportions import FEW
from lungscope.figures.attributions import draw_randomisation
from lungscope.models.checkpoint import Checkpoint
from lungscope.models.network import Network, normalise, to_unit
from lungscope.progress import OnProgress, ignore
from lungscope.training.loading import make_batches
from lungscope.training.scoring import BATCH

QUARTER = 0.25
"""Proportion of the way from unrelated to equal maps; below it maps are dissimilar."""

NETWORKS = 3
"""Number of random networks; their mean is reported."""

CLASSIFIER = "classifier"
"""Name of the layer that is randomised first; the others have the network's own names."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Depth:
    """Similarity of heatmaps when the model is random from some layer on.

    Attributes:
        layer: the first random layer; all later ones are random as well.
        similarity: Spearman's rank correlation of the heatmaps' cells with those of the trained
            model, in absolute value, in [0, 1]: a random classifier may invert a map, which
            highlights the same regions. Mean over images and random networks; its 95 % interval is
            over groups of images, for the networks that were drawn.
    """

    layer: str
    similarity: Estimate


@dataclass(frozen=True)
class Randomisation:
    """Similarity of heatmaps as more of the model is random.

    Attributes:
        images, groups: number of images that were tested, and of their groups.
        networks: number of random networks.
        cells: number of cells of a heatmap.
        chance: expected similarity of two unrelated maps whose cells are independent; that of
            smooth maps is a little larger.
        depths: from the last layer, which alone is random, to the first, when everything is.
    """

    images: int
    groups: int
    networks: int
    cells: int
    chance: float
    depths: tuple[Depth, ...]


def compute_randomisation(
    checkpoint: Checkpoint,
    cache: Cache,
    entries: Sequence[SplitEntry],
    device: str = "cpu",
    on_progress: OnProgress = ignore,
    seed: int = 0,
) -> Randomisation:
    """Compares heatmaps of the predicted classes with those of the model with random layers.

    Args:
        checkpoint: a model that has a class activation map; its feature stage is a sequence of
            layers. It is not changed.
        cache: the images, decoded at the model's input size.
        entries: which N of them, evenly mixed, because random layers with BatchNorm normalise by
            the batch.
        device: "cpu" or "cuda".
        on_progress: called after every batch, counted in images.
        seed: seed of the first random network; the next ones have the next seeds.
    """
    trained = checkpoint.network.to(device).to(memory_format=torch.channels_last).eval()
    random = [randomise(trained, seed + number) for number in range(NETWORKS)]
    similar: dict[str, list[Values]] = {}
    done = cells = 0
    with torch.inference_mode():
        for batch in make_batches(cache, entries, BATCH):
            given = to_unit(batch.pixels.to(device))
            images = normalise(given, checkpoint.description.preprocessing)
            own, by_depth = _cascade(trained, random, images)
            cells = own[0].numel()
            for layer, heatmaps in by_depth.items():
                found = np.mean([similarity(own, each) for each in heatmaps], axis=0)
                similar.setdefault(layer, []).append(found)
            done += len(batch.pixels)
            on_progress(done, len(entries))
    resampling = Resampling.over([entry.group for entry in entries])
    return Randomisation(
        images=len(entries),
        groups=len({entry.group for entry in entries}),
        networks=NETWORKS,
        cells=cells,
        # mean absolute value of a normal variable of variance 1 / (cells - 1)
        chance=math.sqrt(2 / (math.pi * (cells - 1))),
        depths=tuple(
            Depth(layer, mean(np.concatenate(found), resampling))
            for layer, found in reversed(similar.items())
        ),
    )


def measure_randomisation(context: Context) -> Randomisation | None:
    """Randomises the model's layers; None if the model has no usable heatmap."""
    return measure_on_sample(context, "randomising layers", compute_randomisation)


def conclude_randomisation(
    found: Randomisation | None, performance: Performance
) -> Sequence[Finding]:
    """Asks whether heatmaps change when the model forgets what it has learned."""
    threshold = (
        "With every layer random: fails if the similarity lies more than half of the way from that "
        "of unrelated maps to 1; passes if its interval stays below a quarter of that way; else "
        f"warns that the maps may keep much. {FEW_GROUPS}"
    )
    about = ("heatmap-randomisation", "Do the heatmaps depend on what the model has learned?")
    return conclude_on_sample(found, performance, about, threshold, _conclude)


def draw_randomisation_figure(
    found: Randomisation | None, context: Context, folder: Path
) -> Sequence[AuditFigure]:
    """Draws the similarity by depth; no figure if nothing was measured."""
    if found is None:
        return ()
    draw_randomisation(
        folder / "randomisation.png",
        [each.layer for each in found.depths],
        [each.similarity for each in found.depths],
        found.chance,
        context.title(found.images),
    )
    (finding,) = conclude_randomisation(found, context.performance)
    figure = AuditFigure(
        "randomisation",
        "Similarity of heatmaps to the trained model's by the first random layer. "
        f"{finding.statement}",
        "Similarity of heatmaps to the trained model's when layers are given random weights, from "
        "the last one down to the first, with the 95 % band. If heatmaps depend on what the model "
        "has learned, the curve falls to that of unrelated maps; if it stays high, they show the "
        "image and not the model.",
    )
    return (figure,)


def randomise(network: Network, seed: int) -> Network:
    """Returns a copy of a network with new random weights in all its layers.

    Its BatchNorm layers normalise by the batch, as they do when training begins: statistics of
    trained layers do not fit random ones, in which signals would vanish or explode. Everything
    else is in evaluation mode.

    Args:
        network: is not changed.
        seed: seed of the weights; torch's global random state is not changed.
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


def similarity(first: Tensor, second: Tensor) -> Values:
    """Computes Spearman's rank correlation of two maps of each image, in absolute value.

    Args:
        first: (B, h, w).
        second: (B, h, w).

    Returns:
        (B,) in [0, 1]; 0 where a map is constant.
    """
    ranks = [rankdata(each.flatten(1).cpu().numpy(), axis=1) for each in (first, second)]
    one, other = (each - each.mean(axis=1, keepdims=True) for each in ranks)
    scale = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    product = np.abs((one * other).sum(axis=1))
    found: Values = np.divide(product, scale, out=np.zeros_like(scale), where=scale > 0)
    return np.minimum(found, 1)  # rounding may exceed it


def _conclude(found: Randomisation) -> tuple[Verdict, str]:
    first, last = found.depths[0].similarity, found.depths[-1].similarity
    return _verdict(found), (
        "The similarity of heatmaps to the trained model's (rank correlation, in absolute value) "
        f"is {first:.2f} with the classifier random and {last:.2f} with every layer random; that "
        f"of unrelated maps is {found.chance:.2f}."
    )


def _verdict(found: Randomisation) -> Verdict:
    last = found.depths[-1].similarity
    if found.groups < FEW:
        return "warn"
    if last.value > found.chance + HALF * (1 - found.chance):
        return "fail"
    return "pass" if last.high < found.chance + QUARTER * (1 - found.chance) else "warn"


def _cascade(
    trained: Network, random: Sequence[Network], images: Tensor
) -> tuple[Tensor, dict[str, list[Tensor]]]:
    """Returns heatmaps of the trained model, and by first random layer, from the first on.

    The output of the trained layers below is computed once for all of them.
    """
    maps = trained.features(images)
    predicted = trained.classifier(trained.pool(maps)).argmax(dim=1)
    by_depth: dict[str, list[Tensor]] = {}
    below = images
    for number, (name, layer) in enumerate(trained.features.named_children()):
        if any(True for _ in layer.parameters()):
            by_depth[name] = [
                compute_attribution(each, _above(each, number)(below.clone()), predicted)
                for each in random
            ]
        below = layer(below)
    by_depth[CLASSIFIER] = [compute_attribution(each, maps, predicted) for each in random]
    return compute_attribution(trained, maps, predicted), by_depth


def _above(network: Network, number: int) -> nn.Sequential:
    """Returns the feature layers from one on."""
    return nn.Sequential(*list(network.features.children())[number:])


register_check(
    Check(
        "randomisation",
        Randomisation,
        measure_randomisation,
        conclude_randomisation,
        draw_randomisation_figure,
        order=70,
    )
)
