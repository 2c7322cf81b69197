"""What a figure needs of a number with an interval."""

from typing import Protocol


class Interval(Protocol):
    """A value and its interval; see `lungscope.evaluation.bootstrap.Estimate`."""

    @property
    def value(self) -> float: ...  # noqa: D102
    @property
    def low(self) -> float: ...  # noqa: D102
    @property
    def high(self) -> float: ...  # noqa: D102
