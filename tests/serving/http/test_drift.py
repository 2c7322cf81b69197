import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from lungscope.serving.http.metrics import LEAST, WINDOW, Drift


def drift(quantiles, distances) -> float | None:
    found = Drift(quantiles)
    for each in distances:
        found.add(each)
    return found.statistic()


@settings(max_examples=60)
@given(
    st.lists(st.floats(0, 100), min_size=2, max_size=30, unique=True).map(sorted),
    st.lists(st.floats(-10, 120), min_size=LEAST, max_size=200),
)
def test_it_is_the_statistic_of_kolmogorov_and_smirnov(quantiles, distances):
    probabilities = np.linspace(0, 1, len(quantiles))
    expected = kstest(
        distances, lambda x: np.interp(x, quantiles, probabilities, left=0, right=1)
    ).statistic
    assert drift(quantiles, distances) == pytest.approx(expected, abs=1e-6)


def test_images_like_those_of_the_validation_have_little_and_others_much():
    random = np.random.default_rng(0)
    quantiles = np.quantile(random.normal(10, 2, 5000), np.linspace(0, 1, 101))
    assert drift(quantiles, random.normal(10, 2, 500)) < 0.08
    assert drift(quantiles, random.normal(13, 2, 500)) > 0.4
    assert drift(quantiles, np.full(500, 1000.0)) == 1


def test_the_same_distance_in_both_is_no_drift():
    assert drift([5.0, 5.0, 5.0], [5.0] * 100) == 0


def test_nothing_is_told_of_few_images():
    assert drift([0, 1], np.linspace(0, 1, LEAST - 1)) is None
    assert drift([0, 1], np.linspace(0, 1, LEAST)) is not None


def test_old_images_are_forgotten():
    assert drift([0, 1], [50.0] * 1000 + list(np.linspace(0, 1, WINDOW))) < 0.01


def test_a_distance_that_is_infinite_counts_as_far():
    assert drift([0, 1], [float("inf")] * 100) == 1


@pytest.mark.parametrize("wrong", [[], [1.0], [2.0, 1.0], [0.0, float("nan")], [[0.0], [1.0]]])
def test_what_are_no_quantiles_is_refused(wrong):
    with pytest.raises(ValueError, match="quantiles"):
        Drift(wrong)
