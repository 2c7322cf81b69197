"""Deletion and insertion curves: probabilities without, and with only, what heatmaps highlight."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from lungscope.estimate import Estimate
from lungscope.figures.style import BLUE, ORANGE, figure, percent, wrap_label


@dataclass(frozen=True)
class CurvePanel:
    """Deletion, or insertion, in two orders.

    Attributes:
        by_attribution: probability of the predicted class for each proportion of the pixels, the
            highest attribution first.
        by_displaced: the same with the heatmap displaced.
        areas: areas below the two curves, in [0, 1].
    """

    by_attribution: Sequence[Estimate]
    by_displaced: Sequence[Estimate]
    areas: tuple[float, float]


def draw_faithfulness(
    path: Path,
    proportions: Sequence[float],
    deletion: CurvePanel,
    insertion: CurvePanel,
    title: str,
) -> None:
    """Draws both pairs of curves with their 95 % bands, side by side on one scale.

    Args:
        path: the PNG to write.
        proportions: proportions of the pixels that are hidden or revealed, from 0 to 1.
        deletion: curves of images whose pixels are hidden.
        insertion: curves of images whose pixels are revealed.
        title: the model's name and the set of images.
    """
    with figure(path, 8.4, 4.4) as drawn:
        drawn.suptitle(wrap_label(title, 80))
        left, right = drawn.subplots(1, 2, gridspec_kw={"wspace": 0.08})
        _draw(left, proportions, deletion)
        _draw(right, proportions, insertion)
        left.set_title("Deletion: lower is better")
        right.set_title("Insertion: higher is better")
        left.set(
            xlabel="proportion of the pixels hidden", ylabel="probability of the predicted class"
        )
        right.yaxis.set_major_formatter(NullFormatter())  # the left one has the same axis
        right.set_xlabel("proportion of the pixels revealed")
        handles, names = left.get_legend_handles_labels()
        drawn.legend(handles, names, loc="outside lower center", ncols=3)


def _draw(axes: Axes, proportions: Sequence[float], panel: CurvePanel) -> None:
    for curve, color, marker, line, label in (
        (panel.by_attribution, BLUE, "o", "-", "highest attribution first"),
        (panel.by_displaced, ORANGE, "s", "--", "same map, displaced"),
    ):
        low, high = [each.low for each in curve], [each.high for each in curve]
        axes.fill_between(proportions, low, high, color=color, alpha=0.18, linewidth=0)
        axes.plot(
            proportions,
            [each.value for each in curve],
            color=color,
            marker=marker,
            markersize=4,
            ls=line,
            clip_on=False,
            label=label,
        )
    axes.fill_between([], [], [], color="#555555", alpha=0.18, linewidth=0, label="95 % interval")
    own, displaced = (100 * area for area in panel.areas)
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.xaxis.set_major_formatter(percent(decimals=0))
    axes.yaxis.set_major_formatter(percent(decimals=0))
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    axes.text(
        0.98,
        0.03,
        f"area {own:.1f} %, displaced {displaced:.1f} %",
        ha="right",
        fontsize=9,
        transform=axes.transAxes,
    )
