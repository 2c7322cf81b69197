import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.proportions import (
    FEW,
    average_of_proportions,
    estimate_proportion,
    estimate_proportion_among,
    estimate_proportion_of_all,
    f1_interval,
    wilson_interval,
    with_interval,
)


def groups(count):
    return [f"patient {k}" for k in range(count)]


def wilson(right, count):
    found = binomtest(right, count).proportion_ci(method="wilson")
    return pytest.approx((found.low, found.high))


def ends(estimate):
    return estimate.low, estimate.high


def test_of_many_groups_of_one_image_the_interval_is_the_binomial_distributions():
    found = estimate_proportion(np.arange(200) < 150, groups(200))
    assert found.value == 0.75
    assert ends(found) == pytest.approx(binom.ppf([0.025, 0.975], 200, 0.75) / 200, abs=0.0051)


def test_images_of_one_group_count_as_one():
    right = np.repeat(np.arange(20) < 15, 10)
    together, apart = (
        estimate_proportion(right, np.repeat(groups(20), 10).tolist()),
        estimate_proportion(right, groups(200)),
    )
    assert together.value == apart.value == 0.75
    assert together.high - together.low > 2.5 * (apart.high - apart.low)


@pytest.mark.parametrize("right", [0, 40])
def test_all_right_or_all_wrong_leaves_wilsons_doubt(right):
    found = estimate_proportion(np.arange(40) < right, groups(40))
    assert ends(found) == wilson(right, 40)


def test_few_groups_leave_wilsons_doubt():
    count = FEW - 1
    found = estimate_proportion(
        np.arange(3 * count) < 3 * (count - 2), np.repeat(groups(count), 3).tolist()
    )
    assert ends(found) == wilson(count - 2, count)


def test_groups_that_are_all_half_right_leave_doubt_too():
    found = estimate_proportion(np.arange(40) % 2 == 0, np.repeat(groups(20), 2).tolist())
    assert ends(found) == wilson(10, 20)


def test_draws_without_a_value_are_left_out():
    replicates = np.array([np.nan] * 50 + [0.4] * 100 + [0.6] * 100)
    assert with_interval(0.5, replicates, 20) == Estimate(0.5, 0.4, 0.6)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 14)), min_size=1, max_size=40))
def test_there_is_always_an_interval_within_0_and_1(images):
    right, names = zip(*images, strict=True)
    found = estimate_proportion(np.array(right), [str(name) for name in names])
    assert 0 <= found.low < found.high <= 1


def test_a_share_among_some_images_is_that_of_their_groups_and_draws_without_them_are_left_out():
    names = np.repeat(groups(20), 3).tolist()
    resampling = Resampling.over(names, draws=2000)
    among = np.arange(60) < 36  # of 12 groups
    right = np.arange(60) % 3 > 0
    right[:9] = False
    found = estimate_proportion_among(right, among, resampling)
    assert found.value == pytest.approx(18 / 36)
    assert 0 < found.low < found.value < found.high <= 2 / 3
    few = np.arange(60) < 9
    assert ends(estimate_proportion_among(np.arange(60) < 6, few, resampling)) == wilson(2, 3)


def test_what_no_image_is_among_is_the_share_of_nothing():
    nothing = np.zeros(20, dtype=bool)
    assert (
        estimate_proportion_among(~nothing, nothing, Resampling.over(groups(20), draws=3)) is None
    )


@pytest.mark.parametrize("count", [1, FEW - 1, FEW, 40])
def test_one_rule_whether_draws_are_given_or_made(count):
    right, names = np.arange(3 * count) % 4 > 0, np.repeat(groups(count), 3).tolist()
    assert estimate_proportion(right, names) == estimate_proportion_of_all(
        right, Resampling.over(names)
    )


def test_of_one_group_next_to_nothing_is_known():
    assert ends(estimate_proportion(np.ones(50, dtype=bool), ["one"] * 50)) == wilson(1, 1)


def test_an_average_of_shares_keeps_its_percentiles_and_has_doubt_where_all_draws_agree():
    draws = np.linspace(0.8, 1, 1001)
    assert ends(average_of_proportions(0.9, draws, 5)) == pytest.approx((0.805, 0.995))
    same = np.full(100, 1.0)
    same[3] -= 1e-16  # rounding of the average's weights
    assert ends(average_of_proportions(1.0, same, 20)) == wilson(20, 20)
    assert ends(average_of_proportions(1.0, same, 1)) == (1, 1)


@given(st.integers(0, 9), st.integers(0, 9), st.integers(1, FEW - 1))
def test_f1_of_few_groups_has_the_doubt_of_the_images_that_are_called_as_they_are(
    right, wrong, count
):
    if not right + wrong:
        return
    f1 = 2 * right / (2 * right + wrong)
    found = f1_interval(f1, np.full(10, f1), count)
    share = right / (right + wrong)
    low, high = (2 * end / (1 + end) for end in ends(with_interval(share, np.zeros(3), count)))
    assert ends(found) == pytest.approx((low, high))
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_f1_of_many_groups_that_vary_has_its_percentiles():
    assert ends(f1_interval(0.5, np.array([0.4] * 50 + [0.6] * 50), FEW)) == (0.4, 0.6)


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_is_scipys(case):
    right, count = case
    found = wilson_interval(right / count, count)
    expected = binomtest(right, count).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= found.low <= found.value <= found.high <= 1
