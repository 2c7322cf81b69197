"""Which classes are taken for which."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from numpy.typing import NDArray

from lungscope.figures.style import figure, percent, wrap_label

_CELL = 0.95
_AROUND = (2.9, 1.6)
"""Inches: the side of a cell, and what names, title and scale need around the cells."""

_NAME = 1.3
"""Inches of that for names beside the rows; wider ones widen the picture."""

_SHORT, _LONG = 12, 18
"""Letters a line of a name that is upright below its cells, and of any other."""

_FEW = 4
_DARK = 0.7125
"""Share from which on the cell is so dark that white reads better on it than black."""


def draw_confusion_matrix(
    path: Path, matrix: NDArray[np.float64], classes: Sequence[str], title: str
) -> None:
    """Draws counts, shaded by the proportion of the true class.

    Args:
        path: the PNG to write.
        matrix: (K, K) counts, true class by predicted class.
        classes: the K class names.
        title: the model's name and the set of images.
    """
    support = matrix.sum(axis=1, keepdims=True)
    proportions = matrix / np.maximum(support, 1)
    side = _CELL * max(len(classes), 3)
    with figure(path, side + _AROUND[0], side + _AROUND[1]) as drawn:
        excess = max(_width(wrap_label(name, _LONG)) for name in classes) - _NAME
        drawn.set_figwidth(side + _AROUND[0] + max(excess, 0))
        axes = drawn.subplots()
        shown = axes.imshow(proportions, cmap="Blues", vmin=0, vmax=1)
        axes.set(xlabel="predicted class", ylabel="true class")
        axes.set_title(wrap_label(title, 48), pad=10)
        _name(axes, classes)
        for row, column in np.ndindex(*matrix.shape):
            proportion = f"\n{100 * proportions[row, column]:.1f} %" if support[row, 0] else ""
            axes.text(
                column,
                row,
                f"{matrix[row, column]:.0f}{proportion}",
                ha="center",
                va="center",
                fontweight="bold" if row == column else "normal",
                color="white" if proportions[row, column] > _DARK else "black",
            )
        scale = drawn.colorbar(shown, ax=axes, shrink=0.8, format=percent())
        scale.set_label("proportion of the true class")
        scale.outline.set_visible(False)


def _name(axes: Axes, classes: Sequence[str]) -> None:
    places, names = range(len(classes)), [wrap_label(name, _LONG) for name in classes]
    axes.set_yticks(places, names)
    if len(classes) <= _FEW and all(_fits(name) for name in classes):
        axes.set_xticks(places, [wrap_label(name, _SHORT) for name in classes])
    else:
        axes.set_xticks(places, names, rotation=45, ha="right", rotation_mode="anchor")
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    for edge in np.arange(len(classes) - 1) + 0.5:
        axes.axhline(edge, color="white", linewidth=2)
        axes.axvline(edge, color="white", linewidth=2)


def _fits(name: str) -> bool:
    """Returns whether a name fits upright below its cell, with no word broken."""
    words = name.split()
    return all(len(word) <= _SHORT for word in words) and _width(wrap_label(name, _SHORT)) < _CELL


def _width(name: str) -> float:
    """Returns the width of the longest line in inches, as it is drawn."""
    size = FontProperties().get_size_in_points()
    lines = [TextPath((0, 0), line, size) for line in name.split("\n") if line.strip()]
    return max((float(line.get_extents().width) for line in lines), default=0.0) / 72
