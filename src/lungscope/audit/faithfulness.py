"""Deletion and insertion: whether a model's answer hangs on the places that its heatmap points at.

The pixels of an image are hidden step by step, the hottest first, and the probability of the
model's answer is followed down; or they are uncovered in that order, and it is followed up
(Petsiuk et al., 2018, arXiv 1806.07421). A heatmap that points at what the model uses makes it fall
sooner, and rise sooner, than one that does not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import trapezoid
from torch import Tensor
from torch.nn.functional import interpolate
from torchvision.transforms.v2 import functional as transforms

from lungscope.audit.effect import difference, mean
from lungscope.audit.heatmaps import heat
from lungscope.data.cache import Cache
from lungscope.data.split import SplitEntry
from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling
from lungscope.models.checkpoint import Checkpoint
from lungscope.models.normalisation import normalise, to_unit
from lungscope.progress import OnProgress, ignore
from lungscope.training.loading import make_batches
from lungscope.training.scoring import BATCH

SHARES = tuple(step / 10 for step in range(11))
"""Of an image's pixels that are hidden, or uncovered, from none to all."""

BLUR = 0.1
"""Standard deviation of the blur, of the image's side. RISE's 5 pixels of 224 leave what a
thumbnail shows, which for chest X-rays is most of the answer (see `baselines`)."""

_PASSES = 3 + 4 * (len(SHARES) - 2)
"""Through the network: three images that curves begin or end with, and four curves between."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """The probability of the model's answer by share of the pixels hidden or uncovered.

    Attributes:
        probabilities: one a share of `SHARES`, the mean over images with its 95 % interval.
        area: below the curve: the mean probability on the way, in [0, 1].
    """

    probabilities: tuple[Estimate, ...]
    area: Estimate


@dataclass(frozen=True)
class Comparison:
    """Deletion, or insertion, by heat and by a control.

    Attributes:
        by_heat: the hottest pixels of the heatmap first.
        by_displaced: the hottest pixels of the same heatmap laid elsewhere first. Cells put into a
            random order one by one would be no fair control: they lie scattered, and hiding
            scattered cells spoils an image sooner than hiding as many that lie together.
        advantage: how much smaller (deletion) or larger (insertion) the area by heat is, in
            [-1, 1], paired by image; above 0 the heatmap points at what the model uses.
    """

    by_heat: Curve
    by_displaced: Curve
    advantage: Estimate


@dataclass(frozen=True)
class Faithfulness:
    """What a model's answers are worth without, and with nothing but, what heatmaps point at.

    Attributes:
        images, groups: how many were asked.
        shares: of the pixels that are hidden or uncovered.
        deletion: pixels give way to the mean of the training images, which is what the network's
            own padding holds.
        insertion: pixels return to a blurred image, so that no edges appear that are not the
            image's.
    """

    images: int
    groups: int
    shares: tuple[float, ...]
    deletion: Comparison
    insertion: Comparison


def faithfulness(
    checkpoint: Checkpoint,
    cache: Cache,
    entries: Sequence[SplitEntry],
    device: str = "cpu",
    on_progress: OnProgress = ignore,
    seed: int = 0,
) -> Faithfulness:
    """Runs a model over images with more and more of them hidden or uncovered.

    Args:
        checkpoint: a model that has a heatmap.
        cache: the images, decoded at the model's input size.
        entries: which N of them.
        device: "cpu" or "cuda".
        on_progress: told of every pass of a batch, counted in images over all passes.
        seed: of where heatmaps are displaced to.
    """
    checkpoint.network.to(device).to(memory_format=torch.channels_last).eval()
    generator = np.random.default_rng(seed)
    passed = 0

    def tell(images: int) -> None:
        nonlocal passed
        passed += images
        on_progress(passed, _PASSES * len(entries))

    with torch.inference_mode():
        found = np.concatenate(
            [
                _curves(checkpoint, to_unit(pixels.to(device)), generator, tell)
                for pixels, _ in make_batches(cache, entries, BATCH)
            ],
            axis=1,
        )
    resampling = Resampling.over([entry.group for entry in entries])
    deletion, displaced_deletion, insertion, displaced_insertion = found
    return Faithfulness(
        images=len(entries),
        groups=len({entry.group for entry in entries}),
        shares=SHARES,
        deletion=Comparison(
            by_heat=_curve(deletion, resampling),
            by_displaced=_curve(displaced_deletion, resampling),
            advantage=difference(_area(displaced_deletion), _area(deletion), resampling),
        ),
        insertion=Comparison(
            by_heat=_curve(insertion, resampling),
            by_displaced=_curve(displaced_insertion, resampling),
            advantage=difference(_area(insertion), _area(displaced_insertion), resampling),
        ),
    )


def hottest_first(heats: Tensor, size: int) -> Tensor:
    """The place of every pixel in the order of falling heat.

    Args:
        heats: (B, h, w) float.
        size: side of the images, S; heat is interpolated between the middles of the cells.

    Returns:
        (B, 1, S, S) float in [0, 1): the share of the image's pixels that come before it.
    """
    heats = interpolate(heats[:, None], size=size, mode="bilinear")
    order = heats.flatten(1).argsort(dim=1, descending=True, stable=True)
    return (order.argsort(dim=1) / size**2).view_as(heats)


def displaced(heats: Tensor, generator: np.random.Generator) -> Tensor:
    """Every map moved by a random number of whole cells, and around the edge; never by none.

    So its heat keeps its amount and, but for what goes around the edge, its shape.

    Args:
        heats: (B, h, w) of more than one place.
        generator: of the numbers of cells.

    Returns:
        The same shape.
    """
    width = heats.shape[-1]
    steps = generator.integers(1, heats[0].numel(), len(heats)).tolist()
    moved = [
        each.roll(divmod(step, width), (0, 1)) for each, step in zip(heats, steps, strict=True)
    ]
    return torch.stack(moved)


def _curves(
    checkpoint: Checkpoint,
    images: Tensor,
    generator: np.random.Generator,
    tell: Callable[[int], None],
) -> Values:
    """(4, B, shares): deletion by heat and displaced, insertion by heat and displaced."""
    network, description = checkpoint.network, checkpoint.description
    preprocessing, size = description.preprocessing, images.shape[-1]
    maps = network.features(normalise(images, preprocessing))
    answers = network.classifier(network.pool(maps)).argmax(dim=1)
    heats = heat(network, maps, answers)

    def probability(shown: Tensor) -> Values:
        logits = network(normalise(shown, preprocessing)).double() / description.temperature
        tell(len(shown))
        found: Values = logits.softmax(dim=1).gather(1, answers[:, None])[:, 0].cpu().numpy()
        return found

    featureless, blurred = torch.full_like(images, preprocessing.mean), _blurred(images)
    whole, nothing, blur = (probability(shown) for shown in (images, featureless, blurred))
    orders = [hottest_first(each, size) for each in (heats, displaced(heats, generator))]
    return np.stack(
        [
            np.stack(
                [
                    first,
                    *(probability(torch.where(order < s, after, before)) for s in SHARES[1:-1]),
                    last,
                ],
                axis=1,
            )
            for before, after, first, last in (
                (images, featureless, whole, nothing),
                (blurred, images, blur, whole),
            )
            for order in orders
        ]
    )


def _blurred(images: Tensor) -> Tensor:
    sigma = BLUR * images.shape[-1]
    kernel = 2 * round(2 * sigma) + 1
    across: Tensor = transforms.gaussian_blur(images, [kernel, 1], [sigma, sigma])
    both: Tensor = transforms.gaussian_blur(across, [1, kernel], [sigma, sigma])
    return both  # in two steps, for torchvision does not make use of that they are the same


def _curve(probabilities: Values, resampling: Resampling) -> Curve:
    return Curve(
        probabilities=tuple(mean(column, resampling) for column in probabilities.T),
        area=mean(_area(probabilities), resampling),
    )


def _area(probabilities: Values) -> Values:
    found: Values = trapezoid(probabilities, SHARES, axis=1)
    return found
