from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungscope.comparison.significance import holm_adjust

p_values = st.lists(st.floats(0, 1), max_size=6)


def test_by_hand():
    # sorted 0.005 x 4, 0.01 x 3, 0.03 x 2, then 0.04 x 1, raised to what came before
    assert holm_adjust([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


def test_one_test_needs_no_correction_and_none_is_none():
    assert holm_adjust([0.04]) == (0.04,)
    assert holm_adjust([]) == ()


@given(p_values)
def test_it_is_the_closed_test_of_bonferroni(ps):
    # a hypothesis falls if every set of hypotheses with it in it falls by Bonferroni
    expected = [
        max(
            min(1, len(several) * min(ps[k] for k in several))
            for size in range(1, len(ps) + 1)
            for several in combinations(range(len(ps)), size)
            if one in several
        )
        for one in range(len(ps))
    ]
    assert holm_adjust(ps) == pytest.approx(expected)


def test_of_true_hypotheses_one_is_rejected_in_five_percent():
    drawn = np.random.default_rng(0).random((4000, 5))
    rejected = np.mean([min(holm_adjust(row)) < 0.05 for row in drawn])
    assert rejected == pytest.approx(0.05, abs=0.014)  # four standard errors
