"""The model with the corners of every image hidden, where letters and markers are burned in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lungscope.audit.effect import Effect, compute_effect
from lungscope.data.cache import Cache
from lungscope.data.split import SplitEntry
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.subset_predictions import predict_subset
from lungscope.models.checkpoint import Checkpoint
from lungscope.progress import OnProgress, ignore, part_of

BORDER = 34 / 224
"""Width of the border as a proportion of the side: it holds 52 % of the pixels, and little lung."""

CORNER = 0.2
"""Side of a corner as a proportion of the image's: where letters and markers are burned in."""

Region: TypeAlias = Callable[[int], NDArray[np.bool_]]
"""Takes the side S of an image in pixels and returns (S, S) bool, True inside."""


def border(size: int) -> NDArray[np.bool_]:
    """Marks the outer frame, `BORDER` times the side wide.

    Args:
        size: side of the image in pixels, >= 4.

    Returns:
        (size, size).
    """
    width = round(BORDER * size)
    found = np.ones((size, size), dtype=np.bool_)
    found[width : size - width, width : size - width] = False
    return found


def corners(size: int) -> NDArray[np.bool_]:
    """Marks four squares in the corners, with sides of `CORNER` times the image's.

    Args:
        size: side of the image in pixels, >= 4.

    Returns:
        (size, size).
    """
    side = round(CORNER * size)
    outside = np.zeros(size, dtype=np.bool_)
    outside[:side] = outside[size - side :] = True
    return np.outer(outside, outside)


@dataclass(frozen=True)
class Mask:
    """A part of the image that is hidden from the model.

    Attributes:
        name: identifier, e.g. "corners".
        title: name for people, e.g. "corners masked".
        hides: what the model no longer sees, a sentence.
        region: the hidden pixels.
    """

    name: str
    title: str
    hides: str
    region: Region

    def apply(self, images: Tensor) -> Tensor:
        """Fills the region with each image's own mean grey level.

        Args:
            images: (B, 1, S, S) float32 in [0, 1].

        Returns:
            The same shape, dtype and device.
        """
        hidden = torch.from_numpy(self.region(images.shape[-1])).to(images.device)
        return torch.where(hidden, images.mean(dim=(-2, -1), keepdim=True), images)


MASKS = (
    Mask(
        "corners",
        "corners masked",
        "Four squares in the corners, each a fifth of the side, are filled with the image's mean.",
        corners,
    ),
)
"""Parts of the image that no model of the lung needs."""


@dataclass(frozen=True)
class MaskedScore:
    """The effect of a mask on a model.

    Attributes:
        name, title, hides: those of the mask.
        effect: effect on the accuracy and the predictions.
    """

    name: str
    title: str
    hides: str
    effect: Effect


def predict_masked(
    checkpoint: Checkpoint,
    cache: Cache,
    entries: Sequence[SplitEntry],
    unchanged: Predictions,
    resampling: Resampling,
    device: str = "cpu",
    on_progress: OnProgress = ignore,
) -> tuple[MaskedScore, ...]:
    """Runs a model over images under each of `MASKS`.

    Args:
        checkpoint: the model.
        cache: the images, decoded at the model's input size.
        entries: which N of them.
        unchanged: the model's predictions for them as they are.
        resampling: of their groups.
        device: "cpu" or "cuda".
        on_progress: called after every batch, counted in images over all masks.

    Raises:
        LungscopeError: the network's scores are not finite.
        ValueError: `unchanged` is of other images.
    """
    count = len(entries)
    found = []
    for number, each in enumerate(MASKS):
        part = part_of(on_progress, number * count, len(MASKS) * count)
        changed = predict_subset(checkpoint, cache, entries, device, part, each.apply)
        effect = compute_effect(unchanged, changed, resampling)
        found.append(MaskedScore(each.name, each.title, each.hides, effect))
    return tuple(found)
