import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungscope.serving.pacs.settings import Backoff


def test_it_doubles_up_to_the_longest():
    backoff = Backoff(first=5, longest=60)
    assert [backoff.delay(n, chance=lambda: 1.0) for n in (1, 2, 3, 4, 5, 6)] == [
        *(5, 10, 20, 40, 60, 60)
    ]


@given(st.integers(1, 10**6), st.floats(0, 1, exclude_max=True))
def test_it_is_spread_and_never_over_the_longest(failures, chance):
    delay = Backoff(first=5, longest=60).delay(failures, lambda: chance)
    assert 2.5 <= delay <= 60


def test_two_nodes_do_not_come_back_at_once():
    backoff = Backoff()
    assert backoff.delay(4, lambda: 0.1) != pytest.approx(backoff.delay(4, lambda: 0.9))
