"""Random flips and rotations, a different one for every image, done on a whole batch at once."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample


@dataclass(frozen=True)
class Augmentation:
    """How training images are varied.

    Attributes:
        flip_horizontal: probability of a left-right flip, in [0, 1]. A heart has a side: 0 keeps
            it there.
        flip_vertical: probability of an upside-down flip, in [0, 1].
        rotation: largest rotation in degrees, >= 0; the angle is uniform in [-rotation, rotation].
    """

    flip_horizontal: float
    flip_vertical: float
    rotation: float


PAPER = Augmentation(flip_horizontal=0.5, flip_vertical=0.5, rotation=10.0)
"""The paper's policy (section III-B)."""


def augment(images: Tensor, policy: Augmentation, generator: torch.Generator) -> Tensor:
    """Flips and rotates every image of a batch by its own draw.

    Flip and rotation are one affine map, sampled once and bilinearly on the images' device;
    what comes from outside the image is 0 (black), as in torchvision's RandomRotation. The draws
    are made on the CPU, so that they do not depend on the device.

    Args:
        images: (B, 1, S, S) float.
        policy: what to draw from.
        generator: a CPU generator; its state decides the draws.

    Returns:
        (B, 1, S, S), same dtype and device.
    """
    count = images.shape[0]
    draws = torch.rand((3, count), generator=generator)
    if policy == Augmentation(0, 0, 0):
        return images
    horizontal = 1.0 - 2.0 * (draws[0] < policy.flip_horizontal)
    vertical = 1.0 - 2.0 * (draws[1] < policy.flip_vertical)
    angle = torch.deg2rad((2.0 * draws[2] - 1.0) * policy.rotation)
    cos, sin = torch.cos(angle), torch.sin(angle)
    zero = torch.zeros(count)
    maps = torch.stack(
        [
            torch.stack([cos * horizontal, -sin * vertical, zero], dim=1),
            torch.stack([sin * horizontal, cos * vertical, zero], dim=1),
        ],
        dim=1,
    )
    grid = affine_grid(
        maps.to(images.device, images.dtype), list(images.shape), align_corners=False
    )
    return grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
