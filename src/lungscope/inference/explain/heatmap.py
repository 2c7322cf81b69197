"""Where the evidence for a class lies: an activation map on the radiograph's own pixels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image


@dataclass(frozen=True, eq=False)
class Heatmap:
    """What each place of a radiograph contributes to the score of one class.

    The attribution is the evidence in favour: contributions below zero are cut off before the map
    is enlarged, as in Grad-CAM (Selvaraju et al., 2017, arXiv 1610.02391, equation 2). Evidence
    against the class is not drawn, because it would be read as evidence for another class; its sum
    is `against`, so that nobody takes the attribution for the whole score.

    Attributes:
        contributions: (h, w) float32 in units of the logit, one a cell. Summed up they are the
            logit, less the classifier's bias.
        height, width: of the radiograph in pixels.
    """

    contributions: NDArray[np.float32]
    height: int
    width: int

    @property
    def evidence(self) -> NDArray[np.float32]:
        """The attribution of every pixel of the radiograph, (height, width) float32, >= 0."""
        return self.resampled(self.height, self.width)

    @property
    def scale(self) -> float:
        """The largest attribution of a cell, in units of the logit; 0 if nothing is in favour."""
        return max(0.0, float(self.contributions.max()))

    @property
    def in_favour(self) -> float:
        """The sum of the contributions above zero, in units of the logit."""
        return float(np.maximum(self.contributions, 0).sum(dtype=np.float64))

    @property
    def against(self) -> float:
        """The sum of the contributions below zero, in units of the logit, <= 0."""
        return float(np.minimum(self.contributions, 0).sum(dtype=np.float64))

    def resampled(self, height: int, width: int) -> NDArray[np.float32]:
        """The attribution on a grid of another size, laid over the whole radiograph.

        Values are interpolated between the middles of the cells, and beyond the outermost middles
        they stay as they are. The network sees a square that the radiograph was stretched to
        (`images.to_square`), and cells divide that square evenly, so they divide the radiograph
        evenly as well. Strictly, a unit of the last convolution is centred up to half a cell before
        the middle of its cell. Where the gradients of the middle unit fall was measured on
        radiographs (MobileNet-Lung, MobileNetV2, SqueezeNet 1.1): within a fourth of a cell of its
        middle. Those of units at the edge fall up to half a cell further inwards.

        Args:
            height: of the grid, not below that of `contributions`.
            width: likewise.

        Returns:
            (height, width) float32, >= 0 and <= `scale`, in units of the logit: what the place
            would contribute were it a cell.
        """
        favour = Image.fromarray(np.maximum(self.contributions, np.float32(0)))
        return np.asarray(favour.resize((width, height), Image.Resampling.BILINEAR))


def make_heatmap(contributions: NDArray[np.float32], size: tuple[int, int]) -> Heatmap:
    """Makes a heatmap of one class's activation map.

    Args:
        contributions: (h, w) in units of the logit, any sign.
        size: height and width of the radiograph in pixels.

    Raises:
        ValueError: not one map, or a contribution that is not finite.

    Examples:
        >>> make_heatmap(np.array([[0.0, 1.0], [2.0, -1.0]], dtype=np.float32), (128, 128)).height
        128
    """
    if contributions.ndim != 2 or 0 in contributions.shape:
        raise ValueError(f"an activation map of shape {contributions.shape} is not (h, w)")
    if not np.isfinite(contributions).all():
        raise ValueError("an activation map with values that are not finite")
    return Heatmap(np.array(contributions, dtype=np.float32), *size)
