"""Similarity of heatmaps as a model's layers become random, from the last to the first."""

from collections.abc import Sequence
from pathlib import Path

from lungscope.estimate import Estimate
from lungscope.figures.style import BLUE, figure, wrap_label


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
