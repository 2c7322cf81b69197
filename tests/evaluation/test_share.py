import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from lungscope.evaluation.bootstrap import Estimate
from lungscope.evaluation.share import FEW, groups_among, share, with_doubt, with_interval


def groups(count):
    return [f"patient {k}" for k in range(count)]


def wilson(right, count):
    found = binomtest(right, count).proportion_ci(method="wilson")
    return pytest.approx((found.low, found.high))


def ends(estimate):
    return estimate.low, estimate.high


def test_of_many_groups_of_one_image_the_interval_is_the_binomial_distributions():
    found = share(np.arange(200) < 150, groups(200))
    assert found.value == 0.75
    assert ends(found) == pytest.approx(binom.ppf([0.025, 0.975], 200, 0.75) / 200, abs=0.0051)


def test_images_of_one_group_count_as_one():
    right = np.repeat(np.arange(20) < 15, 10)
    together, apart = share(right, np.repeat(groups(20), 10).tolist()), share(right, groups(200))
    assert together.value == apart.value == 0.75
    assert together.high - together.low > 2.5 * (apart.high - apart.low)


@pytest.mark.parametrize("right", [0, 40])
def test_all_right_or_all_wrong_leaves_wilsons_doubt(right):
    found = share(np.arange(40) < right, groups(40))
    assert ends(found) == wilson(right, 40)


def test_few_groups_leave_wilsons_doubt():
    count = FEW - 1
    found = share(np.arange(3 * count) < 3 * (count - 2), np.repeat(groups(count), 3).tolist())
    assert ends(found) == wilson(count - 2, count)


def test_groups_that_are_all_half_right_leave_doubt_too():
    found = share(np.arange(40) % 2 == 0, np.repeat(groups(20), 2).tolist())
    assert ends(found) == wilson(10, 20)


def test_draws_without_a_value_are_left_out():
    replicates = np.array([np.nan] * 50 + [0.4] * 100 + [0.6] * 100)
    assert with_interval(0.5, replicates, 20) == Estimate(0.5, 0.4, 0.6)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 14)), min_size=1, max_size=40))
def test_there_is_always_an_interval_within_0_and_1(images):
    right, names = zip(*images, strict=True)
    found = share(np.array(right), [str(name) for name in names])
    assert 0 <= found.low < found.high <= 1


def test_an_interval_without_width_gives_way_to_doubt_and_another_stays():
    assert ends(with_doubt(Estimate(1, 1, 1), 20)) == wilson(20, 20)
    assert with_doubt(Estimate(0.9, 0.8, 1), 20) == Estimate(0.9, 0.8, 1)
    assert with_doubt(Estimate(1, 1, 1), 1) == Estimate(1, 1, 1)


def test_groups_are_counted_among_the_chosen_images():
    assert groups_among(["a", "a", "b", "c"], np.array([True, True, True, False])) == 2
