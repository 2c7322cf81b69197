from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from lungscope.comparison.significance import McNemar, mcnemar_test

answers = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.sampled_from("abcdefgh")), min_size=1, max_size=30
)


def answered(rows):
    first, second, groups = zip(*rows, strict=True)
    return mcnemar_test(np.array(first), np.array(second), groups)


def enumerated(sums):
    """The share of all 2^G sign flips whose total is as far from 0 as the one observed."""
    totals = [abs(sum(flipped)) for flipped in product(*((s, -s) for s in sums))]
    return np.mean([total >= abs(sum(sums)) for total in totals])


def test_images_are_counted_by_the_model_that_alone_is_right():
    rows = [(True, False, "a")] * 5 + [(False, True, "b")] * 2 + [(True, True, "c")] * 9
    found = answered([*rows, (False, False, "d")])
    assert (found.only_first, found.only_second) == (5, 2)


@settings(deadline=None, max_examples=150)
@given(answers)
def test_over_groups_every_exchange_of_whole_groups_is_counted(rows):
    sums = [sum(f - s for f, s, group in rows if group == g) for g in "abcdefgh"]
    assert answered(rows).p_groups == pytest.approx(enumerated(sums))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=12))
def test_over_images_every_assignment_of_the_images_one_model_alone_got_is_counted(rows):
    discordant = [f - s for f, s in rows if f != s]
    found = answered([(f, s, "a") for f, s in rows])
    assert found.p_images == pytest.approx(enumerated(discordant))


@settings(deadline=None, max_examples=60)
@given(answers)
def test_with_one_image_a_group_both_tests_are_one(rows):
    found = answered([(f, s, str(row)) for row, (f, s, _) in enumerate(rows)])
    assert found.p_groups == pytest.approx(found.p_images)


def test_models_that_answer_alike_are_not_told_apart():
    assert answered([(True, True, "a"), (False, False, "b")]) == McNemar(0, 0, 1.0, 1.0)


def test_one_group_tells_nothing_however_many_images_it_has():
    found = answered([(True, False, "a")] * 40)
    assert found.p_images < 1e-11
    assert found.p_groups == 1


def test_thousands_of_groups_take_no_time_and_stay_exact():
    rows = [(True, False, str(k)) for k in range(3000)] + [
        (False, True, str(-k)) for k in range(1, 2801)
    ]
    found = answered(rows)
    assert found.p_groups == pytest.approx(binomtest(3000, 5800, 0.5).pvalue, rel=1e-6)
