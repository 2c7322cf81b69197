"""Validation accuracy by epoch, all models in one (paper, Figure 9)."""

from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path

from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from lungscope.figures.learning_curves import EpochRow
from lungscope.figures.style import BLUE, GREEN, ORANGE, figure, percent, wrap_label

_COLOURS = (BLUE, ORANGE, GREEN, "#000000", "#CC79A7", "#56B4E9", "#8A6D00", "#777777")
"""Okabe and Ito's palette, its yellow darkened to be seen on white, and grey."""
_STROKES = ("-", "--", "-.", ":", (0, (6, 1.5, 1, 1.5, 1, 1.5)))
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def draw_validation_accuracy(
    path: Path, histories: Mapping[str, Sequence[EpochRow]], title: str
) -> None:
    """Draws a line a model, its best epoch marked, and a legend with the best model first.

    A line has its look by its place among the histories, so that a model looks the same whichever
    others do better. Colour, stroke and marker have different counts: no two of 280 lines agree in
    all three.

    Args:
        path: the PNG to write.
        histories: at least one model by its name, each with at least one epoch.
        title: of the figure.
    """
    last = max(rows[-1].epoch for rows in histories.values())
    lowest = min(row.validation_accuracy for rows in histories.values() for row in rows)
    lines: list[tuple[EpochRow, str, Line2D]] = []
    with figure(path, 9, 5.2) as drawn:
        axes = drawn.subplots()
        drawn.suptitle(wrap_label(title, 80))
        looks = zip(cycle(_COLOURS), cycle(_STROKES), cycle(_MARKERS), strict=False)
        for (name, rows), look in zip(
            histories.items(), islice(looks, len(histories)), strict=True
        ):
            colour, stroke, marker = look
            best = max(rows, key=lambda row: row.validation_accuracy)
            (line,) = axes.plot(
                [row.epoch for row in rows],
                [row.validation_accuracy for row in rows],
                color=colour,
                ls=stroke,
                linewidth=1.6,
                marker=marker,
                markersize=8,
                markeredgecolor="white",
                markevery=[rows.index(best)],
            )
            lines.append((best, name, line))
        axes.set(xlabel="epoch", ylabel="validation accuracy")
        axes.set_xlim(0.5, last + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        bottom = min(0.9, lowest - 0.06 * (1 - lowest))
        axes.set_ylim(bottom, 1 + 0.04 * (1 - bottom))
        axes.yaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(percent(decimals=0))
        lines.sort(key=lambda each: -each[0].validation_accuracy)
        axes.legend(
            [line for _, _, line in lines],
            [_label(name, best) for best, name, _ in lines],
            loc="upper left",
            bbox_to_anchor=(1.01, 1),
            title="best epoch marked",
            alignment="left",
            handlelength=3.5,
        )


def _label(name: str, best: EpochRow) -> str:
    accuracy = 100 * best.validation_accuracy
    return f"{wrap_label(name, 26)}\n{accuracy:.1f} %, epoch {best.epoch}"
