"""Reliability diagrams: accuracy by confidence."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MultipleLocator, NullFormatter
from numpy.typing import NDArray

from lungscope.estimate import Estimate
from lungscope.figures.style import BLUE, ORANGE, figure, percent, wrap_label

_SIDE = 4.2
"""Inches: the width of a panel."""

_PALE = "#8fc1de"
_BARS = 0.05
"""Width of a bar of the histogram."""

_NEVER_ABOVE = 0.8
"""Axes begin here or lower, so that perfect confidence has something to its left."""

_HALF = 0.49
"""Axes that begin above have a tick every 10 %, the others every 20 %."""


@dataclass(frozen=True, eq=False)
class Reliability:
    """What one panel shows.

    Attributes:
        title: "as trained", "temperature 1.35", ...
        bins: mean confidence and accuracy of each bin, at least one.
        confidences: (N,) the probability of each image's predicted class.
        error: the expected calibration error of the predicted class.
    """

    title: str
    bins: Sequence[tuple[float, Estimate]]
    confidences: NDArray[np.float64]
    error: Estimate


def draw_reliability(path: Path, panels: Sequence[Reliability], title: str) -> None:
    """Draws accuracy by confidence over the histogram of confidence, the panels side by side.

    Args:
        path: the PNG to write.
        panels: one, or before and after a temperature.
        title: the model's name and the set of images.
    """
    lowest = min(
        min(float(panel.confidences.min()), *(found.low for _, found in panel.bins))
        for panel in panels
    )
    start = min(float(np.floor(lowest * 10) / 10), _NEVER_ABOVE)
    with figure(path, _SIDE * len(panels) + 0.4, 5.8) as drawn:
        drawn.suptitle(wrap_label(title, 40 * len(panels)))
        grid = drawn.subplots(
            2,
            len(panels),
            squeeze=False,
            sharey="row",
            gridspec_kw={"height_ratios": [4, 1]},
        )
        for (above, below), panel in zip(grid.T, panels, strict=True):
            _points(above, panel, start)
            _histogram(below, panel.confidences, start)
        grid[0, 0].set_ylabel("accuracy")
        grid[1, 0].set_ylabel("images")
        handles, names = grid[0, 0].get_legend_handles_labels()
        drawn.legend(handles, names, loc="outside lower center", ncols=len(panels))


def _points(axes: Axes, panel: Reliability, start: float) -> None:
    confidence = np.array([place for place, _ in panel.bins])
    accuracy = np.array([found.value for _, found in panel.bins])
    below = accuracy - [found.low for _, found in panel.bins]
    above = [found.high for _, found in panel.bins] - accuracy
    axes.plot(
        [start, 1],
        [start, 1],
        color="#555555",
        linewidth=1,
        ls="--",
        label="perfect calibration",
    )
    axes.errorbar(
        confidence,
        accuracy,
        yerr=[below, above],
        color=BLUE,
        marker="o",
        markersize=5,
        markeredgecolor="white",  # keeps neighbours apart where confidences crowd
        markeredgewidth=0.6,
        ls="none",
        elinewidth=1.2,
        ecolor=_PALE,
        label="equally many images each, 95 % interval",
    )
    error = panel.error
    axes.set_title(
        f"{wrap_label(panel.title, 36)}\nECE {error:.1%}",
    )
    axes.set(xlim=(start, 1.01), ylim=(start, 1.01))
    axes.xaxis.set_major_locator(_ticks(start))
    axes.yaxis.set_major_locator(_ticks(start))
    axes.xaxis.set_major_formatter(NullFormatter())  # the histogram below has the same axis
    axes.yaxis.set_major_formatter(percent(decimals=0))
    axes.tick_params(labelleft=True)


def _histogram(axes: Axes, confidences: NDArray[np.float64], start: float) -> None:
    edges = np.linspace(0, 1, round(1 / _BARS) + 1)
    axes.hist(
        np.minimum(confidences, 1), edges.tolist(), color=ORANGE, edgecolor="white", linewidth=0.6
    )
    axes.set_xlim(start, 1.01)
    axes.xaxis.set_major_locator(_ticks(start))
    axes.xaxis.set_major_formatter(percent(decimals=0))
    axes.tick_params(labelleft=True)
    axes.set_xlabel("confidence in the predicted class")


def _ticks(start: float) -> MultipleLocator:
    return MultipleLocator(0.1 if start > _HALF else 0.2)
