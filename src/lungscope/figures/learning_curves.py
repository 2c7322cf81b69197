"""Learning curves: of one model (paper, Figures 2-8), and of several in one (Figure 9)."""

import math
from collections.abc import Mapping, Sequence
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Protocol

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from lungscope.figures.style import BLUE, GREEN, ORANGE, figure, percent, wrap_label

_MARKERS = 40
"""Most markers on a curve."""

_HIGH = 0.9
"""The accuracy axis begins here or lower, so that perfect curves have something under them."""

_COLOURS = (BLUE, ORANGE, GREEN, "#000000", "#CC79A7", "#56B4E9", "#8A6D00", "#777777")
"""Okabe and Ito's palette, its yellow darkened to be seen on white, and grey."""
_STROKES = ("-", "--", "-.", ":", (0, (6, 1.5, 1, 1.5, 1, 1.5)))
_SYMBOLS = ("o", "s", "^", "D", "v", "P", "X")


class EpochRow(Protocol):
    """One epoch's numbers; see `lungscope.training.history.Epoch`."""

    @property
    def epoch(self) -> int: ...  # noqa: D102
    @property
    def train_loss(self) -> float: ...  # noqa: D102
    @property
    def train_accuracy(self) -> float: ...  # noqa: D102
    @property
    def validation_loss(self) -> float: ...  # noqa: D102
    @property
    def validation_accuracy(self) -> float: ...  # noqa: D102
    @property
    def validation_score(self) -> float: ...  # noqa: D102


def draw_learning_curves(path: Path, history: Sequence[EpochRow], title: str) -> None:
    """Draws two panels, loss and accuracy, with the best epoch marked.

    Args:
        path: the PNG to write.
        history: at least one epoch; losses that are not finite are left out.
        title: the model's name.
    """
    epochs = [row.epoch for row in history]
    best = max(history, key=lambda row: row.validation_score)
    losses = ([row.train_loss for row in history], [row.validation_loss for row in history])
    accuracies = (
        [row.train_accuracy for row in history],
        [row.validation_accuracy for row in history],
    )
    with figure(path, 9, 4.2) as drawn:
        loss, accuracy = drawn.subplots(1, 2)
        drawn.suptitle(wrap_label(title, 80))

        lines = _panel(loss, epochs, *losses, best.epoch)
        loss.set(title="Loss", ylabel="cross-entropy (nats)")
        finite = [value for value in chain(*losses) if math.isfinite(value)]
        loss.set_ylim(0, 1.06 * max(finite, default=1) or 1)

        _panel(accuracy, epochs, *accuracies, best.epoch)
        accuracy.set(title="Accuracy", ylabel="accuracy")
        lowest = min(chain(*accuracies))
        bottom = min(_HIGH, lowest - 0.06 * (1 - lowest))
        accuracy.set_ylim(bottom, 1 + 0.04 * (1 - bottom))
        accuracy.yaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
        accuracy.yaxis.set_major_formatter(percent(decimals=0))

        marked = (
            f"best epoch: {best.epoch}, validation accuracy {100 * best.validation_accuracy:.1f} %"
        )
        drawn.legend(lines, ["training", "validation", marked], loc="outside lower center", ncols=3)


def _panel(
    axes: Axes,
    epochs: Sequence[int],
    train: Sequence[float],
    validation: Sequence[float],
    best: int,
) -> list[Line2D]:
    every = -(-len(epochs) // _MARKERS)
    axes.plot(epochs, train, color=BLUE, marker="o", markersize=4, markevery=every)
    axes.plot(
        epochs,
        validation,
        color=ORANGE,
        ls="--",
        marker="s",
        markersize=4.5,
        markerfacecolor="white",  # in grey print the two colours are one: filled and hollow are two
        markevery=every,
    )
    axes.axvline(best, color="#555555", linewidth=1, ls=":", zorder=1)
    axes.set_xlabel("epoch")
    axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return [*axes.get_lines()]


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
        looks = zip(cycle(_COLOURS), cycle(_STROKES), cycle(_SYMBOLS), strict=False)
        for (name, rows), look in zip(
            histories.items(), islice(looks, len(histories)), strict=True
        ):
            colour, stroke, marker = look
            best = max(rows, key=lambda row: row.validation_score)
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
