"""How alike heatmaps stay as a model's layers become random, from the last down to the first."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from lungscope.figures.interval import Interval
from lungscope.figures.style import BLUE, figure, wrap_label


class Depth(Protocol):
    """See `lungscope.audit.randomisation.Depth`."""

    @property
    def layer(self) -> str: ...  # noqa: D102
    @property
    def likeness(self) -> Interval: ...  # noqa: D102


def draw_randomisation(path: Path, depths: Sequence[Depth], chance: float, title: str) -> None:
    """Draws the likeness to the trained model's heatmaps with its 95 % band, by depth.

    Args:
        path: the PNG to write.
        depths: from the last layer, which alone is random, to the first, when everything is.
        chance: the likeness of maps that have nothing to do with each other.
        title: the model's name and the set of images.
    """
    places = range(1, len(depths) + 1)
    with figure(path, 6.4, 4.4) as drawn:
        axes = drawn.subplots()
        axes.set_title(wrap_label(title, 60), pad=10)
        axes.fill_between(
            places,
            [each.likeness.low for each in depths],
            [each.likeness.high for each in depths],
            color=BLUE,
            alpha=0.18,
            linewidth=0,
            label="95 % interval",
        )
        axes.plot(
            [0, *places],
            [1, *(each.likeness.value for each in depths)],
            color=BLUE,
            marker="o",
            markersize=4,
            clip_on=False,
            label="heatmaps",
        )
        axes.axhline(chance, color="#555555", linewidth=1, ls=":", label="unrelated maps")
        names = ["none", *(wrap_label(each.layer, 16) for each in depths)]
        axes.set_xticks([0, *places], names, fontsize=8, rotation=90)
        axes.set(xlim=(0, len(depths)), ylim=(0, 1.02))
        axes.set_xlabel("random from the last layer down to this one")
        axes.set_ylabel(
            "likeness to the trained model's heatmaps\n(rank correlation, absolute value)"
        )
        drawn.legend(loc="outside lower center", ncols=3)
