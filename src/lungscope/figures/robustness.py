"""Accuracy by severity of corruption: one small panel per corruption."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullFormatter

from lungscope.estimate import Estimate
from lungscope.figures.style import BLUE, figure, percent, wrap_label

_IN_A_ROW = 4
_WIDTH, _HEIGHT = 2.5, 2.5
"""Inches: size of a panel."""


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
            _draw(axes, panel, clean, majority)
            axes.set_ylim(max(0, lowest - 0.06), 1.02)
            if number % columns:
                axes.yaxis.set_major_formatter(NullFormatter())  # the first has the same axis
        drawn.supylabel("accuracy", fontsize=10)
        handles, names = grid[0].get_legend_handles_labels()
        drawn.legend(handles, names, loc="outside lower center", ncols=2)


def _draw(axes: Axes, panel: RobustnessPanel, clean: Estimate, majority: float) -> None:
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
