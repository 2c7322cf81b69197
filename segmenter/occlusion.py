"""Opacities that are painted over lungs, so that a segmenter learns to see the field below them."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate


def paint_opacities(
    images: Tensor, lungs: Tensor, probability: float, generator: torch.Generator
) -> Tensor:
    """Paints smooth dense patches over the lungs of some images.

    A patch is low-frequency noise above a threshold, from a small consolidation to a lung that is
    white as a whole; for one in three it is a level instead, as of an effusion. It is as bright as
    the brightest tenth of the image, and stays inside the lungs but for its soft edge.

    Args:
        images: (B, 1, S, S) float32 in [0, 1].
        lungs: (B, 1, S, S) float32 in [0, 1], 1 where lung may be.
        probability: of an image being painted, in [0, 1].
        generator: a CPU generator; its state decides the draws.

    Returns:
        (B, 1, S, S).
    """
    count, side = len(images), images.shape[-1]
    drawn = torch.rand((6, count, 1, 1, 1), generator=generator)
    coarse = torch.rand((count, 1, 5, 5), generator=generator)
    noise = interpolate(coarse, size=side, mode="bicubic", align_corners=False)
    patch = torch.sigmoid((noise - 0.15 - 0.6 * drawn[0]) * (6 + 34 * drawn[1]))
    rows = torch.linspace(0, 1, side)[None, None, :, None]
    level = torch.sigmoid((rows - 0.35 - 0.4 * drawn[0] + 0.1 * (noise - 0.5)) * 60)
    patch = torch.where(drawn[2] < 1 / 3, level, patch)
    columns = torch.arange(side)[None, None, None, :] < side / 2
    one_side = torch.where(drawn[4] < 0.5, columns, ~columns)  # of three, one is on both sides
    patch = torch.where(drawn[3] < 2 / 3, patch * one_side, patch)
    density = 0.4 + 0.6 * drawn[5]
    bright = torch.quantile(images.flatten(1), 0.9, dim=1)[:, None, None, None]
    texture = 0.04 * torch.randn(images.shape, generator=generator)
    weight = density * patch * lungs
    painted = images * (1 - weight) + (bright + texture).clamp(0, 1) * weight
    chosen = torch.rand((count, 1, 1, 1), generator=generator) < probability
    return torch.where(chosen, painted.clamp(0, 1), images)
