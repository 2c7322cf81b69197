"""How long work tells its caller how far it is."""

from collections.abc import Callable
from typing import TypeAlias

OnProgress: TypeAlias = Callable[[int, int], None]
"""Called with (done, total), both counts of items; `done` never decreases."""


def part_of(on_progress: OnProgress, before: int, total: int) -> OnProgress:
    """Who is told how far a part is, as of the whole.

    Args:
        on_progress: told of the whole.
        before: items of the parts that came first.
        total: items of the whole.
    """
    return lambda done, _: on_progress(before + done, total)


def ignore(done: int, total: int) -> None:
    """Reports nothing: the default of every function that takes an `OnProgress`."""
