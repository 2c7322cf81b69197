"""Random flips, rotations, zooms, shifts and stretches, drawn per image, done on whole batches."""

from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

Flips = tuple[bool, bool]
"""Whether an image is flipped left-right, and whether upside down."""


@dataclass(frozen=True)
class Augmentation:
    """How training images are varied.

    Attributes:
        flip_horizontal: probability of a left-right flip, in [0, 1]. The heart lies on
            the left: 0 keeps it there.
        flip_vertical: probability of an upside-down flip, in [0, 1].
        rotation: largest rotation in degrees, >= 0; the angle is uniform in [-rotation, rotation].
        zoom: largest zoom, in [0, 1); the logarithm of the factor is uniform, and the factor lies
            in [1 / (1 + zoom), 1 + zoom].
        shift: largest shift along either axis, as a proportion of the side, in [0, 1).
        stretch: largest change of the aspect ratio, in [0, 1), likewise: the factor of width by
            height lies in [1 / (1 + stretch), 1 + stretch].
    """

    flip_horizontal: float
    flip_vertical: float
    rotation: float
    zoom: float = 0.0
    shift: float = 0.0
    stretch: float = 0.0

    @property
    def views(self) -> tuple[Flips, ...]:
        """The flips that can be drawn, where nothing else is done; else none."""
        if max(self.rotation, self.zoom, self.shift, self.stretch) > 0:
            return ()
        return tuple(product(_outcomes(self.flip_horizontal), _outcomes(self.flip_vertical)))


PAPER_AUGMENTATION = Augmentation(flip_horizontal=0.5, flip_vertical=0.5, rotation=10.0)
"""The paper's policy (section III-B)."""


def augment(images: Tensor, policy: Augmentation, generator: torch.Generator) -> Tensor:
    """Flips, rotates, zooms, shifts and stretches every image of a batch by its own draw.

    All of it is one affine map, sampled once and bilinearly on the images' device; what comes from
    outside the image is 0 (black), as in torchvision's RandomRotation. The draws are made on the
    CPU, so that they do not depend on the device.

    Args:
        images: (B, 1, S, S) float.
        policy: what to draw from.
        generator: a CPU generator; its state decides the draws.

    Returns:
        (B, 1, S, S), same dtype and device.

    Examples:
        >>> images = torch.rand(4, 1, 64, 64)
        >>> augment(images, PAPER_AUGMENTATION, torch.Generator().manual_seed(0)).shape
        torch.Size([4, 1, 64, 64])
    """
    return _varied(images, policy, _draw(images.shape[0], policy, generator))


def draw_views(count: int, policy: Augmentation, generator: torch.Generator) -> Tensor:
    """Draws what `augment` would, in its place.

    Args:
        count: images in the batch.
        policy: what to draw from; it has `views`.
        generator: a CPU generator; its state decides the draws.

    Returns:
        (count,) int64, which of the policy's `views` each image is shown in.
    """
    draws = _draw(count, policy, generator)
    flips = zip(draws.horizontal.tolist(), draws.vertical.tolist(), strict=True)
    return torch.tensor([policy.views.index(drawn) for drawn in flips], dtype=torch.int64)


def view(images: Tensor, policy: Augmentation, flips: Flips) -> Tensor:
    """Shows every image in one of the policy's `views`.

    Args:
        images: (B, 1, S, S) float.
        policy: one that has `views`.
        flips: one of them.

    Returns:
        (B, 1, S, S), to the bit what `augment` makes of an image for which it draws these flips.
    """
    count = images.shape[0]
    horizontal, vertical = (torch.full((count,), flipped) for flipped in flips)
    nothing, one = torch.zeros(count), torch.ones(count)
    draws = _Draws(horizontal, vertical, nothing, one, nothing, nothing, one)
    return _varied(images, policy, draws)


@dataclass(frozen=True, eq=False)
class _Draws:
    """Of each image, (B,): whether it is flipped, bool, and its map, float.

    Attributes:
        horizontal, vertical: whether it is flipped.
        angle: in radians.
        scale: of the map from the result to the image: below 1, the result is enlarged.
        right, down: where the middle of the result lies in the image, in half sides.
        aspect: of the map: above 1, the result is narrower than the image.
    """

    horizontal: Tensor
    vertical: Tensor
    angle: Tensor
    scale: Tensor
    right: Tensor
    down: Tensor
    aspect: Tensor


def _outcomes(probability: float) -> tuple[bool, ...]:
    if 0 < probability < 1:
        return (False, True)
    return (probability == 1,)


def _draw(count: int, policy: Augmentation, generator: torch.Generator) -> _Draws:
    draws = torch.rand((7, count), generator=generator)
    return _Draws(
        horizontal=draws[0] < policy.flip_horizontal,
        vertical=draws[1] < policy.flip_vertical,
        angle=torch.deg2rad((2.0 * draws[2] - 1.0) * policy.rotation),
        scale=(1.0 + policy.zoom) ** (2.0 * draws[3] - 1.0),
        right=2.0 * policy.shift * (2.0 * draws[4] - 1.0),
        down=2.0 * policy.shift * (2.0 * draws[5] - 1.0),
        aspect=(1.0 + policy.stretch) ** (2.0 * draws[6] - 1.0),
    )


def _varied(images: Tensor, policy: Augmentation, draws: _Draws) -> Tensor:
    if policy == Augmentation(0, 0, 0):
        return images
    horizontal, vertical = 1.0 - 2.0 * draws.horizontal, 1.0 - 2.0 * draws.vertical
    cos, sin = torch.cos(draws.angle) * draws.scale, torch.sin(draws.angle) * draws.scale
    # the grid is turned first and stretched then, along the image's own axes
    wide, high = torch.sqrt(draws.aspect), torch.rsqrt(draws.aspect)
    maps = torch.stack(
        [
            torch.stack([cos * horizontal * wide, -sin * vertical * wide, draws.right], dim=1),
            torch.stack([sin * horizontal * high, cos * vertical * high, draws.down], dim=1),
        ],
        dim=1,
    )
    grid = affine_grid(
        maps.to(images.device, images.dtype), list(images.shape), align_corners=False
    )
    return grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
