"""What silence on the unsure images is worth: accuracy against coverage."""

from pathlib import Path
from typing import Any, Protocol

from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from lungscope.figures.style import BLUE, ORANGE, figure, percent, wrap_label

_HIGH = 0.95
"""The accuracy axis begins here or lower, so that ticks stay whole percents."""


class Accepting(Protocol):
    """See `lungscope.evaluation.selective.Accepted`."""

    @property
    def threshold(self) -> float: ...  # noqa: D102
    @property
    def coverage(self) -> Any: ...  # noqa: D102
    @property
    def accuracy(self) -> Any: ...  # noqa: D102


class Curve(Protocol):
    """See `lungscope.evaluation.selective.CoverageCurve`."""

    @property
    def coverage(self) -> NDArray[Any]: ...  # noqa: D102
    @property
    def accuracy(self) -> NDArray[Any]: ...  # noqa: D102
    @property
    def low(self) -> NDArray[Any]: ...  # noqa: D102
    @property
    def high(self) -> NDArray[Any]: ...  # noqa: D102


def draw_coverage(path: Path, curve: Curve, title: str, chosen: Accepting | None = None) -> None:
    """Draws the accuracy of the accepted images by their share, with its 95 % band.

    Args:
        path: the PNG to write.
        curve: at least one point; the last has coverage 1.
        title: the model's name and the set of images.
        chosen: a threshold to mark.
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
        if chosen is not None and chosen.accuracy is not None:
            axes.plot(
                chosen.coverage.value,
                chosen.accuracy.value,
                color=ORANGE,
                marker="D",
                markersize=7,
                ls="none",
                label=f"confidence of {100 * chosen.threshold:.4g} % or more:\n"
                f"{100 * chosen.coverage.value:.1f} % accepted, "
                f"{100 * chosen.accuracy.value:.1f} % of them right",
            )
        lowest = min(float(curve.low.min()), _HIGH)
        bottom = lowest - 0.06 * (1 - lowest)
        axes.set(xlabel="share of images accepted (coverage)", ylabel="accuracy of those")
        axes.set(xlim=(0, 1), ylim=(bottom, 1 + 0.03 * (1 - bottom)))
        axes.xaxis.set_major_formatter(percent(decimals=0))
        axes.yaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(percent(decimals=0))
        drawn.legend(loc="outside lower center", ncols=2)
