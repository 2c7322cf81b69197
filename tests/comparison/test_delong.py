import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from lungscope.comparison.delong import delong_test
from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling, bootstrap_estimate

# The patients of DeLong, DeLong and Clarke-Pearson (1988) of whom no value is missing:
# albumin, total protein, K-G score, and whether surgery helped.
PATIENTS = np.fromstring(
    """
    3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0
    1.6 5.6 5 1  3.8 5.7 5 1  3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1
    4.3 7.0 4 1  3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0  4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1
    3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1  3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1  4.3 6.5 4 1
    3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1
    3.5 6.2 5 1  2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1
    3.6 6.6 5 1
    """,
    sep=" ",
).reshape(-1, 4)
ALBUMIN, PROTEIN, KG = PATIENTS[:, 0], PATIENTS[:, 1], 10 - PATIENTS[:, 2]
HELPED = PATIENTS[:, 3] == 1


def brute_force(positive, first, second):
    """Areas, variance of their difference: every pair compared, as the 1988 paper writes it."""
    areas, by_positive, by_negative = [], [], []
    for scores in (first, second):
        x, y = scores[positive][:, None], scores[~positive][None, :]
        kernel = np.where(x > y, 1.0, np.where(x == y, 0.5, 0.0))
        areas.append(kernel.mean())
        by_positive.append(kernel.mean(axis=1))
        by_negative.append(kernel.mean(axis=0))
    contrast = np.array([1, -1])
    covariance = np.cov(by_positive) / positive.sum() + np.cov(by_negative) / (~positive).sum()
    return areas, contrast @ covariance @ contrast


@pytest.mark.parametrize(
    ("one", "other", "areas", "difference", "error", "low", "high", "p"),
    [
        (ALBUMIN, KG, (0.7366, 0.7258), 0.0108, 0.0953, -0.1761, 0.1976, 0.9102),
        (PROTEIN, KG, (0.6478, 0.7258), -0.0780, 0.1046, -0.2830, 0.1271, 0.4561),
    ],
)
def test_the_papers_own_patients_as_sas_reports_them(
    one, other, areas, difference, error, low, high, p
):
    # SAS/STAT User's Guide, LOGISTIC, "Comparing Receiver Operating Characteristic Curves"
    found = delong_test(HELPED, one, other)
    assert (found.first, found.second) == pytest.approx(areas, abs=5e-5)
    assert found.difference.value == pytest.approx(difference, abs=5e-5)
    assert found.standard_error == pytest.approx(error, abs=5e-5)
    assert (found.difference.low, found.difference.high) == pytest.approx((low, high), abs=5e-5)
    assert found.p == pytest.approx(p, abs=5e-5)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 6), st.integers(0, 6)), min_size=4, max_size=40
    )
)
def test_it_agrees_with_comparing_every_pair_ties_included(rows):
    positive, first, second = (np.array(column) for column in zip(*rows, strict=True))
    found = delong_test(positive, first.astype(float), second.astype(float))
    if min(positive.sum(), (~positive).sum()) < 2:
        assert found is None
        return
    areas, variance = brute_force(positive, first, second)
    if found is None:
        assert variance == pytest.approx(0, abs=1e-15)
        assert areas[0] != areas[1]
        return
    assert (found.first, found.second) == pytest.approx(areas)
    assert found.first == pytest.approx(roc_auc_score(positive, first))
    assert found.standard_error == pytest.approx(np.sqrt(max(variance, 0)), abs=1e-7)
    if found.standard_error:
        z = (areas[0] - areas[1]) / np.sqrt(variance)
        assert found.p == pytest.approx(2 * norm.sf(abs(z)))


def correlated(count=400, seed=3):
    generator = np.random.default_rng(seed)
    positive = generator.random(count) < 0.4
    common = generator.normal(size=count)
    first = positive * 1.2 + common + 0.5 * generator.normal(size=count)
    second = positive * 1.0 + common + 0.9 * generator.normal(size=count)
    return positive, first, second


def test_its_interval_is_the_bootstraps_where_images_are_independent():
    positive, first, second = correlated()
    resampling = Resampling.over([str(row) for row in range(len(positive))], draws=600)
    drawn = []
    for counts in resampling.counts[:, resampling.group].astype(int):
        rows = np.repeat(np.arange(len(positive)), counts)
        areas = (roc_auc_score(positive[rows], scores[rows]) for scores in (first, second))
        drawn.append(np.subtract(*areas))
    found = delong_test(positive, first, second).difference
    reference = bootstrap_estimate(found.value, np.array(drawn))
    width = reference.high - reference.low
    assert found.low == pytest.approx(reference.low, abs=0.12 * width)
    assert found.high == pytest.approx(reference.high, abs=0.12 * width)


def test_only_the_order_of_scores_matters():
    positive, first, second = correlated()
    assert delong_test(positive, np.exp(first), 3 * second) == delong_test(positive, first, second)


def test_exchanging_the_models_turns_the_sign_alone():
    positive, first, second = correlated()
    one, other = delong_test(positive, first, second), delong_test(positive, second, first)
    assert other.p == pytest.approx(one.p)
    assert other.difference.value == -one.difference.value
    assert other.difference.low == pytest.approx(-one.difference.high)


def test_equal_scores_are_no_difference_at_all():
    positive, first, _ = correlated()
    found = delong_test(positive, first, first)
    assert found.difference == Estimate(0, 0, 0)
    assert found.p == 1


@pytest.mark.parametrize("positives", [0, 1, 9, 10])
def test_fewer_than_two_of_a_kind_are_not_tested(positives):
    positive = np.arange(10) < positives
    assert delong_test(positive, np.arange(10.0), np.arange(10.0)[::-1]) is None


def test_a_difference_without_variance_is_not_tested():
    positive = np.arange(6) < 3
    assert delong_test(positive, positive.astype(float), 1 - positive.astype(float)) is None


def test_the_interval_of_a_difference_ends_at_one():
    positive = np.array([True, True, True, False, False, False])
    right = np.array([0.9, 0.8, 0.3, 0.5, 0.2, 0.1])
    found = delong_test(positive, right, 1 - right)
    assert found.difference.high == 1
    assert -1 <= found.difference.low < found.difference.value
