"""What the severities look like: one radiograph under every corruption at every severity."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from lungscope.figures.style import figure, wrap_label

_TILE = 1.55
"""Inches: size of an image with its label."""

_HEADING: dict[str, Any] = {"fontsize": 9, "fontweight": "bold"}


@dataclass(frozen=True, eq=False)
class CorruptedSeries:
    """One image under one corruption.

    Attributes:
        title: name for people, e.g. "Blur".
        quantity: what the values are, with the unit.
        values: one per severity, 1, 2, ...
        images: one per severity, each (S, S) uint8.
    """

    title: str
    quantity: str
    values: Sequence[float]
    images: Sequence[NDArray[np.uint8]]


def draw_severities(
    path: Path, image: NDArray[np.uint8], series: Sequence[CorruptedSeries], title: str
) -> None:
    """Draws a row per corruption: the clean image, then every severity.

    Args:
        path: the PNG to write.
        image: (S, S), the clean image.
        series: at least one, all with the same number of severities.
        title: what is shown.
    """
    columns = 1 + len(series[0].images)
    with figure(path, _TILE * columns + 1.3, (_TILE + 0.12) * len(series) + 0.8) as drawn:
        drawn.suptitle(wrap_label(title, 70))
        grid = drawn.subplots(len(series), columns, squeeze=False)
        for row, each in zip(grid, series, strict=True):
            _name(row[0], each)
            _show(row[0], image, "clean")
            for axes, corrupted, value in zip(row[1:], each.images, each.values, strict=True):
                _show(axes, corrupted, f"{value:g}")
        for severity, axes in enumerate(grid[0]):
            axes.text(0.5, 1.17, f"severity {severity}", ha="center", **_HEADING, **_of(axes))


def _name(axes: Axes, series: CorruptedSeries) -> None:
    axes.text(-0.06, 0.54, wrap_label(series.title, 16), ha="right", **_HEADING, **_of(axes))
    quantity = wrap_label(series.quantity, 18)
    axes.text(-0.06, 0.48, quantity, ha="right", va="top", fontsize=8, **_of(axes))


def _of(axes: Axes) -> dict[str, Any]:
    return {"transform": axes.transAxes}


def _show(axes: Axes, image: NDArray[np.uint8], label: str) -> None:
    axes.imshow(image, cmap="gray", vmin=0, vmax=255)
    axes.set_title(label, fontsize=9, fontweight="normal", pad=3)
    axes.set(xticks=[], yticks=[])
    axes.set_axis_off()
