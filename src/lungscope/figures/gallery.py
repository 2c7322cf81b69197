"""The radiographs that a model took for something else, each with its name and verdict."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lungscope.figures.style import figure, wrap_label

_IN_A_ROW = 4
_WIDTH, _HEIGHT, _LINE = 2.5, 2.6, 0.17
"""Inches: a radiograph and its margins, and a line of what is said of it."""

_LETTERS = 40
"""Of a file name; more would reach into the next picture."""


class Mistaken(Protocol):
    """A wrongly classified image; see `lungscope.audit.mistakes.Mistake`."""

    @property
    def file(self) -> str: ...  # noqa: D102
    @property
    def true(self) -> str: ...  # noqa: D102
    @property
    def predicted(self) -> str: ...  # noqa: D102
    @property
    def probabilities(self) -> Mapping[str, float]: ...  # noqa: D102


def draw_gallery(
    path: Path, mistakes: Sequence[Mistaken], images: Sequence[NDArray[np.uint8]], title: str
) -> None:
    """Draws the radiographs in rows of four at most; without any, no picture is written.

    Args:
        path: the PNG to write.
        mistakes: M of them, in the order wanted.
        images: the M radiographs, each (H, W) uint8.
        title: the model's name and the set of images.
    """
    if not mistakes:
        return
    columns = min(len(mistakes), _IN_A_ROW)
    rows = -(-len(mistakes) // columns)
    told = [_told(mistake) for mistake in mistakes]
    lines = 1 + max(text.count("\n") + 1 for text in told)
    with figure(path, _WIDTH * columns, 0.5 + rows * (_HEIGHT + _LINE * lines)) as drawn:
        drawn.suptitle(wrap_label(title, 24 * columns))
        panels = drawn.subplots(rows, columns, squeeze=False).ravel()
        for axes in panels[len(mistakes) :]:
            axes.set_axis_off()
        shown = panels[: len(mistakes)]
        for axes, mistake, image, text in zip(shown, mistakes, images, told, strict=True):
            axes.imshow(image, cmap="gray", vmin=0, vmax=255)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            axes.set_title(text, fontsize=9)
            axes.set_xlabel(shorten_name(mistake.file, _LETTERS), fontsize=7, color="#444444")


def shorten_name(name: str, letters: int) -> str:
    """A name with its middle left out, if it is longer than `letters`, and nothing unprintable."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in name)
    if len(shown) <= letters:
        return shown
    start = (letters - 1) // 2
    return f"{shown[:start]}…{shown[len(shown) - (letters - 1 - start) :]}"


def _told(mistake: Mistaken) -> str:
    sure = 100 * mistake.probabilities[mistake.predicted]
    percentage = ">99 %" if 99 < sure < 100 else f"{sure:.0f} %"
    true, called = (
        wrap_label(f"is {mistake.true},", 30),
        wrap_label(f"called {mistake.predicted}", 30),
    )
    return f"{true}\n{called} ({percentage})"
