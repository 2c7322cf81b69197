"""Where a model is right: accuracy and recall by source, each with its interval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol

from matplotlib.axes import Axes

from lungscope.figures.interval import Interval
from lungscope.figures.style import BLUE, GREEN, ORANGE, figure, percent, wrap_label

_COLOURS = (BLUE, ORANGE, GREEN)
_MARKERS = ("o", "s", "^", "v", "p")
"""Their counts have no common divisor: 15 classes differ."""

_ALL: dict[str, Any] = {"color": "black", "marker": "D"}
_ABSENT = "#666666"
_LINE, _AROUND = 0.24, 1.6
"""Inches: a line of the chart, and what its title and axis need."""


_MOST = 20
"""Sources that a picture holds."""


class Cell(Protocol):
    """See `lungscope.audit.subgroups.Cell`."""

    @property
    def images(self) -> int: ...  # noqa: D102
    @property
    def groups(self) -> int: ...  # noqa: D102
    @property
    def share(self) -> Interval: ...  # noqa: D102


class Source(Protocol):
    """See `lungscope.audit.subgroups.SourceScores`."""

    @property
    def source(self) -> str: ...  # noqa: D102
    @property
    def accuracy(self) -> Cell: ...  # noqa: D102
    @property
    def recall(self) -> Mapping[str, Any]: ...  # noqa: D102


@dataclass(frozen=True)
class _Line:
    """A line of the chart: a source's name alone, or a cell of it."""

    name: str
    look: dict[str, Any] | None
    cell: Cell | None


def draw_subgroups(path: Path, sources: Sequence[Source], title: str) -> None:
    """Draws a block a source: its accuracy, and the recall of each class or "no image".

    Args:
        path: the PNG to write.
        sources: one or more, with the same classes; of more than 20, those of most images.
        title: the model's name and the set of images.
    """
    largest = sorted(sources, key=lambda source: -source.accuracy.images)[:_MOST]
    shown = [source for source in sources if source in largest]
    lines = [line for source in shown for line in _lines(source)]
    heights = [line.name.count("\n") + 1 for line in lines]
    rows = [
        end - (height + 1) / 2 for end, height in zip(accumulate(heights), heights, strict=True)
    ]
    with figure(path, 7.6, _AROUND + _LINE * sum(heights)) as drawn:
        axes = drawn.subplots()
        drawn.suptitle(wrap_label(title, 70))
        for row, line in zip(rows, lines, strict=True):
            if line.look is not None:
                _draw(axes, row, line.look, line.cell)
        axes.set_yticks(rows, [line.name for line in lines])
        for label, line in zip(axes.get_yticklabels(), lines, strict=True):
            label.set_fontweight("bold" if line.look is None else "normal")
        axes.set_ylim(sum(heights) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        lowest = min([line.cell.share.low for line in lines if line.cell is not None])
        axes.set_xlim(lowest - 0.05 * (1 - lowest), 1 + 0.02 * (1 - lowest))
        axes.xaxis.set_major_formatter(percent(decimals=0))
        left_out = len(sources) - len(shown)
        axes.set_xlabel(
            "rightly classified, with the 95 % interval over groups"
            + (f"\n{left_out} sources of fewer images are not shown" if left_out else "")
        )


def _lines(source: Source) -> list[_Line]:
    return [
        _Line(wrap_label(source.source, 34), None, None),
        _Line(_counted("all images", source.accuracy), _ALL, source.accuracy),
        *(
            _Line(_counted(wrap_label(name, 34), cell), _look(number), cell)
            for number, (name, cell) in enumerate(source.recall.items())
        ),
    ]


def _counted(name: str, cell: Cell | None) -> str:
    if cell is None:
        return name
    return f"{name}, {cell.images} in {cell.groups} group{'' if cell.groups == 1 else 's'}"


def _look(number: int) -> dict[str, Any]:
    return {
        "color": _COLOURS[number % len(_COLOURS)],
        "marker": _MARKERS[number % len(_MARKERS)],
    }


def _draw(axes: Axes, row: float, look: dict[str, Any], cell: Cell | None) -> None:
    if cell is None:
        axes.text(
            0.02,
            row,
            "no image",
            transform=axes.get_yaxis_transform(),
            va="center",
            fontsize=9,
            fontstyle="italic",
            color=_ABSENT,
        )
        return
    found = cell.share
    axes.plot([found.low, found.high], [row, row], color=look["color"], solid_capstyle="butt")
    axes.plot(found.value, row, **look, ls="none", markersize=7, clip_on=False)
    axes.text(
        1.02,
        row,
        f"{100 * found.value:.1f} % ({100 * found.low:.1f} to {100 * found.high:.1f})",
        transform=axes.get_yaxis_transform(),
        va="center",
        fontsize=9,
    )
