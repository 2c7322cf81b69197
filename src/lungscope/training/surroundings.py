"""Training images whose surroundings of the lungs are another image's.

Marks, borders, arms, tubes and the exposure of the body tell hospitals, and with them classes,
apart. A network that sees lungs in surroundings of all classes has to look at the lungs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d

from lungscope.images import Radiograph
from lungscope.inference import LungSegmenter
from lungscope.progress import OnProgress, ignore

_SOFT = 5
"""Pixels over which one image fades into the other."""

_FLATTEST = 0.02
"""Smallest standard deviation of surroundings, in grey values, that is scaled up to another's."""


@dataclass(frozen=True, eq=False)
class LungMasks:
    """Where the lungs are on the images of a subset, one bit a pixel.

    Attributes:
        packed: (N, ceil(S * S / 8)) uint8.
        size: S, pixels.
    """

    packed: NDArray[np.uint8]
    size: int

    def of(self, positions: Sequence[int]) -> Tensor:
        """The masks of some images, (B, 1, S, S) bool."""
        area = self.size**2
        bits = np.unpackbits(self.packed[list(positions)], axis=1, count=area)
        return torch.from_numpy(bits.view(np.bool_)).reshape(-1, 1, self.size, self.size)


def find_lung_masks(images: NDArray[np.uint8], on_progress: OnProgress = ignore) -> LungMasks:
    """Finds the lungs on images.

    Args:
        images: (N, S, S) grey values, as of the cache.
        on_progress: called after every image.

    Returns:
        All of an image where no plausible lungs were found on it: it keeps its surroundings.
    """
    segmenter = LungSegmenter.bundled()
    size = images.shape[-1]
    found = []
    for number, square in enumerate(images):
        grey = square.astype(np.float32) / np.float32(255)
        field = segmenter.find(Radiograph(grey, Path(), "PNG", "L", 8))
        plausible = field.implausible is None
        mask = field.resampled(size, size) if plausible else np.ones((size, size), np.bool_)
        found.append(np.packbits(mask))
        on_progress(number + 1, len(images))
    return LungMasks(np.stack(found), size)


def swap_surroundings(
    images: Tensor, lungs: Tensor, probability: float, generator: torch.Generator
) -> Tensor:
    """Shows some images within the surroundings of another one.

    What lies outside the lungs of both images is taken from the other one, at the mean and the
    spread of the image's own grey values there. Draws are made on the CPU, so that they do not
    depend on the device.

    Args:
        images: (B, 1, S, S) float32 in [0, 1].
        lungs: (B, 1, S, S) bool.
        probability: of each image to be shown so, in [0, 1].
        generator: a CPU generator; its state decides the draws.

    Returns:
            As `images`.
    """
    drawn = torch.rand(len(images), generator=generator)
    other = torch.randint(len(images), (len(images),), generator=generator)
    chosen = (drawn < probability).to(images.device)[:, None, None, None]
    outside = ~(lungs | lungs[other]) & chosen
    weight = outside.to(images.dtype)
    area = weight.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    donors = images[other]

    def statistics(values: Tensor) -> tuple[Tensor, Tensor]:
        mean = (values * weight).sum(dim=(2, 3), keepdim=True) / area
        square = ((values - mean) ** 2 * weight).sum(dim=(2, 3), keepdim=True) / area
        return mean, square.sqrt()

    (own_mean, own), (their_mean, theirs) = statistics(images), statistics(donors)
    adapted = (donors - their_mean) * (own / theirs.clamp(min=_FLATTEST)) + own_mean
    near = avg_pool2d(weight, _SOFT, 1, _SOFT // 2, count_include_pad=False)
    share = (2 * near - 1).clamp(min=0) * weight  # half of what is near an edge lies beyond it
    return torch.lerp(images, adapted.clamp(0, 1), share)
