"""Views of an image: what the gate is trained on, and the class of each.

A frontal film stays one under every change that acquisition, export and cropping bring about.
Turned, inverted or mirrored it is another class, so that one film gives an example of each. Any
other image stays what it is however it is turned, inverted or mirrored.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from lungscope.data.augmentation import Augmentation, augment
from lungscope.data.photometric import Photometric, vary_photometry
from lungscope.inference.gate import SIDE, View

FILM = Augmentation(0, 0, rotation=12, zoom=0.25, shift=0.07, stretch=0.2)
OTHER = Augmentation(0.5, 0.5, rotation=45, zoom=0.9, shift=0.15, stretch=0.35)
LATERAL_FILM = Augmentation(0.5, 0, rotation=15, zoom=0.35, shift=0.1, stretch=0.4)
"""Of a lateral film left and right are as good."""

ACQUISITION = Photometric(
    brightness=0.15,
    contrast=0.7,
    gamma=0.8,
    equalize=0.12,
    sharpness=1.0,
    low_resolution=0.3,
    resolution=0.2,
    jpeg=0.12,
    noise=0.05,
    erase_border=0.2,
    erase_corners=0.05,
)


def film_views(pixels: Tensor, view: View, generator: torch.Generator) -> Tensor:
    """Draws one view of each film.

    Args:
        pixels: (B, 1, 128, 128) float in [0, 1], frontal and upright.
        view: any but "lateral"; "other" gives films that are cut up.
        generator: a CPU generator.

    Returns:
        (B, 1, S, S) uint8.
    """
    images = vary_photometry(augment(pixels, FILM, generator), ACQUISITION, generator)
    coins = torch.rand(len(images), generator=generator) < 0.5
    for row, coin in enumerate(coins.tolist()):
        images[row] = _shown(images[row], view, coin, generator)
    return to_bytes(images)


def other_views(pixels: Tensor, policy: Augmentation, generator: torch.Generator) -> Tensor:
    """Draws a view of each image that is no frontal film; a quarter of them inverted.

    Args:
        pixels: (B, 1, 128, 128) float in [0, 1].
        policy: `OTHER` or `LATERAL_FILM`.
        generator: a CPU generator.

    Returns:
        (B, 1, S, S) uint8.
    """
    images = augment(pixels, policy, generator)
    turns = torch.randint(0, 4, (len(images),), generator=generator)
    if (
        policy is LATERAL_FILM
    ):  # turned ones are fewer: they are rarer, and hard to tell from others
        turns[torch.rand(len(images), generator=generator) < 0.6] = 0
    for row, turn in enumerate(turns.tolist()):
        images[row] = torch.rot90(images[row], turn, (1, 2))
    negative = torch.rand(len(images), generator=generator) < 0.25
    images[negative] = 1 - images[negative]
    return to_bytes(vary_photometry(images, ACQUISITION, generator))


def drawn(count: int, seed: int) -> Tensor:
    """Draws noise, smooth noise, gradients, bars and blocks: (count, 1, 128, 128) in [0, 1]."""
    rng = np.random.default_rng(seed)
    made = np.empty((count, 1, 2 * SIDE, 2 * SIDE), np.float32)
    rows, columns = np.indices((2 * SIDE, 2 * SIDE)) / (2 * SIDE) - 0.5
    for number in range(count):
        kind = number % 5
        if kind == 0:
            image = rng.normal(rng.uniform(0.2, 0.8), rng.uniform(0.02, 0.4), rows.shape)
        elif kind == 1:
            cells = torch.from_numpy(rng.random((1, 1, *rng.integers(2, 16, 2)))).float()
            image = torch.nn.functional.interpolate(cells, rows.shape, mode="bicubic")[0, 0].numpy()
        elif kind == 2:
            angle = rng.uniform(0, 2 * np.pi)
            flat = np.cos(angle) * rows + np.sin(angle) * columns
            bowl = rows**2 * rng.uniform(0.2, 3) + columns**2
            image = (flat if rng.random() < 0.5 else bowl) * rng.uniform(-2, 2) + rng.uniform(0, 1)
        elif kind == 3:
            image = np.sin(columns * rng.uniform(5, 60) + rows * rng.uniform(-30, 30)) / 2 + 0.5
        else:
            image = np.full(rows.shape, rng.uniform())
            for _ in range(rng.integers(1, 12)):
                top, left = rng.integers(0, 2 * SIDE - 8, 2)
                high, wide = rng.integers(4, SIDE * 2, 2)
                image[top : top + high, left : left + wide] = rng.uniform()
        made[number, 0] = image.clip(0, 1)
    return torch.from_numpy(made)


def to_bytes(images: Tensor) -> Tensor:
    """(B, 1, 128, 128) in [0, 1] to (B, 1, 64, 64) uint8."""
    return (avg_pool2d(images, 2) * 255).round().clamp(0, 255).to(torch.uint8)


def _shown(image: Tensor, view: View, coin: bool, generator: torch.Generator) -> Tensor:
    """What a varied film becomes; turned and inverted ones are mirrored too by the coin."""
    if view == "frontal":
        return image
    if view == "mirrored":
        return image.flip(2)
    if view == "other":
        return _cut_up(image, generator)
    image = image.flip(2) if coin else image
    if view == "inverted":
        return 1 - image
    quarters = int(view.removeprefix("turned-")) // 90
    return torch.rot90(image, -quarters, (1, 2))  # clockwise


def _cut_up(image: Tensor, generator: torch.Generator) -> Tensor:
    """Quarters in another order, two halves swapped, or a small part of it alone."""
    half = image.shape[-1] // 2
    kind = int(torch.randint(0, 4, (1,), generator=generator))
    if kind == 0:
        return image.roll(half, 1)
    if kind == 1:
        return image.roll(half, 2)
    if kind == 2:
        quarters = [image[:, y : y + half, x : x + half] for y in (0, half) for x in (0, half)]
        order = torch.randperm(4, generator=generator).tolist()
        if order == [0, 1, 2, 3]:
            order = [3, 2, 1, 0]
        a, b, c, d = (quarters[each] for each in order)
        return torch.cat([torch.cat([a, b], 2), torch.cat([c, d], 2)], 1)
    side = int(torch.randint(round(0.5 * half), round(0.8 * half), (1,), generator=generator))
    top, left = torch.randint(0, 2 * half - side, (2,), generator=generator).tolist()
    part = image[None, :, top : top + side, left : left + side]
    return torch.nn.functional.interpolate(part, image.shape[1:], mode="bilinear")[0]
