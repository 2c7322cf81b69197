"""From a radiograph to the numbers that a network sees: written once, used everywhere.

Training (through the cache), evaluation, export and serving all call `to_square`, so that a
model answers for a file what it answered for it in training.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lungscope.errors import InvalidSetting, ModelDamaged
from lungscope.images.radiograph import Radiograph

RESIZING = "bilinear-antialiased-stretched"
SMALLEST = 32

Normalisation = Literal["training", "image"]
"""What grey values are scaled by: mean and standard deviation of the training pixels, or of the
image's own."""


@dataclass(frozen=True)
class Preprocessing:
    """What stands between a radiograph and a network's input (paper, section III-B).

    Attributes:
        size: side of the square input in pixels, >= 32.
        mean: mean of the training pixels, in [0, 1].
        std: standard deviation of the training pixels, > 0.
        normalisation: whether grey values are scaled by these or by those of each image itself.
    """

    size: int
    mean: float
    std: float
    normalisation: Normalisation = "training"

    def __post_init__(self) -> None:
        if self.size < SMALLEST or not 0 <= self.mean <= 1 or not 0 < self.std <= 1:
            raise InvalidSetting(
                f"preprocessing: size {self.size}, mean {self.mean:g}, std {self.std:g}: size must "
                f"be {SMALLEST} or more, mean in [0, 1], std in (0, 1]"
            )

    def to_json(self) -> dict[str, Any]:
        """A JSON object that `from_json` reads back."""
        return {"resizing": RESIZING, **asdict(self)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Preprocessing":
        """Reads what `to_json` wrote.

        Raises:
            ModelDamaged: a resizing that this version does not know, a field that is missing, no
                number or out of range.
        """
        if value.get("resizing") != RESIZING:
            raise ModelDamaged(
                f"preprocessing: resizing {value.get('resizing')!r} is unknown to this version "
                f"(it knows {RESIZING!r}); use the lungscope that wrote the model"
            )
        try:
            normalisation = value.get("normalisation", "training")
            if normalisation not in get_args(Normalisation):
                raise ModelDamaged(f"preprocessing: normalisation {normalisation!r} is unknown")
            numbers = int(value["size"]), float(value["mean"]), float(value["std"])
            return cls(*numbers, normalisation)
        except InvalidSetting as error:
            raise ModelDamaged(str(error)) from error
        except KeyError as error:
            raise ModelDamaged(f"preprocessing: field {error} is missing") from error
        except (TypeError, ValueError) as error:
            raise ModelDamaged(f"preprocessing: a field is not a number ({error})") from error


def to_square(radiograph: Radiograph, size: int) -> NDArray[np.uint8]:
    """Stretches a radiograph to a square and rounds it to 8 bits.

    The paper resizes to 224 x 224 without keeping the aspect ratio. Rounding to 8 bits is part
    of the definition: the training cache holds bytes, so every other path rounds too, and all
    see exactly the same numbers.

    Args:
        radiograph: pixels (H, W) float32 in [0, 1].
        size: side of the result in pixels.

    Returns:
        (size, size) uint8, 255 for 1.0.

    Examples:
        >>> from lungscope.images import read
        >>> to_square(read("xray.png"), 224).shape
        (224, 224)
    """
    image = Image.fromarray(radiograph.pixels)
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BILINEAR)
    scaled = np.asarray(image, dtype=np.float32) * np.float32(255)
    np.rint(scaled, out=scaled)
    bytes_: NDArray[np.uint8] = np.clip(scaled, 0, 255, out=scaled).astype(np.uint8)
    return bytes_
