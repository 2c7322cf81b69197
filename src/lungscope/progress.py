"""Progress of long work, reported to its caller."""

from collections.abc import Callable
from typing import TypeAlias

OnProgress: TypeAlias = Callable[[int, int], None]
"""Called with (done, total), both counts of items; `done` never decreases."""


def part_of(on_progress: OnProgress, before: int, total: int) -> OnProgress:
    """Returns a callback that reports the progress of a part as that of the whole.

    Args:
        on_progress: called with the progress of the whole.
        before: items of the parts that came first.
        total: items of the whole.
    """
    return lambda done, _: on_progress(before + done, total)


def ignore(done: int, total: int) -> None:
    """Reports nothing: the default of every function that takes an `OnProgress`."""
