import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_score, recall_score

from lungscope.errors import LungscopeError
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.operating_points import (
    choose_threshold_for_sensitivity,
    measure_operating_point,
)
from lungscope.evaluation.proportions import wilson_interval


def at(predictions, of, threshold):
    resampling = Resampling.over(predictions.groups, draws=200)
    return measure_operating_point(predictions, of, threshold, resampling)


@pytest.mark.parametrize(
    ("wanted", "threshold"), [(0.2, 0.9), (0.21, 0.8), (0.6, 0.6), (0.95, 0.3), (1.0, 0.3)]
)
def test_the_threshold_finds_the_wanted_share_of_the_class(answers, wanted, threshold):
    scores = np.array([0.9, 0.8, 0.6, 0.5, 0.3, 0.7, 0.2])
    predictions = answers(np.stack([scores, 1 - scores], axis=1), [0, 0, 0, 0, 0, 1, 1])
    assert choose_threshold_for_sensitivity(predictions, "a", wanted) == threshold


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 100))
def test_it_is_reached_and_no_higher_threshold_would_reach_it(simulated, seed, percent):
    predictions = simulated(60, seed=seed)
    own = predictions.probabilities[predictions.labels == 1, 1]
    threshold = choose_threshold_for_sensitivity(predictions, "b", percent / 100)
    assert (own >= threshold).mean() >= percent / 100
    assert (own > threshold).mean() < percent / 100


def test_rates_at_the_threshold_are_scikit_learns(simulated):
    chosen_on, others = simulated(300, seed=1), simulated(200, seed=2, in_group=2)
    threshold = choose_threshold_for_sensitivity(chosen_on, "c", 0.9)
    found = at(others, "c", threshold)
    truth, called = others.labels == 2, others.probabilities[:, 2] >= threshold
    assert (found.of, found.threshold) == ("c", threshold)
    assert found.sensitivity.value == recall_score(truth, called)
    assert found.specificity.value == recall_score(truth, called, pos_label=False)
    assert found.ppv.value == precision_score(truth, called)
    assert found.npv.value == precision_score(truth, called, pos_label=False)
    for rate in (found.sensitivity, found.specificity, found.ppv, found.npv):
        assert rate.low < rate.value < rate.high


def test_an_image_at_the_threshold_is_called(answers):
    predictions = answers([[0.5, 0.5], [0.4, 0.6]], [0, 1])
    found = at(predictions, "a", 0.5)
    assert (found.sensitivity.value, found.specificity.value) == (1, 1)


def test_rates_of_no_image_are_none(answers):
    predictions = answers([[0.5, 0.5]] * 3, [0] * 3)
    found = at(predictions, "b", 0.9)  # none is of it, none is called so
    assert (found.sensitivity, found.ppv) == (None, None)
    assert found.specificity == found.npv == wilson_interval(1.0, 3)


def test_a_wanted_sensitivity_holds_on_average_on_other_images(simulated):
    reached = [
        at(
            simulated(400, seed=seed + 1000),
            "a",
            choose_threshold_for_sensitivity(simulated(400, seed=seed), "a", 0.9),
        ).sensitivity.value
        for seed in range(15)
    ]
    assert np.mean(reached) == pytest.approx(0.9, abs=0.03)


@pytest.mark.parametrize("wanted", [0, 1.01, float("nan")])
def test_a_sensitivity_that_is_none_is_refused(simulated, wanted):
    with pytest.raises(LungscopeError, match="above 0 and up to 1"):
        choose_threshold_for_sensitivity(simulated(20), "a", wanted)


def test_a_class_that_is_unknown_or_without_an_image_is_refused(answers):
    predictions = answers([[0.5, 0.5]], [0])
    with pytest.raises(LungscopeError, match=r"no class 'z'; the classes are a, b"):
        choose_threshold_for_sensitivity(predictions, "z", 0.9)
    with pytest.raises(LungscopeError, match="no class 'z'"):
        at(predictions, "z", 0.5)
    with pytest.raises(LungscopeError, match="no image of 'b'"):
        choose_threshold_for_sensitivity(predictions, "b", 0.9)
