"""Deletion and insertion: the predicted class's probability as pixels are hidden or revealed.

The pixels of an image are hidden step by step, the highest attribution first, and the probability
of the predicted class is followed down; or they are revealed in that order, and it is followed up
(Petsiuk et al., 2018, arXiv 1806.07421).
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate
from torchvision.transforms.v2 import functional as transforms

from lungscope.audit.attributions import compute_attribution
from lungscope.models.checkpoint import Checkpoint
from lungscope.models.network import normalise

PROPORTIONS = tuple(step / 10 for step in range(11))
"""Proportions of an image's pixels that are hidden, or revealed, from none to all."""

BLUR = 0.1
"""Standard deviation of the blur, relative to the image's side. The 5 of 224 pixels of RISE leave
what a thumbnail shows, which for chest X-rays suffices for most predictions (see `baselines`)."""

PASSES = 3 + 4 * (len(PROPORTIONS) - 2)
"""Passes through the network: three images that curves begin or end with, and four curves."""

Values = NDArray[np.float64]


def compute_curves(
    checkpoint: Checkpoint,
    images: Tensor,
    generator: np.random.Generator,
    advance: Callable[[int], None],
) -> Values:
    """Follows the probability of the predicted class as pixels are hidden or revealed.

    Args:
        checkpoint: a model that has a class activation map, in evaluation mode.
        images: (B, 1, S, S) float in [0, 1].
        generator: draws the displacements of the control.
        advance: called with the number of images after each of `PASSES` passes.

    Returns:
        (4, B, 11) in [0, 1], by proportion: deletion by attribution, deletion by the same map
        displaced, insertion by attribution, insertion displaced.
    """
    network, description = checkpoint.network, checkpoint.description
    preprocessing, size = description.preprocessing, images.shape[-1]
    maps = network.features(normalise(images, preprocessing))
    predicted = network.classifier(network.pool(maps)).argmax(dim=1)
    heatmaps = compute_attribution(network, maps, predicted)

    def probability(shown: Tensor) -> Values:
        logits = network(normalise(shown, preprocessing)).double() / description.temperature
        advance(len(shown))
        found: Values = logits.softmax(dim=1).gather(1, predicted[:, None])[:, 0].cpu().numpy()
        return found

    featureless, blurred = torch.full_like(images, preprocessing.mean), _blurred(images)
    whole, nothing, blur = (probability(shown) for shown in (images, featureless, blurred))
    orders = [rank_by_attribution(each, size) for each in (heatmaps, displace(heatmaps, generator))]
    return np.stack(
        [
            np.stack(
                [
                    first,
                    *(
                        probability(torch.where(order < s, after, before))
                        for s in PROPORTIONS[1:-1]
                    ),
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


def rank_by_attribution(heatmaps: Tensor, size: int) -> Tensor:
    """Ranks the pixels of an image by falling attribution.

    Args:
        heatmaps: (B, h, w) float.
        size: side of the images, S; attributions are interpolated between the middles of cells.

    Returns:
        (B, 1, S, S) float in [0, 1): the proportion of the image's pixels that come before.
    """
    heatmaps = interpolate(heatmaps[:, None], size=size, mode="bilinear")
    order = heatmaps.flatten(1).argsort(dim=1, descending=True, stable=True)
    return (order.argsort(dim=1) / size**2).view_as(heatmaps)


def displace(heatmaps: Tensor, generator: np.random.Generator) -> Tensor:
    """Moves every heatmap by a random number of whole cells, wrapping around the edge.

    Its attributions keep their sum and, except where they wrap around, their shape.

    Args:
        heatmaps: (B, h, w) with h * w > 1.
        generator: draws the number of cells, at least one.

    Returns:
        The same shape.
    """
    width = heatmaps.shape[-1]
    steps = generator.integers(1, heatmaps[0].numel(), len(heatmaps)).tolist()
    moved = [
        each.roll(divmod(step, width), (0, 1)) for each, step in zip(heatmaps, steps, strict=True)
    ]
    return torch.stack(moved)


def _blurred(images: Tensor) -> Tensor:
    sigma = BLUR * images.shape[-1]
    kernel = 2 * round(2 * sigma) + 1
    across: Tensor = transforms.gaussian_blur(images, [kernel, 1], [sigma, sigma])
    both: Tensor = transforms.gaussian_blur(across, [1, kernel], [sigma, sigma])
    return both  # separably: torchvision convolves with the whole square kernel
