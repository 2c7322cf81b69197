"""Accuracy and recall by source, each with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from lungscope.estimate import Estimate
from lungscope.figures.style import BLUE, GREEN, ORANGE, figure, percent, wrap_label
from lungscope.text import format_quantity

_COLOURS = (BLUE, ORANGE, GREEN)
_MARKERS = ("o", "s", "^", "v", "p")
"""Their counts have no common divisor: 15 classes differ."""

_ALL: dict[str, Any] = {"color": "black", "marker": "D"}
_ABSENT = "#666666"
_LINE, _AROUND = 0.24, 1.6
"""Inches: height of a line of the chart, and of title and axis."""


_MOST = 20
"""Largest number of sources in a figure."""


@dataclass(frozen=True)
class SourceLine:
    """Some images of a source: all, or those of a class.

    Attributes:
        name: "all images", or the name of the class.
        images, groups: number of images, and of their groups.
        correct: proportion that is classified correctly; None if there are no images.
    """

    name: str
    images: int
    groups: int
    correct: Estimate | None


@dataclass(frozen=True)
class SourceBlock:
    """A source.

    Attributes:
        name: name of the source.
        lines: all its images first, then those of each class.
    """

    name: str
    lines: Sequence[SourceLine]


@dataclass(frozen=True)
class _Line:
    """A line of the chart: a source's name alone, or a proportion."""

    name: str
    look: dict[str, Any] | None
    correct: Estimate | None


def draw_subgroups(path: Path, sources: Sequence[SourceBlock], title: str) -> None:
    """Draws a block per source: its accuracy, and the recall of each class or "no image".

    Args:
        path: the PNG to write.
        sources: one or more, with the same classes; of more than 20, those with most images.
        title: the model's name and the set of images.
    """
    largest = sorted(sources, key=lambda source: -source.lines[0].images)[:_MOST]
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
                _draw(axes, row, line.look, line.correct)
        axes.set_yticks(rows, [line.name for line in lines])
        for label, line in zip(axes.get_yticklabels(), lines, strict=True):
            label.set_fontweight("bold" if line.look is None else "normal")
        axes.set_ylim(sum(heights) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        lowest = min(line.correct.low for line in lines if line.correct is not None)
        axes.set_xlim(lowest - 0.05 * (1 - lowest), 1 + 0.02 * (1 - lowest))
        axes.xaxis.set_major_formatter(percent(decimals=0))
        left_out = len(sources) - len(shown)
        axes.set_xlabel(
            "classified correctly, with the 95 % interval over groups"
            + (f"\n{left_out} sources with fewer images are not shown" if left_out else "")
        )


def _lines(source: SourceBlock) -> list[_Line]:
    looks = [_ALL, *(_look(number) for number in range(len(source.lines) - 1))]
    return [
        _Line(wrap_label(source.name, 34), None, None),
        *(
            _Line(_named(line), look, line.correct)
            for line, look in zip(source.lines, looks, strict=True)
        ),
    ]


def _named(line: SourceLine) -> str:
    name = wrap_label(line.name, 34)
    if line.correct is None:
        return name
    return f"{name}, {line.images} in {format_quantity(line.groups, 'group')}"


def _look(number: int) -> dict[str, Any]:
    return {
        "color": _COLOURS[number % len(_COLOURS)],
        "marker": _MARKERS[number % len(_MARKERS)],
    }


def _draw(axes: Axes, row: float, look: dict[str, Any], correct: Estimate | None) -> None:
    if correct is None:
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
    axes.plot([correct.low, correct.high], [row, row], color=look["color"], solid_capstyle="butt")
    axes.plot(correct.value, row, **look, ls="none", markersize=7, clip_on=False)
    axes.text(
        1.02,
        row,
        f"{correct:.1%}",
        transform=axes.get_yaxis_transform(),
        va="center",
        fontsize=9,
    )
