import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.calibration import (
    BINS,
    compute_calibration,
    compute_reliability,
    equal_mass_bins,
)


def calibrated(predictions, draws=200):
    return compute_calibration(predictions, Resampling.over(predictions.groups, draws=draws))


def test_a_small_example_by_hand(answers):
    # 15 bins for 4 confidences: each image has its own
    found = calibrated(answers([[0.6, 0.4], [0.7, 0.3], [0.2, 0.8], [0.1, 0.9]], [0, 1, 1, 1]))
    assert found.ece_top_label.value == pytest.approx((0.4 + 0.7 + 0.2 + 0.1) / 4)
    assert found.ece_classwise_macro.value == pytest.approx((0.4 + 0.7 + 0.2 + 0.1) / 4)
    assert found.brier.value == pytest.approx(2 * (0.16 + 0.49 + 0.04 + 0.01) / 4)
    assert found.nll.value == pytest.approx(-np.log(0.6 * 0.3 * 0.8 * 0.9) / 4)


def test_images_of_one_confidence_make_up_for_each_other(answers):
    # three of four right at 75 %: no error, though each image by itself is off
    found = calibrated(answers([[0.75, 0.25]] * 4, [0, 0, 0, 1]))
    assert found.ece_top_label.value == pytest.approx(0, abs=1e-12)
    found = calibrated(answers([[0.75, 0.25]] * 4, [0, 0, 1, 1]))
    assert found.ece_top_label.value == pytest.approx(0.25)


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 200), st.integers(2, 5), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_errors_are_those_of_scikit_learns_quantile_curve(answers, count, classes, decimals, seed):
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.ones(classes), count).round(decimals)  # with ties
    probabilities[:, 0] += 1 - probabilities.sum(axis=1)
    probabilities = np.abs(probabilities)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    predictions = answers(probabilities, generator.integers(0, classes, count))

    def error(truth, sure):
        accuracy, confidence = calibration_curve(
            np.append(truth, [0, 1])[:-2], sure, n_bins=BINS, strategy="quantile", pos_label=1
        )
        sizes = np.bincount(equal_mass_bins(sure), minlength=BINS)
        return np.average(np.abs(accuracy - confidence), weights=sizes[sizes > 0])

    found = calibrated(predictions, draws=3)
    right = (predictions.predicted == predictions.labels).astype(int)
    expected = error(right, probabilities.max(axis=1))
    assert found.ece_top_label.value == pytest.approx(expected, abs=1e-9)
    each = [
        error((predictions.labels == k).astype(int), probabilities[:, k]) for k in range(classes)
    ]
    assert found.ece_classwise_macro.value == pytest.approx(np.mean(each), abs=1e-9)


def test_brier_score_and_likelihood_are_scikit_learns(simulated):
    predictions = simulated(150, classes=4)
    found = calibrated(predictions)
    brier = sum(
        brier_score_loss(predictions.labels == k, predictions.probabilities[:, k], pos_label=True)
        for k in range(4)
    )
    assert found.brier.value == pytest.approx(brier)
    expected = log_loss(predictions.labels, predictions.probabilities, labels=range(4))
    assert found.nll.value == pytest.approx(expected)


def test_a_calibrated_model_errs_little_and_chance_alone_explains_it(simulated):
    holding, values = 0, []
    for seed in range(60):
        found = calibrated(simulated(600, seed=seed, in_group=3))
        values.append(found.ece_top_label.value)
        assert found.ece_top_label.low <= found.ece_top_label.value <= found.ece_top_label.high
        holding += found.ece_top_label.low == 0
    # of 40 images in a bin E|N(0, p(1-p)/40)| is below 0.8 * 0.5 / sqrt(40)
    assert 0.02 < np.mean(values) < 0.063
    assert holding >= 58  # 99 % expected; the percentile interval holds 0 never


@pytest.mark.parametrize("in_group", [1, 3])
@pytest.mark.parametrize("count", [15, 30, 60, 150, 300])
def test_chance_explains_the_errors_of_a_calibrated_model_however_few_images(
    simulated, count, in_group
):
    zero = []
    for seed in range(100):
        found = calibrated(simulated(count, seed=seed, in_group=in_group))
        zero.append((found.ece_top_label.low == 0, found.ece_classwise_macro.low == 0))
    assert (np.mean(zero, axis=0) >= 0.97).all()


def test_chance_explains_them_too_where_images_of_a_group_are_right_or_wrong_together(
    simulated, answers
):
    zero = []
    for seed in range(100):
        one = simulated(60, seed=seed)
        names = np.repeat(np.array(one.groups), 5)
        copies = answers(np.repeat(one.probabilities, 5, 0), np.repeat(one.labels, 5), names)
        zero.append(calibrated(copies).ece_top_label.low == 0)
    assert np.mean(zero) >= 0.97


@pytest.mark.parametrize("in_group", [1, 3])
def test_overconfidence_is_told_from_chance_on_300_images(simulated, in_group):
    for seed in range(20):
        found = calibrated(simulated(300, sharpness=3.0, seed=seed, in_group=in_group))
        assert found.ece_top_label.low > 0
        assert found.ece_classwise_macro.low > 0


@pytest.mark.parametrize("sharpness", [0.4, 3.0])
def test_a_model_that_is_not_calibrated_is_told_from_chance(simulated, sharpness):
    found = calibrated(simulated(2000, sharpness=sharpness))
    assert found.ece_top_label.low > 0.03
    assert found.ece_classwise_macro.low > 0.02


def test_the_interval_holds_the_error_of_a_large_sample(simulated):
    truth = calibrated(simulated(30_000, sharpness=2.0), draws=2).ece_top_label.value
    for seed in range(20):
        found = calibrated(simulated(500, sharpness=2.0, seed=seed)).ece_top_label
        assert found.low < truth < found.high


def test_of_one_group_every_interval_is_the_value(answers):
    found = calibrated(answers([[0.6, 0.4], [0.7, 0.3], [0.2, 0.8]], [0, 1, 1], ["one"] * 3))
    for name in ("ece_top_label", "ece_classwise_macro", "brier", "nll"):
        number = getattr(found, name)
        assert number.low == pytest.approx(number.value)
        assert number.high == pytest.approx(number.value)


def test_groups_that_agree_widen_the_intervals(simulated, answers):
    one = simulated(300)
    many = answers(
        np.repeat(one.probabilities, 4, axis=0),
        np.repeat(one.labels, 4),
        np.repeat(np.array(one.groups), 4),
    )
    by_group, by_image = calibrated(many), calibrated(answers(many.probabilities, many.labels))
    assert width(by_group.brier) == pytest.approx(width(calibrated(one).brier))
    assert width(by_group.brier) > 1.7 * width(by_image.brier)


def width(estimate):
    return estimate.high - estimate.low


def test_a_reliability_curve_is_scikit_learns(simulated):
    predictions = simulated(400)
    right = predictions.predicted == predictions.labels
    accuracy, confidence = calibration_curve(
        right, predictions.probabilities.max(axis=1), n_bins=8, strategy="quantile"
    )
    found = compute_reliability(predictions, bins=8)
    assert [point.accuracy.value for point in found] == pytest.approx(accuracy)
    assert [point.confidence for point in found] == pytest.approx(confidence)
    assert [point.images for point in found] == [50] * 8


def test_equal_confidences_share_a_bin(answers):
    found = compute_reliability(answers([[1.0, 0]] * 9 + [[0.6, 0.4]], [0] * 9 + [1]))
    assert [(point.images, point.accuracy.value) for point in found] == [(1, 0), (9, 1)]


def test_a_point_without_a_mistake_has_an_interval_and_groups_count_once(answers):
    (point,) = compute_reliability(answers([[0.9, 0.1]] * 12, [0] * 12, list("aaabbbcccddd")))
    assert (point.images, point.groups) == (12, 4)
    expected = binomtest(4, 4).proportion_ci(method="wilson")
    assert point.accuracy == Estimate(1.0, pytest.approx(expected.low), 1.0)
