"""Whether there are enough test images for a precise accuracy."""

from collections.abc import Sequence
from dataclasses import dataclass

from lungscope.audit.check import Check, register_check
from lungscope.audit.context import Context
from lungscope.audit.finding import Finding
from lungscope.audit.performance import Performance, points
from lungscope.text import format_quantity

WIDTH = 0.10
"""An interval of the accuracy that is wider is no longer narrow."""


@dataclass(frozen=True)
class TestSize:
    """How precisely the test subset determines the accuracy.

    Attributes:
        images: number of test images.
        groups: number of their groups.
        width: width of the accuracy's 95 % interval, in [0, 1].
    """

    __test__ = False  # pytest collects what is called Test...

    images: int
    groups: int
    width: float


def measure_test_size(context: Context) -> TestSize:
    """Counts images and groups, and measures the width of the accuracy's interval."""
    found = context.performance
    return TestSize(found.images, found.groups, found.accuracy.high - found.accuracy.low)


def conclude_test_size(size: TestSize, performance: Performance) -> Sequence[Finding]:
    """Asks whether the interval of the accuracy is narrow enough."""
    finding = Finding(
        "test-size",
        "Are there enough test images?",
        "warn" if size.width > WIDTH else "pass",
        f"The accuracy is {performance.accuracy:.1%} on {format_quantity(size.images, 'image')} in "
        f"{format_quantity(size.groups, 'group')}: the interval is {100 * size.width:.1f} "
        f"points wide.",
        f"Warns if the 95 % interval of the accuracy is wider than {points(WIDTH)}.",
    )
    return (finding,)


register_check(Check("test-size", TestSize, measure_test_size, conclude_test_size, order=80))
