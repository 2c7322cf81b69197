"""The accuracy of a model beside those with parts of the image hidden and of the baselines."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from lungscope.estimate import Estimate
from lungscope.figures.style import BLUE, ORANGE, figure, percent, wrap_label

Kind = Literal["model", "masked", "baseline"]

_LOOKS: dict[Kind, dict[str, Any]] = {
    "model": {"color": BLUE, "marker": "o", "markersize": 9},
    "masked": {"color": BLUE, "marker": "o", "markersize": 7, "markerfacecolor": "white"},
    "baseline": {"color": ORANGE, "marker": "s", "markersize": 6},
}
_NAMES: dict[Kind, str] = {
    "model": "the model",
    "masked": "the model, images changed",
    "baseline": "baselines",
}

_AROUND, _GAP, _LINE = 1.7, 0.18, 0.18
"""Inches: height of title and legend, of the gap between rows, and of a line of a name."""


@dataclass(frozen=True)
class AccuracyRow:
    """One classifier on the same images.

    Attributes:
        name: name for people, e.g. "border alone".
        accuracy: its accuracy, in [0, 1].
        kind: what kind of classifier it is.
    """

    name: str
    accuracy: Estimate
    kind: Kind


def draw_accuracies(path: Path, rows: Sequence[AccuracyRow], title: str) -> None:
    """Draws a point and an interval per row, from top to bottom, with the numbers at the right.

    Args:
        path: the PNG to write.
        rows: at least one; a thin line marks the accuracy of each model.
        title: the model's name and the set of images.
    """
    names = [wrap_label(row.name, 28) for row in rows]
    row_height = _GAP + _LINE * max(name.count("\n") + 1 for name in names)
    with figure(path, 7.6, _AROUND + row_height * len(rows)) as drawn:
        axes = drawn.subplots()
        axes.set_title(wrap_label(title, 64), pad=10)
        for place, row in enumerate(rows):
            found = row.accuracy
            if row.kind == "model":
                axes.axvline(found.value, color=BLUE, linewidth=1, ls="--", zorder=1)
            color = _LOOKS[row.kind]["color"]
            axes.plot([found.low, found.high], [place, place], color=color, solid_capstyle="butt")
            axes.plot(found.value, place, **_LOOKS[row.kind])
            axes.text(
                1.02,
                place,
                f"{found:.1%}",
                transform=axes.get_yaxis_transform(),
                va="center",
                fontsize=9,
            )
        axes.set_yticks(range(len(rows)), names)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        lowest = min(*(row.accuracy.low for row in rows), 0.9)
        axes.set_xlim(max(0.0, lowest - 0.05), 1.01)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(percent(decimals=0))
        axes.set_xlabel("accuracy, with 95 % interval over groups")
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        kinds = list(dict.fromkeys(row.kind for row in rows))
        drawn.legend(
            [Line2D([], [], **_LOOKS[kind]) for kind in kinds],
            [_NAMES[kind] for kind in kinds],
            loc="outside lower center",
            ncols=len(kinds),
        )
