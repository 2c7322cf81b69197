"""A number with its 95 % interval, and the one way in which it is written."""

import math
from dataclasses import dataclass

LEVEL = 0.95
"""Coverage of every interval in lungscope."""


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval.

    Attributes:
        value: on the images as they are.
        low: lower end of the interval.
        high: upper end of the interval. Both ends are percentiles of the bootstrap distribution
            unless the function that computes the estimate says otherwise; they are equal where
            there is no interval.

    Examples:
        >>> accuracy = Estimate(0.934, 0.9, 0.964)
        >>> print(accuracy)
        0.934 (95 % 0.900 to 0.964)
        >>> print(f"{accuracy:.1%}")
        93.4 % (95 % 90.0 to 96.4)
        >>> print(f"{Estimate(-0.02, -0.04, 0.001):+.1pp}")
        -2.0 points (95 % -4.0 to +0.1)
        >>> print(accuracy.bounds(".2f"))
        0.90 to 0.96
    """

    value: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        """Writes the value and its interval, every number by the same format specification.

        An interval without width is written as "no interval": the bootstrap has none where all
        images belong to one group. An undefined value (NaN) is written as "undefined".

        Args:
            spec: a format specification of `float`, e.g. ".3f", ".1%" or "+.1%"; ".3f" if empty.
                With "pp" for "%", e.g. "+.1pp", a difference is written in percentage points.
        """
        if math.isnan(self.value):
            return "undefined"
        spec = spec or ".3f"
        return f"{_number(self.value, spec)} ({self.interval(spec)})"

    def interval(self, spec: str = ".3f") -> str:
        """Writes the interval alone, e.g. "95 % 0.900 to 0.964"."""
        bounds = self.bounds(spec)
        return f"{100 * LEVEL:.0f}\u00a0% {bounds}" if self.has_interval else bounds

    def bounds(self, spec: str = ".3f") -> str:
        """Writes the ends of the interval, e.g. "0.900 to 0.964", where a title says "95 %"."""
        if not self.has_interval:
            return "no interval"
        low, high = (_number(end, spec).partition(" ")[0] for end in (self.low, self.high))
        return f"{low} to {high}"

    @property
    def has_interval(self) -> bool:
        """Whether there is an interval: one without width is none."""
        return self.low != self.high

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of 0."""
        return not self.low <= 0 <= self.high

    def __str__(self) -> str:
        return format(self)


def _number(value: float, spec: str) -> str:
    in_points = spec.endswith("pp")
    spec = f"{spec[:-2]}%" if in_points else spec
    text = format(value, spec)
    if not text.strip("-0.%"):  # rounded to 0 from below: "0.0" or "+0.0", never "-0.0"
        text = format(0.0, spec)
    if in_points:
        return f"{text[:-1]} points"
    return f"{text[:-1]} %" if text.endswith("%") else text  # as SI has it: a space before %
