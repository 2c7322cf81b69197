"""Corruptions of exposure, scanner, archive and positioning, at five severities each.

After ImageNet-C (Hendrycks and Dietterich, 2019, arXiv 1903.12261). Its severities begin where a
radiograph is already plainly degraded; those here begin where a person hardly sees them and reach
into its range: each corruption says which of its values are ImageNet-C's. Pixels are those of an
image of 224 x 224 and scale with the image.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as transforms

from lungscope.models.network import to_unit
from lungscope.training.scoring import Change

SEVERITIES = (1, 2, 3, 4, 5)

_SIDE = 224
"""Side of the images that pixels are counted in."""


@dataclass(frozen=True)
class Corruption:
    """One way to degrade an image, at five severities.

    Attributes:
        name: identifier, e.g. "blur".
        title: name for people, e.g. "Blur".
        quantity: what the values are, with the unit, e.g. "standard deviation, pixels of 224".
        values: five values, from hardly visible to severe.
        make: makes a new change from a value; its result may exceed [0, 1] and 8 bits.
    """

    name: str
    title: str
    quantity: str
    values: tuple[float, ...]
    make: Callable[[float], Change]

    def at(self, severity: int) -> Change:
        """Returns a new change for one pass over some images; noise restarts with each.

        The changed images are rounded to 8 bits, as if they had been stored.

        Args:
            severity: 1 to 5.
        """
        change = self.make(self.values[severity - 1])
        return lambda images: _in_8_bits(change(images))


def corrupt_example(corruption: Corruption, image: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Applies a corruption to one image at every severity.

    Args:
        corruption: the corruption.
        image: (S, S).

    Returns:
        Five of (S, S).
    """
    batch = to_unit(torch.tensor(image)[None, None])
    return [
        (corruption.at(severity)(batch)[0, 0] * 255).round().to(torch.uint8).numpy()
        for severity in SEVERITIES
    ]


def _in_8_bits(images: Tensor) -> Tensor:
    return (images.clamp(0, 1) * 255).round() / 255


def _contrast(factor: float) -> Change:
    return lambda images: transforms.adjust_contrast(images, factor)


def _brightness(factor: float) -> Change:
    return lambda images: transforms.adjust_brightness(images, factor)


def _blur(deviation: float) -> Change:
    def change(images: Tensor) -> Tensor:
        sigma = deviation * images.shape[-1] / _SIDE
        kernel = 2 * math.ceil(3 * sigma) + 1
        blurred: Tensor = transforms.gaussian_blur(images, [kernel, kernel], [sigma, sigma])
        return blurred

    return change


def _noise(deviation: float) -> Change:
    # The same seed for every severity: a higher one has the same noise, scaled.
    # Drawn on the CPU, so that it does not depend on the device.
    generator = torch.Generator().manual_seed(0)

    def change(images: Tensor) -> Tensor:
        noise = torch.randn(images.shape, generator=generator)
        return images + deviation * noise.to(images.device)

    return change


def _jpeg(quality: float) -> Change:
    def change(images: Tensor) -> Tensor:
        pixels = (images * 255).round().to("cpu", torch.uint8).numpy()
        stored = np.stack([_stored(image, int(quality)) for image in pixels[:, 0]])
        return to_unit(torch.from_numpy(stored).unsqueeze(1)).to(images.device)

    return change


def _stored(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    # Pillow's, because torchvision's is about to be removed (deprecated since 0.29)
    file = BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    with Image.open(file, formats=("JPEG",)) as opened:
        return np.array(opened)


def _rotation(degrees: float) -> Change:
    # Pixels from outside the image are black, as in training.
    return lambda images: transforms.rotate(images, degrees, InterpolationMode.BILINEAR)


def _downscaling(proportion: float) -> Change:
    def change(images: Tensor) -> Tensor:
        side = images.shape[-1]
        small = transforms.resize(images, [max(1, round(proportion * side))] * 2, antialias=True)
        large: Tensor = transforms.resize(small, [side, side], antialias=True)
        return large

    return change


CORRUPTIONS = (
    # 0.4, 0.3 and 0.2 are ImageNet-C's severities 1, 2, 3.
    Corruption(
        "contrast",
        "Contrast",
        "proportion of the contrast kept",
        (0.8, 0.6, 0.4, 0.3, 0.2),
        _contrast,
    ),
    # ImageNet-C adds 0.1 to 0.5 to the brightness; here it is multiplied by as much more, which
    # keeps black black.
    Corruption(
        "brightness",
        "Brightness",
        "factor on the grey levels",
        (1.1, 1.2, 1.3, 1.4, 1.5),
        _brightness,
    ),
    # 1, 2, 3 and 4 are ImageNet-C's severities 1 to 4 of Gaussian blur, one of its extra kinds.
    Corruption(
        "blur",
        "Blur",
        "standard deviation, pixels of 224",
        (0.5, 1.0, 2.0, 3.0, 4.0),
        _blur,
    ),
    # 0.08 is ImageNet-C's severity 1 of Gaussian noise: radiographs have little of their own, and
    # networks that never saw more suffer from a quarter of it.
    Corruption(
        "noise",
        "Noise",
        "standard deviation, of white = 1",
        (0.005, 0.01, 0.02, 0.04, 0.08),
        _noise,
    ),
    # 25, 15 and 7 are ImageNet-C's severities 1, 3, 5.
    Corruption("jpeg", "JPEG compression", "quality", (80, 50, 25, 15, 7), _jpeg),
    # Not in ImageNet-C. The paper trains with up to 10 degrees.
    Corruption(
        "rotation",
        "Rotation",
        "degrees, counter-clockwise",
        (2, 5, 10, 15, 30),
        _rotation,
    ),
    # 0.5 and 0.3 are ImageNet-C's severities 2 and 4 of "pixelate", which enlarges by repetition.
    Corruption(
        "downscaling",
        "Downscaling and back",
        "proportion of the side kept",
        (0.75, 0.5, 0.3, 0.2, 0.125),
        _downscaling,
    ),
)
