"""ROC and precision-recall curves of each class against the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from lungscope.estimate import Estimate
from lungscope.figures.style import BLUE, GREEN, ORANGE, figure, percent, wrap_label

_COLOURS = (BLUE, ORANGE, GREEN)
_LINES = ("-", "--", "-.", ":")
_MARKERS = ("o", "s", "^", "D", "v")
"""Their counts have no common divisor: 60 classes differ, and three neighbours also in grey."""

_GUESSING: dict[str, Any] = {"color": "#555555", "linewidth": 1, "ls": ":"}

_NAME = 30
"""Letters of a class name in a line of the legend."""


@dataclass(frozen=True, eq=False)
class ClassCurves:
    """One class against all others, a point for each of T distinct probabilities.

    Attributes:
        name: the class.
        prevalence: the proportion of its images, in (0, 1): the precision of guessing.
        false_positive_rate, true_positive_rate: (T + 1,) rising, from (0, 0) to (1, 1).
        recall: (T,) rising to 1; the true positive rate without its first point.
        precision: (T,).
        auroc: area under the ROC curve.
        auprc: average precision.
    """

    name: str
    prevalence: float
    false_positive_rate: NDArray[np.float64]
    true_positive_rate: NDArray[np.float64]
    recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    auroc: Estimate
    auprc: Estimate


def draw_roc(path: Path, curves: Sequence[ClassCurves], title: str) -> None:
    """Draws two panels: ROC left, precision by recall right; guessing is drawn thin.

    Args:
        path: the PNG to write.
        curves: one a class, at least one.
        title: the model's name and the set of images.
    """
    rows = sum(1 + wrap_label(curve.name, _NAME).count("\n") for curve in curves)
    with figure(path, 9.6, 5.9 + 0.19 * rows) as drawn:
        drawn.suptitle(f"{wrap_label(title, 80)}\neach class against the rest")
        roc, precision_recall = drawn.subplots(1, 2)
        roc.plot([0, 1], [0, 1], **_GUESSING)
        for number, curve in enumerate(curves):
            shape = {**_look(number), "markevery": (0.03 * (number % 4), 0.12)}
            _line(roc, curve.false_positive_rate, curve.true_positive_rate, shape)
            recall = np.append(0, curve.recall)
            precision = np.append(curve.precision[0], curve.precision)
            # as the average precision adds it up: no line between points, but steps
            _line(precision_recall, recall, precision, {**shape, "drawstyle": "steps-pre"})
            precision_recall.axhline(curve.prevalence, **_GUESSING)
        roc.set(title="ROC")
        roc.set(xlabel="1 - specificity", ylabel="sensitivity")
        precision_recall.set(title="Precision by recall")
        precision_recall.set(xlabel="recall (sensitivity)", ylabel="precision")
        names = [curve.name for curve in curves]
        _legend(roc, names, [curve.auroc for curve in curves], "area under the curve")
        areas = [curve.auprc for curve in curves]
        _legend(precision_recall, names, areas, "average precision")
        for axes in (roc, precision_recall):
            axes.set(xlim=(0, 1), ylim=(0, 1))
            axes.xaxis.set_major_formatter(percent(decimals=0))
            axes.yaxis.set_major_formatter(percent(decimals=0))


def _look(number: int) -> dict[str, Any]:
    return {
        "color": _COLOURS[number % len(_COLOURS)],
        "ls": _LINES[number % len(_LINES)],
        "marker": _MARKERS[number % len(_MARKERS)],
        "linewidth": 1.6,
        "markersize": 5,
        "markerfacecolor": "white",
    }


def _line(axes: Axes, x: NDArray[Any], y: NDArray[Any], look: dict[str, Any]) -> None:
    axes.plot(x, y, **look, clip_on=False, zorder=3)  # perfect curves lie on the frame


def _legend(axes: Axes, names: Sequence[str], areas: Sequence[Estimate], title: str) -> None:
    axes.legend(
        [*(Line2D([], [], **_look(k)) for k in range(len(names))), Line2D([], [], **_GUESSING)],
        [
            *(
                f"{wrap_label(name, _NAME)}: {area.value:.3f} ({area.bounds()})"
                for name, area in zip(names, areas, strict=True)
            ),
            "guessing",
        ],
        title=f"{title}, 95 % interval",
        loc="upper center",
        bbox_to_anchor=(0.5, -0.14),
        handlelength=3.2,
    )
