"""Tests of heatmaps: deletion and insertion curves, and similarity by randomised layers."""

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
        _draw_curves(left, proportions, deletion)
        _draw_curves(right, proportions, insertion)
        left.set_title("Deletion: lower is better")
        right.set_title("Insertion: higher is better")
        left.set(
            xlabel="proportion of the pixels hidden", ylabel="probability of the predicted class"
        )
        right.yaxis.set_major_formatter(NullFormatter())  # the left one has the same axis
        right.set_xlabel("proportion of the pixels revealed")
        handles, names = left.get_legend_handles_labels()
        drawn.legend(handles, names, loc="outside lower center", ncols=3)


def _draw_curves(axes: Axes, proportions: Sequence[float], panel: CurvePanel) -> None:
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


def draw_randomisation(
    path: Path, layers: Sequence[str], similarities: Sequence[Estimate], chance: float, title: str
) -> None:
    """Draws the similarity to the trained model's heatmaps with its 95 % band, by depth.

    Args:
        path: the PNG to write.
        layers: from the last one, which alone is random, to the first, when everything is.
        similarities: one per layer, in [0, 1].
        chance: similarity of unrelated maps.
        title: the model's name and the set of images.
    """
    places = range(1, len(layers) + 1)
    with figure(path, 6.4, 4.4) as drawn:
        axes = drawn.subplots()
        axes.set_title(wrap_label(title, 60), pad=10)
        axes.fill_between(
            places,
            [each.low for each in similarities],
            [each.high for each in similarities],
            color=BLUE,
            alpha=0.18,
            linewidth=0,
            label="95 % interval",
        )
        axes.plot(
            [0, *places],
            [1, *(each.value for each in similarities)],
            color=BLUE,
            marker="o",
            markersize=4,
            clip_on=False,
            label="heatmaps",
        )
        axes.axhline(chance, color="#555555", linewidth=1, ls=":", label="unrelated maps")
        names = ["none", *(wrap_label(each, 16) for each in layers)]
        axes.set_xticks([0, *places], names, fontsize=8, rotation=90)
        axes.set(xlim=(0, len(layers)), ylim=(0, 1.02))
        axes.set_xlabel("layers randomised, from the last down to this one")
        axes.set_ylabel(
            "similarity to the trained model's heatmaps\n(rank correlation, absolute value)"
        )
        drawn.legend(loc="outside lower center", ncols=3)
