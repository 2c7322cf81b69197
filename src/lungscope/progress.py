"""How long work tells its caller how far it is."""

from collections.abc import Callable
from typing import TypeAlias

OnProgress: TypeAlias = Callable[[int, int], None]
"""Called with (done, total), both counts of items; `done` never decreases."""


def ignore(done: int, total: int) -> None:
    """Reports nothing: the default of every function that takes an `OnProgress`."""
