"""Evidence against an error rate, and intervals, that hold at every look."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from lungscope.feedback import confidence_sequence, gather_evidence

rates = st.floats(0.02, 0.9)


def by_the_definition(errors, tolerated):
    """The weighted mean over rates and beginnings, each product multiplied up by itself."""
    count = len(errors)
    total = 1 / (count + 1)
    for step in range(1, 25):
        rate = tolerated + (1 - tolerated) * step / 25
        for begin in range(1, count + 1):
            product = 1 / (begin * (begin + 1))
            for wrong in errors[begin - 1 :]:
                product *= rate / tolerated if wrong else (1 - rate) / (1 - tolerated)
            total += product / 24
    return total


@given(st.lists(st.booleans(), min_size=1, max_size=12), rates)
def test_it_is_what_its_definition_says(errors, tolerated):
    found = gather_evidence(errors, tolerated, 0.05).values[-1]
    assert found == pytest.approx(by_the_definition(errors, tolerated))


def mean_evidence(count, rate, tolerated):
    """Over all sequences of so many verdicts, each with its probability."""
    return sum(
        rate ** sum(errors)
        * (1 - rate) ** (count - sum(errors))
        * gather_evidence(errors, tolerated, 0.05).values[-1]
        for errors in itertools.product((False, True), repeat=count)
    )


@given(rates, st.floats(0, 1))
def test_its_mean_never_rises_where_errors_are_as_rare_as_tolerated(tolerated, proportion):
    rate = tolerated * proportion
    means = [mean_evidence(count, rate, tolerated) for count in (1, 4, 8)]
    assert 1 + 1e-9 >= means[0] >= means[1] - 1e-9
    assert means[1] >= means[2] - 1e-9


def test_at_the_tolerated_rate_there_are_hardly_any_alarms_and_above_it_soon():
    generator = np.random.default_rng(0)
    false = [
        gather_evidence(generator.random(1000) < 0.1, 0.1, 0.05).alarm is not None
        for _ in range(200)
    ]
    assert sum(false) <= binom.ppf(0.999, 200, 0.05)
    alarms = [gather_evidence(generator.random(400) < 0.3, 0.1, 0.05).alarm for _ in range(100)]
    assert None not in alarms
    assert np.median(alarms) < 100


def test_a_change_after_a_long_good_time_is_noticed():
    errors = [False, False, False, False, False, False, False, False, False, True] * 100
    assert gather_evidence(errors, 0.1, 0.05).alarm is None
    found = gather_evidence([*errors, *[True, False] * 40], 0.1, 0.05)
    assert found.alarm is not None
    assert found.alarm > len(errors)


def test_endless_evidence_is_an_alarm():
    with np.errstate(all="raise"):
        found = gather_evidence([True] * 2000, 0.01, 0.05)
    assert found.alarm is not None
    assert not np.isnan(found.values).any()


def test_without_verdicts_there_is_no_alarm():
    assert gather_evidence([], 0.1, 0.05).alarm is None


def test_the_interval_is_where_the_beta_mixture_does_not_win_20_to_1():
    found = confidence_sequence(37, 60)
    for end in (found.low, found.high):
        mixture = 1 / 61 / binom.pmf(37, 60, end)  # uniform over proportions: every count alike
        assert mixture == pytest.approx(20)
    assert found.low < 37 / 60 < found.high


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_interval_holds_the_proportion_and_lies_in_0_and_1(successes, failures):
    found = confidence_sequence(successes, successes + failures)
    assert 0 <= found.low <= found.high <= 1
    if successes + failures:
        assert found.low <= found.value <= found.high
        mirrored = confidence_sequence(failures, successes + failures)
        assert mirrored.low == pytest.approx(1 - found.high, abs=1e-9)
    else:
        assert math.isnan(found.value)


@pytest.mark.parametrize("rate", [0.03, 0.5, 0.9])
def test_the_interval_holds_the_truth_at_every_look(rate):
    generator = np.random.default_rng(1)
    missed = 0
    for _ in range(150):
        right = np.cumsum(generator.random(300) < rate)
        found = [confidence_sequence(int(s), n) for n, s in enumerate(right, start=1)]
        missed += not all(each.low <= rate <= each.high for each in found)
    assert missed <= binom.ppf(0.999, 150, 0.05)
