"""Reading results that other commands wrote: what is damaged is told in one line."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lungscope.data.split import SUBSETS, Subset
from lungscope.errors import LungscopeError
from lungscope.estimate import Estimate

LARGEST = 16 * 2**20
"""Bytes; results are some ten thousand of them."""

MOST = 10**12
"""No count of images or groups gets there."""

_DAMAGE = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,  # a whole number that no float can hold
    RecursionError,
)


@contextmanager
def results_of(path: Path, command: str) -> Iterator[dict[str, Any]]:
    """Yields the JSON object in a file; what the block misses in it is told as damage.

    Args:
        path: the file.
        command: that writes it anew, e.g. "lungscope evaluate RUN --force".

    Raises:
        LungscopeError: it can't be read, is over 16 MiB or no JSON object, or the block raised a
            LookupError, TypeError, ValueError, AttributeError or ArithmeticError.
    """
    try:
        yield _object(path)
    except OSError as error:
        raise LungscopeError(f"{path}: {error.strerror or error}") from error
    except _DAMAGE as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise LungscopeError(
            f"{path}: damaged ({reason:.120}); write it anew with `{command}`"
        ) from error


def _object(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"over {LARGEST >> 20} MiB")
    value = json.loads(content)
    if not isinstance(value, dict):
        raise TypeError("not a JSON object")
    return value


def estimate(value: Any) -> Estimate:
    """A number with its interval, from `{"value", "low", "high"}`."""
    return Estimate(number(value["value"]), number(value["low"]), number(value["high"]))


def estimates(value: Any) -> dict[str, Estimate]:
    """Named numbers with their intervals."""
    return {text(name): estimate(each) for name, each in value.items()}


def estimates_where_defined(value: Any) -> dict[str, Estimate | None]:
    """The same; None for a number that is not defined on these images."""
    return {text(name): None if each is None else estimate(each) for name, each in value.items()}


def number(value: Any) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(f"{value!r:.40} is not a number")
    return float(value)


def count(value: Any) -> int:
    """A whole number from 0, and not beyond belief."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < MOST:
        raise TypeError(f"{value!r:.40} is not a count")
    return value


def subset(value: Any) -> Subset:
    """The name of a subset of a split."""
    for known in SUBSETS:
        if value == known:
            return known
    raise ValueError(f"subset {value!r:.40} is none of {', '.join(SUBSETS)}")


def text(value: Any) -> str:
    """A text."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is not a text")
    return value
