"""Deletion and insertion curves: what images are worth without, and with, what heat points at."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from lungscope.figures.interval import Interval
from lungscope.figures.style import BLUE, ORANGE, figure, percent, wrap_label


class Curve(Protocol):
    """See `lungscope.audit.faithfulness.Curve`."""

    @property
    def probabilities(self) -> Sequence[Interval]: ...  # noqa: D102
    @property
    def area(self) -> Interval: ...  # noqa: D102


class Comparison(Protocol):
    """See `lungscope.audit.faithfulness.Comparison`."""

    @property
    def by_heat(self) -> Curve: ...  # noqa: D102
    @property
    def by_displaced(self) -> Curve: ...  # noqa: D102


def draw_faithfulness(
    path: Path,
    shares: Sequence[float],
    deletion: Comparison,
    insertion: Comparison,
    title: str,
) -> None:
    """Draws both pairs of curves with their 95 % bands, side by side on one scale.

    Args:
        path: the PNG to write.
        shares: of the pixels that are hidden or uncovered, from 0 to 1.
        deletion: the curves of images that are hidden.
        insertion: those of images that are uncovered.
        title: the model's name and the set of images.
    """
    with figure(path, 8.4, 4.4) as drawn:
        drawn.suptitle(wrap_label(title, 80))
        left, right = drawn.subplots(1, 2, gridspec_kw={"wspace": 0.08})
        _draw(left, shares, deletion)
        _draw(right, shares, insertion)
        left.set_title("Deletion: lower is better")
        right.set_title("Insertion: higher is better")
        left.set(xlabel="share of the pixels hidden", ylabel="probability of the model's answer")
        right.yaxis.set_major_formatter(NullFormatter())  # the left one has the same axis
        right.set_xlabel("share of the pixels uncovered")
        handles, names = left.get_legend_handles_labels()
        drawn.legend(handles, names, loc="outside lower center", ncols=3)


def _draw(axes: Axes, shares: Sequence[float], compared: Comparison) -> None:
    for curve, color, marker, line, label in (
        (compared.by_heat, BLUE, "o", "-", "by heat, the hottest first"),
        (compared.by_displaced, ORANGE, "s", "--", "by the same map displaced"),
    ):
        found = curve.probabilities
        low, high = [each.low for each in found], [each.high for each in found]
        axes.fill_between(shares, low, high, color=color, alpha=0.18, linewidth=0)
        axes.plot(
            shares,
            [each.value for each in found],
            color=color,
            marker=marker,
            markersize=4,
            ls=line,
            clip_on=False,
            label=label,
        )
    axes.fill_between([], [], [], color="#555555", alpha=0.18, linewidth=0, label="95 % interval")
    heat, displaced = (100 * each.area.value for each in (compared.by_heat, compared.by_displaced))
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.xaxis.set_major_formatter(percent(decimals=0))
    axes.yaxis.set_major_formatter(percent(decimals=0))
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    axes.text(
        0.98,
        0.03,
        f"area {heat:.1f} % by heat, {displaced:.1f} % displaced",
        ha="right",
        fontsize=9,
        transform=axes.transAxes,
    )
