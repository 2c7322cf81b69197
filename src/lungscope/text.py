"""Numbers and names as people read them."""

from collections.abc import Iterable
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # so that a command can count in words without the numbers' libraries
    from lungscope.estimate import Estimate


def decimal(value: float, digits: int = 3) -> str:
    """A number with so many digits behind the point, e.g. "0.921"."""
    return f"{value:.{digits}f}"


def interval(estimate: "Estimate", digits: int = 3) -> str:
    """An interval, e.g. "0.889 to 0.952"; one without width is said to be none.

    The bootstrap has none where all images are of one group or none is classified wrongly.
    """
    if estimate.low == estimate.high:
        return "no interval"
    return f"{decimal(estimate.low, digits)} to {decimal(estimate.high, digits)}"


def told(estimate: "Estimate", digits: int = 3) -> str:
    """A number with its interval, e.g. "0.921 (95 % 0.889 to 0.952)"."""
    value, between = decimal(estimate.value, digits), interval(estimate, digits)
    return f"{value} ({between})" if between == "no interval" else f"{value} (95\u00a0% {between})"


def plain(value: float) -> str:
    """A number as short as can be, e.g. "0.01" or "10"."""
    return f"{value:.12g}"


def counted(value: int) -> str:
    """A count, e.g. "2,415"."""
    return f"{value:,}"


def several(count: int, noun: str) -> str:
    """So many of something, e.g. "1 epoch" or "2,415 images"."""
    return f"{counted(count)} {noun}{'' if count == 1 else 's'}"


def duration(seconds: float) -> str:
    """A time, e.g. "4 min 12 s" or "2 h 5 min"."""
    whole = round(seconds)
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"


def file_name(path: str) -> str:
    """The last part of a path, of whatever system; what is none stays as it is."""
    return PureWindowsPath(path).name  # which knows both kinds of slash


def listed(names: Iterable[str]) -> str:
    """Names in a row, e.g. "a, b and c"."""
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last
