"""Loss and accuracy by epoch, training and validation (paper, Figures 2-8)."""

import math
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Protocol

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from lungscope.figures.style import BLUE, ORANGE, figure, percent, wrap_label

_MARKERS = 40
_HIGH = 0.9
"""The accuracy axis begins here or lower, so that perfect curves have something under them."""


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


def draw_learning_curves(path: Path, history: Sequence[EpochRow], title: str) -> None:
    """Draws two panels, loss and accuracy, with the best epoch marked.

    Args:
        path: the PNG to write.
        history: at least one epoch; losses that are not finite are left out.
        title: the model's name.
    """
    epochs = [row.epoch for row in history]
    best = max(history, key=lambda row: row.validation_accuracy)
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
