"""The evidence against a model in readers' verdicts, as it was gathered."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from lungscope.figures.style import figure, wrap_label

_LOWEST = 1e-3
"""Evidence below is drawn there: that far from an alarm, its size means nothing."""

_DASHES = ("-", "--", "-.", ":")


def draw_evidence(path: Path, monitors: Mapping[str, NDArray[np.float64]], title: str) -> None:
    """Draws the evidence of each monitor by the number of its verdicts.

    Args:
        path: the PNG to write.
        monitors: by name, the evidence after each verdict as a proportion of what raises an alarm.
        title: of the figure.
    """
    with figure(path, 6.4, 4.2) as drawn:
        axes = drawn.subplots()
        axes.set_title(wrap_label(title, 60), pad=10)
        axes.axhline(1, color="#555555", linewidth=1)
        axes.text(1, 1, "alarm", transform=axes.get_yaxis_transform(), ha="right", va="bottom")
        for position, (name, evidence) in enumerate(monitors.items()):
            axes.plot(
                np.arange(1, len(evidence) + 1),
                np.clip(evidence, _LOWEST, 1 / _LOWEST),
                ls=_DASHES[position % len(_DASHES)],
                label=name,
            )
        axes.set(yscale="log", ylim=(_LOWEST, 1 / _LOWEST))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set(xlabel="verdicts", ylabel="evidence (1: alarm)")
        drawn.legend(loc="outside lower center", ncols=2)
