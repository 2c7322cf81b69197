"""Accuracy against coverage: what abstention on the least confident images is worth."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from lungscope.estimate import Estimate
from lungscope.figures.style import BLUE, ORANGE, figure, percent, wrap_label

_HIGH = 0.95
"""The accuracy axis begins here or lower, so that ticks stay whole percents."""


@dataclass(frozen=True, eq=False)
class CoverageCurve:
    """Accuracy of the accepted images by coverage, T points by rising coverage.

    Attributes:
        threshold: (T,) confidences, falling.
        coverage: (T,) in (0, 1]; the last is 1.
        accuracy: (T,) of the accepted images.
        low, high: (T,) the 95 % interval of the accuracy: by bootstrap over groups, or Wilson's
            where the accepted images are of few groups or all classified correctly.
    """

    threshold: NDArray[np.float64]
    coverage: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def draw_coverage(
    path: Path,
    curve: CoverageCurve,
    title: str,
    chosen: tuple[float, Estimate, Estimate] | None = None,
) -> None:
    """Draws the accuracy of the accepted images by their proportion, with its 95 % band.

    Args:
        path: the PNG to write.
        curve: at least one point; the last has coverage 1.
        title: the model's name and the set of images.
        chosen: a threshold to mark, with the coverage and accuracy at it.
    """
    with figure(path, 6.4, 4.6) as drawn:
        axes = drawn.subplots()
        axes.set_title(wrap_label(title, 60), pad=10)
        axes.fill_between(
            curve.coverage,
            curve.low,
            curve.high,
            step="pre",
            color=BLUE,
            alpha=0.18,
            linewidth=0,
            label="95 % interval",
        )
        axes.plot(
            curve.coverage,
            curve.accuracy,
            color=BLUE,
            drawstyle="steps-pre",
            label="the most confident images",
        )
        every = curve.accuracy[-1]
        axes.axhline(every, color="#555555", linewidth=1, ls=":", label="all images")
        if chosen is not None:
            threshold, coverage, accuracy = chosen
            axes.plot(
                coverage.value,
                accuracy.value,
                color=ORANGE,
                marker="D",
                markersize=7,
                ls="none",
                label=f"confidence of {100 * threshold:.4g} % or more:\n"
                f"{100 * coverage.value:.1f} % accepted, "
                f"{100 * accuracy.value:.1f} % of them correct",
            )
        lowest = min(float(curve.low.min()), _HIGH)
        bottom = lowest - 0.06 * (1 - lowest)
        axes.set(xlabel="proportion of images accepted (coverage)", ylabel="accuracy of these")
        axes.set(xlim=(0, 1), ylim=(bottom, 1 + 0.03 * (1 - bottom)))
        axes.xaxis.set_major_formatter(percent(decimals=0))
        axes.yaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(percent(decimals=0))
        drawn.legend(loc="outside lower center", ncols=2)
