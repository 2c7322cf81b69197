"""Where the lungs are on a frontal radiograph, and whether what was found can be lungs."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LungFieldCode: TypeAlias = Literal["lung-not-found", "lungs-uncertain"]
"""Why a lung field is not used: a lung is missing or a speck, or the outlines are a guess."""

LUNG_FIELD_CODES: tuple[LungFieldCode, ...] = get_args(LungFieldCode)

SMALLEST = 0.01
"""Share of the image that each lung has at least."""

_INSIDE = 0.5


@dataclass(frozen=True, eq=False)
class LungField:
    """Both lung fields of a radiograph.

    The fields are complete: they hold dense opacities, and the lung that is behind the heart, so
    that their shape does not say what the film shows. Left and right are sides of the image; on a
    radiograph in the usual orientation, the patient's right lung is on the left.

    Attributes:
        probabilities: (3, S, S) float32 in [0, 1], on a square that the radiograph is stretched to:
            of the field of the lung on the left, of that on the right, and of both lungs without
            what is behind the heart.
        height, width: of the radiograph in pixels.
        min_plausibility: the smallest plausibility of a field that is used, in [0, 1].
    """

    probabilities: NDArray[np.float32]
    height: int
    width: int
    min_plausibility: float

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Both lung fields, (height, width) bool, True inside."""
        return self.resampled(self.height, self.width)

    @property
    def mask_without_heart(self) -> NDArray[np.bool_]:
        """Both lungs as far as the heart does not hide them, (height, width) bool."""
        return _above(self.probabilities[2], _INSIDE, self.height, self.width)

    @property
    def left_area(self) -> float:
        """Share of the image in the lung on its left, in [0, 1]."""
        return float((self.probabilities[0] > _INSIDE).mean())

    @property
    def right_area(self) -> float:
        """Share of the image in the lung on its right, in [0, 1]."""
        return float((self.probabilities[1] > _INSIDE).mean())

    @property
    def plausibility(self) -> float:
        """How certain the outlines are, in [0, 1]: the Dice coefficient to expect of the worse one.

        It is that of the mask with a drawing in which each pixel is inside with its probability.
        """
        lungs = self.probabilities[:2].astype(np.float64)
        inside = lungs > _INSIDE
        sums = inside.sum(axis=(1, 2)) + lungs.sum(axis=(1, 2))
        return float((2 * (lungs * inside).sum(axis=(1, 2)) / np.maximum(sums, 1)).min())

    @property
    def implausible(self) -> LungFieldCode | None:
        """Why this field is not used, as a code; None where it is."""
        if min(self.left_area, self.right_area) < SMALLEST:
            return "lung-not-found"
        return "lungs-uncertain" if self.plausibility < self.min_plausibility else None

    def resampled(self, height: int, width: int) -> NDArray[np.bool_]:
        """Both lung fields on a grid of another size, laid over the whole radiograph.

        Args:
            height: of the grid, >= 1.
            width: likewise.

        Returns:
            (height, width) bool, True inside.
        """
        return _above(self.probabilities[:2].max(axis=0), _INSIDE, height, width)

    def resampled_sides(self, height: int, width: int) -> NDArray[np.bool_]:
        """The lung fields of both sides apart, on a grid of another size.

        Args:
            height: of the grid, >= 1.
            width: likewise.

        Returns:
            (2, height, width) bool: that on the image's left, and that on its right.
        """
        return np.stack([_above(side, _INSIDE, height, width) for side in self.probabilities[:2]])


def describe_lung_field(code: LungFieldCode) -> str:
    """Says why a lung field is not used, for people."""
    if code == "lung-not-found":
        return "both lungs could not be found"
    return "the outline of the lungs is uncertain"


def _above(
    probabilities: NDArray[np.float32], threshold: float, height: int, width: int
) -> NDArray[np.bool_]:
    image = Image.fromarray(np.ascontiguousarray(probabilities))
    resized = image.resize((width, height), Image.Resampling.BILINEAR)
    found: NDArray[np.bool_] = np.asarray(resized) > threshold
    return found
