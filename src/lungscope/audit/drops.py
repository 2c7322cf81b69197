"""When a drop in accuracy is large, and when a large one is excluded."""

import math

from lungscope.audit.performance import Performance, points
from lungscope.estimate import Estimate
from lungscope.text import format_quantity

LARGE_DROP = 0.05
"""A larger drop in accuracy is no longer small."""

_RULE_OF_THREE = 3
"""Divided by the number of groups: the proportion of groups that may be affected where none was
seen to be (Hanley and Lippman-Hand, 1983, JAMA 249). A bootstrap cannot know what it never draws.
"""

EXCLUDED = (
    f"passes only if a drop of more than {points(LARGE_DROP)} is excluded: the interval does not "
    f"reach that far, and there are {math.ceil(_RULE_OF_THREE / LARGE_DROP)} groups or more (rule "
    "of three), else warns that it cannot be excluded"
)
"""Part of the threshold of every finding on drops."""


def may_drop(change: Estimate, performance: Performance) -> bool:
    """Returns whether a large drop cannot be excluded.

    Args:
        change: accuracy on changed - on unchanged images.
        performance: says how many groups were tested.
    """
    return max(-change.low, _RULE_OF_THREE / performance.groups) > LARGE_DROP


def explain_doubt(performance: Performance) -> str:
    """Says that a large drop cannot be excluded, and on how many images."""
    return (
        f"A drop of more than {points(LARGE_DROP)} cannot be excluded: too few images "
        f"({format_quantity(performance.images, 'image')} in "
        f"{format_quantity(performance.groups, 'group')})."
    )
