from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lungscope.errors import LungscopeError
from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.proportions import wilson_interval
from lungscope.evaluation.selective import (
    POINTS,
    choose_threshold_for_accuracy,
    compute_coverage_curve,
    compute_risk_area,
    measure_accepted,
)


def of(predictions, draws=200):
    return Resampling.over(predictions.groups, draws=draws)


def sure(answers, confidences, right, groups=None):
    """Two classes; the first is always predicted."""
    return answers(
        [[confidence, 1 - confidence] for confidence in confidences],
        [0 if is_right else 1 for is_right in right],
        groups,
    )


def risk_area(right):
    """Right answers by falling confidence, without ties, by the definition."""
    wrong = np.cumsum(~np.asarray(right, dtype=bool))
    return np.mean(wrong / np.arange(1, len(right) + 1))


def test_a_small_curve_by_hand(answers):
    predictions = sure(answers, [0.6, 0.9, 0.8, 0.7], [0, 1, 1, 0])
    found = compute_coverage_curve(predictions, of(predictions))
    assert found.threshold.tolist() == [0.9, 0.8, 0.7, 0.6]
    assert found.coverage.tolist() == [0.25, 0.5, 0.75, 1]
    assert found.accuracy.tolist() == [1, 1, 2 / 3, 0.5]
    area = compute_risk_area(predictions, of(predictions))
    assert area.value == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)


def test_images_of_one_confidence_are_accepted_together(answers):
    predictions = sure(answers, [0.9, 0.7, 0.7, 0.7], [1, 1, 0, 1])
    found = compute_coverage_curve(predictions, of(predictions))
    assert found.coverage.tolist() == [0.25, 1]
    assert found.accuracy.tolist() == [1, 0.75]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.sampled_from([0.6, 0.7, 0.8]), st.booleans()), min_size=1, max_size=5))
def test_the_risk_area_is_the_mean_over_all_orders_of_ties(answers, images):
    confidences, right = zip(*images, strict=True)
    predictions = sure(answers, confidences, right)
    orders = [
        risk_area([right[image] for image in order])
        for order in permutations(range(len(images)))
        if all(np.diff([confidences[image] for image in order]) <= 0)
    ]
    found = compute_risk_area(predictions, of(predictions, 3)).value
    assert found == pytest.approx(np.mean(orders))


def test_a_draw_has_the_risk_area_of_its_images_laid_end_to_end(answers, simulated):
    predictions = simulated(40, in_group=4)
    resampling = of(predictions, draws=1)
    times = resampling.counts[0][resampling.group].astype(int)
    drawn = answers(
        np.repeat(predictions.probabilities, times, axis=0), np.repeat(predictions.labels, times)
    )
    found = compute_risk_area(predictions, resampling)
    expected = compute_risk_area(drawn, of(drawn, 1)).value
    assert found.low == found.high == pytest.approx(expected)


def test_confidence_that_goes_with_being_right_lowers_the_area(answers):
    right = np.arange(100) < 80
    falling, rising = np.linspace(0.9, 0.6, 100), np.linspace(0.6, 0.9, 100)
    best, worst = (
        compute_risk_area(sure(answers, confidences, right), of(sure(answers, confidences, right)))
        for confidences in (falling, rising)
    )
    assert best.value == pytest.approx(risk_area(right))
    assert best.high < worst.low


def test_the_last_point_is_the_accuracy_of_all_images(simulated):
    predictions = simulated(150, in_group=3)
    resampling = of(predictions)
    found, all_images = (
        compute_coverage_curve(predictions, resampling),
        measure_accepted(predictions, 0.0, resampling),
    )
    assert found.coverage[-1] == 1 == all_images.coverage.value
    assert found.accuracy[-1] == (predictions.predicted == predictions.labels).mean()
    last = Estimate(*(float(values[-1]) for values in (found.accuracy, found.low, found.high)))
    assert last == all_images.accuracy


def test_every_point_is_what_its_threshold_leaves(simulated):
    predictions = simulated(60, in_group=3)
    resampling = of(predictions)
    found = compute_coverage_curve(predictions, resampling)
    for k in (0, 17, 42):
        left = measure_accepted(predictions, found.threshold[k], resampling)
        assert left.coverage.value == found.coverage[k]
        assert left.accuracy == Estimate(found.accuracy[k], found.low[k], found.high[k])


def test_a_curve_of_many_images_keeps_its_ends(simulated):
    predictions = simulated(1000)
    found = compute_coverage_curve(predictions, of(predictions, 20))
    assert len(found.threshold) == POINTS
    assert found.coverage[[0, -1]].tolist() == [0.001, 1]


def test_the_lowest_threshold_that_reaches_an_accuracy_is_found(answers):
    # accuracy by threshold: .95 1, .9 1/2, .8 2/3, .7 3/4, .6 3/5
    predictions = sure(answers, [0.95, 0.9, 0.8, 0.7, 0.6], [1, 0, 1, 1, 0])
    found = choose_threshold_for_accuracy(predictions, 0.75, of(predictions))
    assert (found.threshold, found.coverage.value, found.accuracy.value) == (0.7, 0.8, 0.75)
    assert choose_threshold_for_accuracy(predictions, 0.76, of(predictions)).threshold == 0.95
    assert choose_threshold_for_accuracy(predictions, 0.5, of(predictions)).threshold == 0.6


def test_there_is_none_where_no_threshold_reaches_it(answers):
    predictions = sure(answers, [0.9, 0.9, 0.6], [1, 0, 1])
    assert choose_threshold_for_accuracy(predictions, 0.9, of(predictions)) is None


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 0.8, 0.9, 1.0]))
def test_no_lower_threshold_would_do(simulated, seed, wanted):
    predictions = simulated(30, seed=seed % 1000)
    confidence = predictions.probabilities.max(axis=1)
    right = predictions.predicted == predictions.labels
    able = [value for value in confidence if right[confidence >= value].mean() >= wanted]
    found = choose_threshold_for_accuracy(predictions, wanted, of(predictions, 3))
    assert (found.threshold if found else None) == min(able, default=None)


def test_a_threshold_above_every_confidence_leaves_nothing(answers):
    predictions = sure(answers, [0.9, 0.6], [1, 0])
    found = measure_accepted(predictions, 0.95, of(predictions))
    assert found.accuracy is None
    assert found.coverage == wilson_interval(0.0, 2)


def test_accepted_images_that_are_all_right_leave_wilsons_doubt_for_their_groups(answers):
    names = [str(row // 2) for row in range(40)]
    predictions = sure(answers, np.linspace(0.99, 0.6, 40), np.arange(40) < 30, names)
    resampling = of(predictions)
    found = measure_accepted(predictions, 0.75, resampling)  # 24 or so of 12 groups, all right
    of_groups = len({names[row] for row in np.flatnonzero(np.linspace(0.99, 0.6, 40) >= 0.75)})
    assert found.accuracy == wilson_interval(1.0, of_groups)
    curve = compute_coverage_curve(predictions, resampling)
    assert (curve.low < curve.high).all()
    assert curve.low[0] == wilson_interval(1.0, 1).low
    assert curve.low[9] == wilson_interval(1.0, 5).low


@pytest.mark.parametrize("wanted", [0, -0.1, 1.01, 95, float("nan")])
def test_an_accuracy_that_is_none_is_refused(answers, wanted):
    predictions = sure(answers, [0.9], [1])
    with pytest.raises(LungscopeError, match="above 0 and up to 1"):
        choose_threshold_for_accuracy(predictions, wanted, of(predictions))
