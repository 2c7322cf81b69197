"""One radiograph of each class, side by side (paper, Figure 1)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lungscope.figures.style import figure, wrap_label

_IN_A_ROW = 5


def draw_samples(path: Path, images: Sequence[NDArray[np.uint8]], classes: Sequence[str]) -> None:
    """Draws the images in rows of five at most, each under its class name.

    Args:
        path: the PNG to write.
        images: K images, each (S, S) uint8.
        classes: the K class names.
    """
    columns = min(len(images), _IN_A_ROW)
    rows = -(-len(images) // columns)
    with figure(path, 2.8 * columns, 3.1 * rows) as drawn:
        panels = drawn.subplots(rows, columns, squeeze=False).ravel()
        for axes in panels:
            axes.set_axis_off()
        for axes, image, name in zip(panels[: len(images)], images, classes, strict=True):
            axes.imshow(image, cmap="gray", vmin=0, vmax=255)
            axes.set_title(wrap_label(name, 26))
