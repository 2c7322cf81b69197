"""Corrupted radiographs, and the accuracy on them, by corruption and severity."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullFormatter
from numpy.typing import NDArray

from lungscope.estimate import Estimate
from lungscope.figures.style import BLUE, figure, percent, wrap_label

_TILE = 1.55
"""Inches: size of an image with its label."""
_IN_A_ROW = 4
_WIDTH, _HEIGHT = 2.5, 2.5
"""Inches: size of a panel."""

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
            _draw_heading(row[0], each)
            _draw_image(row[0], image, "clean")
            for axes, corrupted, value in zip(row[1:], each.images, each.values, strict=True):
                _draw_image(axes, corrupted, f"{value:g}")
        for severity, axes in enumerate(grid[0]):
            axes.text(0.5, 1.17, f"severity {severity}", ha="center", **_HEADING, **_within(axes))


def _draw_heading(axes: Axes, series: CorruptedSeries) -> None:
    axes.text(-0.06, 0.54, wrap_label(series.title, 16), ha="right", **_HEADING, **_within(axes))
    quantity = wrap_label(series.quantity, 18)
    axes.text(-0.06, 0.48, quantity, ha="right", va="top", fontsize=8, **_within(axes))


def _within(axes: Axes) -> dict[str, Any]:
    return {"transform": axes.transAxes}


def _draw_image(axes: Axes, image: NDArray[np.uint8], label: str) -> None:
    axes.imshow(image, cmap="gray", vmin=0, vmax=255)
    axes.set_title(label, fontsize=9, fontweight="normal", pad=3)
    axes.set(xticks=[], yticks=[])
    axes.set_axis_off()


@dataclass(frozen=True)
class RobustnessPanel:
    """One corruption.

    Attributes:
        title: name for people, e.g. "Blur".
        quantity: what the values are, with the unit.
        values: one per severity, 1, 2, ...
        accuracies: one per severity, in [0, 1].
    """

    title: str
    quantity: str
    values: Sequence[float]
    accuracies: Sequence[Estimate]


def draw_robustness(
    path: Path, panels: Sequence[RobustnessPanel], clean: Estimate, majority: float, title: str
) -> None:
    """Draws accuracy by severity with its 95 % band, all panels on one scale.

    Args:
        path: the PNG to write.
        panels: at least one.
        clean: accuracy on the images as they are, drawn at severity 0.
        majority: accuracy of always predicting the most common class.
        title: the model's name and the set of images.
    """
    columns = min(len(panels), _IN_A_ROW)
    rows = -(-len(panels) // columns)
    lowest = min(majority, *(found.low for panel in panels for found in panel.accuracies))
    with figure(path, max(6.4, _WIDTH * columns + 0.5), _HEIGHT * rows + 1.1) as drawn:
        drawn.suptitle(wrap_label(title, 28 * columns + 10))
        grid = drawn.subplots(rows, columns, squeeze=False).ravel()
        for spare in grid[len(panels) :]:
            spare.set_axis_off()
        for number, (axes, panel) in enumerate(zip(grid[: len(panels)], panels, strict=True)):
            _draw_panel(axes, panel, clean, majority)
            axes.set_ylim(max(0, lowest - 0.06), 1.02)
            if number % columns:
                axes.yaxis.set_major_formatter(NullFormatter())  # the first has the same axis
        drawn.supylabel("accuracy", fontsize=10)
        handles, names = grid[0].get_legend_handles_labels()
        drawn.legend(handles, names, loc="outside lower center", ncols=2)


def _draw_panel(axes: Axes, panel: RobustnessPanel, clean: Estimate, majority: float) -> None:
    found = [clean, *panel.accuracies]
    severities = range(len(found))
    axes.fill_between(
        severities,
        [each.low for each in found],
        [each.high for each in found],
        color=BLUE,
        alpha=0.18,
        linewidth=0,
        label="95 % interval",
    )
    axes.plot(
        severities,
        [each.value for each in found],
        color=BLUE,
        marker="o",
        markersize=4,
        label="corrupted",
    )
    axes.axhline(clean.value, color="#555555", linewidth=1, ls="--", label="clean")
    axes.axhline(majority, color="#555555", linewidth=1, ls=":", label="majority class")
    axes.set_title(wrap_label(panel.title, 24))
    labels = ["0\nclean", *(f"{k}\n{value:g}" for k, value in enumerate(panel.values, start=1))]
    axes.set_xticks(severities, labels, fontsize=8)
    axes.set_xlabel(wrap_label(panel.quantity, 36), fontsize=8)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(percent(decimals=0))
