import math

import pytest

from lungscope.audit.gap import find_gap, largest_gap
from lungscope.estimate import Estimate

A, B = Estimate(0.9, 0.85, 0.93), Estimate(0.7, 0.6, 0.75)


def test_the_interval_of_two_proportions_is_made_of_their_own():
    found = find_gap({"a": A, "b": B})
    assert (found.higher, found.lower) == ("a", "b")
    assert found.difference.value == pytest.approx(0.2)
    assert found.difference.low == pytest.approx(0.2 - math.hypot(0.05, 0.05))
    assert found.difference.high == pytest.approx(0.2 + math.hypot(0.03, 0.1))


def test_the_most_certain_gap_is_not_always_the_widest():
    unsure = Estimate(0.6, 0.1, 0.95)
    assert find_gap({"a": A, "b": B, "c": unsure}).lower == "b"
    assert largest_gap([A, B, unsure]) == pytest.approx(0.3 + math.hypot(0.03, 0.5))


def test_one_source_has_no_gap():
    assert find_gap({"a": A}) is None
    assert find_gap({}) is None
