"""One look for all figures: readable in print, in grey, and by colour-blind people."""

import logging
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib import rc_context, rcdefaults, rcParams
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.ticker import PercentFormatter

from lungscope.atomic import atomic_file

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
"""Colours of Okabe and Ito's palette, distinct in every common form of colour blindness."""

DOTS = 200
"""Pixels per inch: sharp in print at the width of a page."""

_LATIN = "DejaVu Sans"
"""Bundled with matplotlib, so that letters are the same on every machine."""

_CHINESE_JAPANESE_KOREAN = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Microsoft YaHei",
    "PingFang SC",
    "Hiragino Sans",
    "Arial Unicode MS",
    "Malgun Gothic",
    "Apple SD Gothic Neo",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Droid Sans Fallback",
)
"""Families of Linux, Windows and macOS with letters that DejaVu lacks; asked in this order."""

_STYLE: dict[Any, Any] = {
    "font.size": 10,
    "text.parse_math": False,  # a class name with a $ in it is a name, not a formula
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "figure.facecolor": "white",
    "figure.titlesize": 12,
    "figure.titleweight": "bold",
    "savefig.bbox": "tight",  # a long name widens the figure and is never cut off
    "savefig.pad_inches": 0.1,
}


@contextmanager
def figure(path: Path, width: float, height: float) -> Iterator[Figure]:
    """Yields an empty figure that is saved as PNG, atomically, when the block ends well.

    The user's own matplotlib settings are neither used nor changed, and no display is needed.
    A letter that no installed family has is drawn as a box, without a warning.

    Args:
        path: the PNG to write.
        width: in inches, at `DOTS` pixels an inch; what would stick out widens the figure.
        height: likewise.
    """
    with rc_context(), warnings.catch_warnings(), _without_advice_on_fonts():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
        rcdefaults()
        rcParams.update(_STYLE)
        rcParams["font.family"] = _families()
        drawn = Figure(figsize=(width, height), dpi=DOTS, layout="constrained")
        yield drawn
        with atomic_file(path) as temporary:
            # without the library's name and date in it, the same numbers give the same bytes
            drawn.savefig(temporary, format="png", metadata={"Software": None})


@contextmanager
def _without_advice_on_fonts() -> Iterator[None]:
    # a family without a bold face is drawn in its regular one; nothing is to be done about it
    search = logging.getLogger("matplotlib.font_manager")
    level = search.level
    search.setLevel(logging.ERROR)
    try:
        yield
    finally:
        search.setLevel(level)


def _families() -> list[str]:
    """Lists the families that are installed: matplotlib warns about every other one."""
    there = set(fontManager.get_font_names())
    return [_LATIN, *(name for name in _CHINESE_JAPANESE_KOREAN if name in there)]


def percent(decimals: int | None = None) -> PercentFormatter:
    """Returns a tick formatter for proportions in [0, 1], e.g. "93 %"."""
    return PercentFormatter(xmax=1, decimals=decimals, symbol=" %")


def wrap_label(name: str, width: int) -> str:
    """Breaks a name into at most three lines of at most `width` characters."""
    return "\n".join(textwrap.wrap(name, width, max_lines=3, placeholder=" …"))
