"""How far models lie apart: a forest plot of differences and their intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lungscope.estimate import Estimate
from lungscope.figures.style import BLUE, figure, wrap_label

_LINE, _GAP = 0.18, 0.26
_AROUND = (2.6, 1.7)
_WIDTH = 2.5
"""Inches: a line of a pair's names and the gap between pairs, what names and titles need around
the panels, a panel's width."""


Better = Literal["higher", "lower"]
"""Which values of a metric are better."""


@dataclass(frozen=True)
class Panel:
    """One metric of all pairs.

    Attributes:
        title: the metric, its average if it has one, and the unit.
        better: which values of the metric itself are better.
        differences: first - second of each pair.
        scale: what a difference is multiplied by to be in the title's unit.
    """

    title: str
    better: Better
    differences: Sequence[Estimate]
    scale: float = 1


def draw_comparison(
    path: Path, pairs: Sequence[tuple[str, str]], panels: Sequence[Panel], title: str
) -> None:
    """Draws a row a pair and a panel a metric; filled marks have intervals that leave 0 out.

    Args:
        path: the PNG to write.
        pairs: the names of the two models of each pair, one pair or more.
        panels: the metrics, each with as many differences as there are pairs.
        title: on what was measured.
    """
    names = [f"{wrap_label(first, 28)}\n- {wrap_label(second, 28)}" for first, second in pairs]
    row = _GAP + _LINE * max(name.count("\n") + 1 for name in names)
    width, height = _AROUND[0] + _WIDTH * len(panels), _AROUND[1] + row * len(pairs)
    with figure(path, width, height) as drawn:
        drawn.suptitle(wrap_label(title, 100))
        axes = drawn.subplots(1, len(panels), squeeze=False)[0]
        for number, (each, panel) in enumerate(zip(axes, panels, strict=True)):
            _draw(each, panel)
            each.set_yticks(range(len(pairs)), names if number == 0 else [""] * len(pairs))
            each.set_ylim(len(pairs) - 0.4, -0.6)
        drawn.supxlabel(
            "first - second, 95 % bootstrap interval over groups; "
            "filled where it leaves 0 out (each by itself)",
            fontsize=9,
        )


def _draw(axes: Axes, panel: Panel) -> None:
    axes.axvline(0, color="#555555", linewidth=1, ls="--", zorder=1)
    for row, found in enumerate(panel.differences):
        low, value, high = (panel.scale * x for x in (found.low, found.value, found.high))
        axes.plot([low, high], [row, row], color=BLUE, solid_capstyle="butt")
        axes.plot(
            value,
            row,
            marker="o",
            markersize=7,
            color=BLUE,
            markerfacecolor=BLUE if found.excludes_zero else "white",
        )
    farthest = max(abs(panel.scale * x) for d in panel.differences for x in (d.low, d.high))
    reach = 1.12 * farthest or 1.0
    axes.set_xlim(-reach, reach)  # 0 in the middle of every panel
    axes.set_title(panel.title)
    directions = ("second better", "first better")
    left, right = directions if panel.better == "higher" else directions[::-1]
    axes.set_xlabel(f"← {left}    {right} →", fontsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4, symmetric=True))
    axes.xaxis.set_major_formatter(FuncFormatter(_signed))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _signed(value: float, _: object) -> str:
    return f"{value:+.3g}" if abs(value) > 1e-12 else "0"
