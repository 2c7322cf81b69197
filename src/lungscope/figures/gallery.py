"""Galleries of radiographs: a sample of each class (paper, Figure 1), and misclassified ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lungscope.figures.style import figure, wrap_label

_SAMPLES_IN_A_ROW = 5
_IN_A_ROW = 4
_WIDTH, _HEIGHT, _LINE = 2.5, 2.6, 0.17
"""Inches: a misclassified radiograph with its margins, and a line of its label."""

_LETTERS = 40
"""Most letters of a file name; more would reach into the next panel."""


def draw_samples(path: Path, images: Sequence[NDArray[np.uint8]], classes: Sequence[str]) -> None:
    """Draws the images in rows of five at most, each under its class name.

    Args:
        path: the PNG to write.
        images: K images, each (S, S) uint8.
        classes: the K class names.
    """
    columns = min(len(images), _SAMPLES_IN_A_ROW)
    rows = -(-len(images) // columns)
    with figure(path, 2.8 * columns, 3.1 * rows) as drawn:
        panels = drawn.subplots(rows, columns, squeeze=False).ravel()
        for axes in panels:
            axes.set_axis_off()
        for axes, image, name in zip(panels[: len(images)], images, classes, strict=True):
            axes.imshow(image, cmap="gray", vmin=0, vmax=255)
            axes.set_title(wrap_label(name, 26))


@dataclass(frozen=True, eq=False)
class GalleryImage:
    """A misclassified radiograph.

    Attributes:
        file: name of the file.
        true: name of its class.
        predicted: name of the predicted class.
        probability: probability of the predicted class, in [0, 1].
        pixels: (H, W) uint8.
    """

    file: str
    true: str
    predicted: str
    probability: float
    pixels: NDArray[np.uint8]


def draw_gallery(path: Path, images: Sequence[GalleryImage], title: str) -> None:
    """Draws misclassified radiographs in rows of at most four.

    Args:
        path: the PNG to write.
        images: one or more, in the order to draw.
        title: the model's name and the set of images.
    """
    columns = min(len(images), _IN_A_ROW)
    rows = -(-len(images) // columns)
    labels = [_label(image) for image in images]
    lines = 1 + max(label.count("\n") + 1 for label in labels)
    with figure(path, _WIDTH * columns, 0.5 + rows * (_HEIGHT + _LINE * lines)) as drawn:
        drawn.suptitle(wrap_label(title, 24 * columns))
        panels = drawn.subplots(rows, columns, squeeze=False).ravel()
        for axes in panels[len(images) :]:
            axes.set_axis_off()
        for axes, image, label in zip(panels[: len(images)], images, labels, strict=True):
            axes.imshow(image.pixels, cmap="gray", vmin=0, vmax=255)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            axes.set_title(label, fontsize=9)
            axes.set_xlabel(shorten_name(image.file, _LETTERS), fontsize=7, color="#444444")


def shorten_name(name: str, letters: int) -> str:
    """Returns a name without its middle if it is longer than `letters`, and printable."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in name)
    if len(shown) <= letters:
        return shown
    start = (letters - 1) // 2
    return f"{shown[:start]}…{shown[len(shown) - (letters - 1 - start) :]}"


def _label(image: GalleryImage) -> str:
    percentage = 100 * image.probability
    text = ">99 %" if 99 < percentage < 100 else f"{percentage:.0f} %"
    true = wrap_label(f"true: {image.true}", 26)
    predicted = wrap_label(f"predicted: {image.predicted}", 26)
    return f"{true}\n{predicted} ({text})"
