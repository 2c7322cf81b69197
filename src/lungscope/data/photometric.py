"""Random variation of what the acquisition decides, drawn for every image of a batch.

Hospitals differ in exposure, sharpness, resolution, compression, and in what they write into the
corners. A network that sees them varied within each class cannot use them to tell the hospital,
and with it the class.
"""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate
from torchvision.transforms.v2.functional import equalize

_WIDEST_BORDER, _WIDEST_CORNER = 0.15, 0.3
"""Of what is erased, as proportions of the side."""

_QUALITIES = (25, 90)
"""Of JPEG, from where blocks are seen to where nothing is."""


@dataclass(frozen=True)
class Photometric:
    """How the grey values and the detail of training images are varied.

    Attributes:
        brightness: largest change, in [0, 1], added to grey values in [0, 1].
        contrast: largest factor less 1, in [0, 1); the factor lies in [1 / (1 + contrast),
            1 + contrast], its logarithm uniform, and acts about the image's mean.
        gamma: likewise for the exponent.
        equalize: probability of a histogram equalisation, in [0, 1].
        histogram: probability of taking on the grey values of another image of the batch, to a
            random proportion, in [0, 1].
        amplitude: probability of taking on the amplitudes of the Fourier transform of another image
            of the batch, to a random proportion, in [0, 1].
        sharpness: largest weight, in [0, 1], at which detail (the image less its mean over 3 x 3
            pixels) is added or subtracted.
        low_resolution: probability, in [0, 1], of downscaling by up to `resolution` and back.
        resolution: lowest proportion of the side that is downscaled to, in (0, 1].
        jpeg: probability of a JPEG compression, in [0, 1].
        noise: largest standard deviation of normal noise, in grey values, in [0, 1].
        erase_border: probability, in [0, 1], that a frame of one grey value covers the border.
        erase_corners: probability, in [0, 1], of each corner to be covered likewise.
    """

    brightness: float = 0.0
    contrast: float = 0.0
    gamma: float = 0.0
    equalize: float = 0.0
    histogram: float = 0.0
    amplitude: float = 0.0
    sharpness: float = 0.0
    low_resolution: float = 0.0
    resolution: float = 1.0
    jpeg: float = 0.0
    noise: float = 0.0
    erase_border: float = 0.0
    erase_corners: float = 0.0


NO_PHOTOMETRIC = Photometric()
"""Images as they are."""


def vary_photometry(images: Tensor, policy: Photometric, generator: torch.Generator) -> Tensor:
    """Varies every image of a batch by its own draw.

    In the order of an acquisition: exposure, detail, compression, then what covers the image. Draws
    are made on the CPU, so that they do not depend on the device.

    Args:
        images: (B, 1, S, S) float32 in [0, 1].
        policy: what to draw from.
        generator: a CPU generator; its state decides the draws.

    Returns:
        (B, 1, S, S), same dtype and device, in [0, 1].

    Examples:
        >>> images = torch.rand(4, 1, 64, 64)
        >>> policy = Photometric(gamma=0.5, erase_border=0.5)
        >>> vary_photometry(images, policy, torch.Generator().manual_seed(0)).shape
        torch.Size([4, 1, 64, 64])
    """
    if policy == NO_PHOTOMETRIC:
        return images
    draws = _Draws(len(images), images.device, generator)
    images = images.clamp(0, 1)  # sampling leaves the range by rounding, and powers of -0 are none
    images = _expose(images, policy, draws)
    images = _change_detail(images, policy, draws)
    if policy.noise > 0:
        deviation = draws.uniform(0, policy.noise)
        images = images + deviation * draws.normal(images.shape)
    images = _compress(images.clamp(0, 1), policy, draws)
    return _erase(images, policy, draws)


class _Draws:
    """Draws for the images of one batch, on their device."""

    def __init__(self, count: int, device: torch.device, generator: torch.Generator) -> None:
        self._count, self._device, self._generator = count, device, generator

    def uniform(self, low: float, high: float) -> Tensor:
        """Returns (B, 1, 1, 1) in [low, high)."""
        drawn = torch.rand((self._count, 1, 1, 1), generator=self._generator)
        return (low + (high - low) * drawn).to(self._device)

    def factor(self, most: float) -> Tensor:
        """Returns (B, 1, 1, 1) in [1 / (1 + most), 1 + most], uniform in the logarithm."""
        return (1.0 + most) ** self.uniform(-1, 1)

    def normal(self, shape: torch.Size) -> Tensor:
        """Returns standard normal noise."""
        return torch.randn(shape, generator=self._generator).to(self._device)

    def chosen(self, probability: float) -> list[int]:
        """Returns which images are chosen, each with a probability."""
        drawn = torch.rand(self._count, generator=self._generator)
        return [int(row) for row in (drawn < probability).nonzero()[:, 0]]

    def numbers(self, rows: list[int], low: float, high: float) -> list[float]:
        """Returns a number in [low, high) for each of some images."""
        drawn = torch.rand(self._count, generator=self._generator)[rows]
        return [float(number) for number in low + (high - low) * drawn]


def _expose(images: Tensor, policy: Photometric, draws: _Draws) -> Tensor:
    for row in draws.chosen(policy.equalize):
        levels = (images[row] * 255).round().to(torch.uint8)
        images[row] = equalize(levels).to(images.dtype) / 255
    images = _match_histograms(images, policy, draws)
    images = _mix_amplitudes(images, policy, draws)
    if policy.gamma > 0:
        images = images ** draws.factor(policy.gamma)
    if policy.contrast > 0:
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        images = (images - mean) * draws.factor(policy.contrast) + mean
    if policy.brightness > 0:
        images = images + draws.uniform(-policy.brightness, policy.brightness)
    return images.clamp(0, 1)


def _match_histograms(images: Tensor, policy: Photometric, draws: _Draws) -> Tensor:
    rows = draws.chosen(policy.histogram)
    others = draws.numbers(rows, 0, len(images))
    proportions = draws.numbers(rows, 0, 1)
    originals = images.clone() if rows else images
    for row, other, proportion in zip(rows, others, proportions, strict=True):
        matched = match_histogram(originals[row], originals[int(other)])
        images[row] = originals[row] + proportion * (matched - originals[row])
    return images


def _mix_amplitudes(images: Tensor, policy: Photometric, draws: _Draws) -> Tensor:
    if policy.amplitude == 0:  # no draw: other recipes' draws stay as they were
        return images
    rows = draws.chosen(policy.amplitude)
    if not rows:
        return images
    others = [int(other) for other in draws.numbers(rows, 0, len(images))]
    proportions = torch.tensor(draws.numbers(rows, 0, 1)).to(images)[:, None, None, None]
    images[rows] = mix_amplitudes(images[rows], images[others], proportions)
    return images


def mix_amplitudes(images: Tensor, others: Tensor, proportions: Tensor) -> Tensor:
    """Gives images a part of the Fourier amplitudes of others; the phases, the shapes, stay.

    Xu et al., 2021, "A Fourier-based Framework for Domain Generalization", arXiv 2105.11120,
    equations 4 and 5.

    Args:
        images: (B, 1, S, S) float32 in [0, 1].
        others: the same.
        proportions: (B, 1, 1, 1) in [0, 1], of the others' amplitudes.

    Returns:
        (B, 1, S, S) float32 in [0, 1].
    """
    spectra = torch.fft.rfft2(images)
    amplitudes = torch.lerp(spectra.abs(), torch.fft.rfft2(others).abs(), proportions)
    mixed: Tensor = torch.fft.irfft2(torch.polar(amplitudes, spectra.angle()), s=images.shape[-2:])
    return mixed.clamp(0, 1)


def match_histogram(image: Tensor, reference: Tensor) -> Tensor:
    """Maps grey values so that they are distributed as another image's.

    Each grey value becomes that of the same rank in the reference, interpolated between 256 levels,
    as in scikit-image's `match_histograms`.

    Args:
        image: float32 in [0, 1], any shape.
        reference: float32 in [0, 1], any shape.

    Returns:
        As `image`.
    """
    levels = (image * 255).round().to(torch.int64).cpu()
    counts, wanted = (
        np.bincount((each * 255).round().to(torch.int64).cpu().numpy().ravel(), minlength=256)
        for each in (image, reference)
    )
    ranks, wanted_ranks = (np.cumsum(each) / each.sum() for each in (counts, wanted))
    present = np.flatnonzero(wanted)
    table = np.interp(ranks, wanted_ranks[present], present / 255)
    return torch.from_numpy(table).to(image)[levels.to(image.device)]


def _change_detail(images: Tensor, policy: Photometric, draws: _Draws) -> Tensor:
    if policy.sharpness > 0:
        detail = images - avg_pool2d(images, 3, 1, 1, count_include_pad=False)
        images = images + draws.uniform(-policy.sharpness, policy.sharpness) * detail
    rows = draws.chosen(policy.low_resolution)
    side = images.shape[-1]
    for row, proportion in zip(rows, draws.numbers(rows, policy.resolution, 1), strict=True):
        small = interpolate(
            images[row : row + 1], size=max(1, round(side * proportion)), mode="area"
        )
        images[row] = interpolate(small, size=side, mode="bilinear", align_corners=False)[0]
    return images


def _compress(images: Tensor, policy: Photometric, draws: _Draws) -> Tensor:
    rows = draws.chosen(policy.jpeg)
    for row, quality in zip(rows, draws.numbers(rows, *_QUALITIES), strict=True):
        levels = (images[row, 0] * 255).round().to(torch.uint8).cpu().numpy()
        content = BytesIO()
        Image.fromarray(levels).save(content, "JPEG", quality=round(quality))
        with Image.open(content) as image:
            images[row, 0] = torch.from_numpy(np.array(image)).to(images) / 255
    return images


def _erase(images: Tensor, policy: Photometric, draws: _Draws) -> Tensor:
    side = images.shape[-1]
    rows = draws.chosen(policy.erase_border)
    sizes = [draws.numbers(rows, 0, _WIDEST_BORDER * side) for _ in range(4)]
    for row, grey, *widths in zip(rows, draws.numbers(rows, 0, 1), *sizes, strict=True):
        top, left, bottom, right = map(round, widths)
        images[row, :, :top] = grey
        images[row, :, side - bottom :] = grey
        images[row, :, :, :left] = grey
        images[row, :, :, side - right :] = grey
    for down, across in ((0, 0), (0, 1), (1, 0), (1, 1)):
        rows = draws.chosen(policy.erase_corners)
        heights, widths = (draws.numbers(rows, 0.05, _WIDEST_CORNER) for _ in range(2))
        greys = draws.numbers(rows, 0, 1)
        for row, height, width, grey in zip(rows, heights, widths, greys, strict=True):
            high, wide = round(height * side), round(width * side)
            top, left = down * (side - high), across * (side - wide)
            images[row, :, top : top + high, left : left + wide] = grey
    return images
