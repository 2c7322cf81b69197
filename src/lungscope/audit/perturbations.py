"""What exposure, scanners, archives and positioning do to a radiograph, at five strengths each.

After ImageNet-C (Hendrycks and Dietterich, 2019, arXiv 1903.12261). Its severities begin where a
radiograph is already plainly spoiled; the strengths here begin where a person hardly sees them and
reach into its range: each perturbation says which of its values are ImageNet-C's. What is measured
in pixels is measured in those of an image of 224 x 224, and grows with the image.
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

from lungscope.models.normalisation import to_unit
from lungscope.training.scoring import Change

STRENGTHS = (1, 2, 3, 4, 5)

_SIDE = 224
"""Of the images that pixels are counted in."""


@dataclass(frozen=True)
class Perturbation:
    """One way to spoil an image, at five strengths.

    Attributes:
        name: for programs, e.g. "blur".
        title: for people, e.g. "Blur".
        quantity: what the values are, with the unit, e.g. "standard deviation, pixels of 224".
        values: the five, from hardly visible to severe.
        make: a value -> a new change; its result need be neither in [0, 1] nor of 8 bits.
    """

    name: str
    title: str
    quantity: str
    values: tuple[float, ...]
    make: Callable[[float], Change]

    def at(self, strength: int) -> Change:
        """A new change for one pass over some images; noise begins anew with every one.

        After it, an image is rounded to 8 bits, as if it had been stored.

        Args:
            strength: 1 to 5.
        """
        change = self.make(self.values[strength - 1])
        return lambda images: _in_8_bits(change(images))


def examples(perturbation: Perturbation, image: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """One image at every strength.

    Args:
        perturbation: what to do to it.
        image: (S, S).

    Returns:
        Five of (S, S).
    """
    batch = to_unit(torch.tensor(image)[None, None])
    return [
        (perturbation.at(strength)(batch)[0, 0] * 255).round().to(torch.uint8).numpy()
        for strength in STRENGTHS
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
    # The same seed for every strength: of two strengths, one has the other's noise, only more.
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
    # What comes from outside is black, as in training.
    return lambda images: transforms.rotate(images, degrees, InterpolationMode.BILINEAR)


def _downscaling(share: float) -> Change:
    def change(images: Tensor) -> Tensor:
        side = images.shape[-1]
        small = transforms.resize(images, [max(1, round(share * side))] * 2, antialias=True)
        large: Tensor = transforms.resize(small, [side, side], antialias=True)
        return large

    return change


PERTURBATIONS = (
    # 0.4, 0.3 and 0.2 are ImageNet-C's severities 1, 2, 3.
    Perturbation(
        "contrast",
        "Contrast",
        "share of the contrast that is left",
        (0.8, 0.6, 0.4, 0.3, 0.2),
        _contrast,
    ),
    # ImageNet-C adds 0.1 to 0.5 to the brightness; here it is multiplied by as much more, which
    # leaves black what is black.
    Perturbation(
        "brightness",
        "Brightness",
        "factor on the grey levels",
        (1.1, 1.2, 1.3, 1.4, 1.5),
        _brightness,
    ),
    # 1, 2, 3 and 4 are ImageNet-C's severities 1 to 4 of Gaussian blur, one of its extra kinds.
    Perturbation(
        "blur",
        "Blur",
        "standard deviation, pixels of 224",
        (0.5, 1.0, 2.0, 3.0, 4.0),
        _blur,
    ),
    # 0.08 is ImageNet-C's severity 1 of Gaussian noise: radiographs have little of their own, and
    # networks that never saw more take a quarter of it badly.
    Perturbation(
        "noise",
        "Noise",
        "standard deviation, of white = 1",
        (0.005, 0.01, 0.02, 0.04, 0.08),
        _noise,
    ),
    # 25, 15 and 7 are ImageNet-C's severities 1, 3, 5.
    Perturbation("jpeg", "JPEG compression", "quality", (80, 50, 25, 15, 7), _jpeg),
    # No twin. The paper trains with up to 10 degrees.
    Perturbation(
        "rotation",
        "Rotation",
        "degrees, counter-clockwise",
        (2, 5, 10, 15, 30),
        _rotation,
    ),
    # 0.5 and 0.3 are ImageNet-C's severities 2 and 4 of "pixelate", which enlarges by repetition.
    Perturbation(
        "downscaling",
        "Downscaling and back",
        "share of the side that is left",
        (0.75, 0.5, 0.3, 0.2, 0.125),
        _downscaling,
    ),
)
