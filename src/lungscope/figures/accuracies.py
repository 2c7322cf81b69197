"""A model beside what it should beat: its accuracy, with parts hidden, and the baselines'."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from lungscope.figures.interval import Interval
from lungscope.figures.style import BLUE, ORANGE, figure, percent, wrap_label

Of = Literal["model", "masked", "baseline"]

_LOOKS: dict[Of, dict[str, Any]] = {
    "model": {"color": BLUE, "marker": "o", "markersize": 9},
    "masked": {"color": BLUE, "marker": "o", "markersize": 7, "markerfacecolor": "white"},
    "baseline": {"color": ORANGE, "marker": "s", "markersize": 6},
}
_NAMES: dict[Of, str] = {
    "model": "the model",
    "masked": "the model, parts hidden",
    "baseline": "baselines",
}

_AROUND, _GAP, _LINE = 1.7, 0.18, 0.18
"""Inches: what title and legend need, the gap between rows, a line of a row's name."""


@dataclass(frozen=True)
class Row:
    """One classifier on the same images.

    Attributes:
        name: for people, e.g. "border alone".
        accuracy: in [0, 1].
        of: what kind of classifier it is.
    """

    name: str
    accuracy: Interval
    of: Of


def draw_accuracies(path: Path, rows: Sequence[Row], title: str) -> None:
    """Draws a point and an interval a row, from top to bottom, with the numbers at the right.

    Args:
        path: the PNG to write.
        rows: at least one; a thin line goes down from each model's.
        title: the model's name and the set of images.
    """
    names = [wrap_label(row.name, 28) for row in rows]
    row_height = _GAP + _LINE * max(name.count("\n") + 1 for name in names)
    with figure(path, 7.6, _AROUND + row_height * len(rows)) as drawn:
        axes = drawn.subplots()
        axes.set_title(wrap_label(title, 64), pad=10)
        for place, row in enumerate(rows):
            found = row.accuracy
            if row.of == "model":
                axes.axvline(found.value, color=BLUE, linewidth=1, ls="--", zorder=1)
            color = _LOOKS[row.of]["color"]
            axes.plot([found.low, found.high], [place, place], color=color, solid_capstyle="butt")
            axes.plot(found.value, place, **_LOOKS[row.of])
            axes.text(
                1.02,
                place,
                f"{_points(found.value)} % ({_points(found.low)} to {_points(found.high)})",
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
        kinds = list(dict.fromkeys(row.of for row in rows))
        drawn.legend(
            [Line2D([], [], **_LOOKS[kind]) for kind in kinds],
            [_NAMES[kind] for kind in kinds],
            loc="outside lower center",
            ncols=len(kinds),
        )


def _points(share: float) -> str:
    return f"{100 * share:.1f}"
