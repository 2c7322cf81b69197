import time

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling, bootstrap_where_defined
from lungscope.evaluation.ranking import Ranking


@st.composite
def scored(draw):
    """(scores with ties, positives, weights of 3 draws, some 0)."""
    count = draw(st.integers(2, 40))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scores = generator.random(count).round(draw(st.integers(0, 3)))
    positive = generator.random(count) < draw(st.floats(0.1, 0.9))
    assume(0 < positive.sum() < count)
    return scores, positive, generator.integers(0, 4, (3, count)).astype(float)


@settings(deadline=None, max_examples=100)
@given(scored())
def test_weighted_areas_are_scikit_learns(case):
    scores, positive, weights = case
    ranking = Ranking.of(scores, positive)
    roc, precision_recall = ranking.areas(weights[:, ranking.order])
    for draw, weight in enumerate(weights):
        if not (weight[positive].sum() and weight[~positive].sum()):
            assert np.isnan(roc[draw])
            assert np.isnan(precision_recall[draw])
            continue
        options = {"sample_weight": weight}
        assert roc[draw] == pytest.approx(roc_auc_score(positive, scores, **options))
        expected = average_precision_score(positive, scores, **options)
        assert precision_recall[draw] == pytest.approx(expected)


@settings(deadline=None, max_examples=50)
@given(scored())
def test_without_weights_each_image_counts_once(case):
    scores, positive, _ = case
    roc, precision_recall = Ranking.of(scores, positive).areas()
    assert roc.tolist() == [pytest.approx(roc_auc_score(positive, scores))]
    assert precision_recall.tolist() == [pytest.approx(average_precision_score(positive, scores))]


@settings(deadline=None, max_examples=50)
@given(scored(), st.integers(0, 2**32 - 1))
def test_resampled_areas_are_those_of_the_drawn_images_laid_end_to_end(case, seed):
    scores, positive, _ = case
    groups = np.random.default_rng(seed).integers(0, 6, len(scores))
    resampling = Resampling.over([str(group) for group in groups], draws=5, seed=seed)
    found, _ = Ranking.of(scores, positive).resampled_areas(resampling)
    for counts, area in zip(resampling.counts, found, strict=True):
        times = counts[resampling.group].astype(int)
        truth, value = np.repeat(positive, times), np.repeat(scores, times)
        if 0 < truth.sum() < len(truth):
            assert area == pytest.approx(roc_auc_score(truth, value))
        else:
            assert np.isnan(area)


@settings(deadline=None, max_examples=50)
@given(scored())
def test_counts_are_those_of_images_at_or_above_each_score(case):
    scores, positive, weights = case
    ranking = Ranking.of(scores, positive)
    found, taken = ranking.counts(weights[:, ranking.order])
    assert ranking.thresholds.tolist() == sorted(set(scores), reverse=True)
    for column, threshold in enumerate(ranking.thresholds):
        above = scores >= threshold
        assert np.array_equal(taken[:, column], weights[:, above].sum(axis=1))
        assert np.array_equal(found[:, column], weights[:, above & positive].sum(axis=1))


def test_the_order_of_images_does_not_matter():
    generator = np.random.default_rng(1)
    scores, positive = generator.random(50).round(1), generator.random(50) < 0.4
    shuffled = generator.permutation(50)
    assert (
        Ranking.of(scores, positive).areas()
        == Ranking.of(scores[shuffled], positive[shuffled]).areas()
    )


def test_2000_draws_of_3000_images_take_about_a_second():
    generator = np.random.default_rng(0)
    resampling = Resampling.over([str(image) for image in range(3000)])
    ranking = Ranking.of(generator.random(3000), generator.random(3000) < 0.3)
    began = time.process_time()
    ranking.resampled_areas(resampling)
    assert time.process_time() - began < 3


def test_weights_come_in_blocks_that_together_are_all_draws_in_the_wanted_order():
    generator = np.random.default_rng(0)
    resampling = Resampling.over([str(g) for g in generator.integers(0, 50, 5000)], draws=60)
    images = generator.permutation(5000)
    blocks = list(resampling.weights(images))
    assert len(blocks) > 1
    weights, values = np.concatenate(blocks), generator.random(5000)
    assert weights @ values[images] == pytest.approx(resampling.sums(values))


def test_draws_in_which_a_metric_is_not_defined_are_left_out_of_its_interval():
    draws = np.append(np.arange(1001) / 1000, [np.nan] * 500)
    expected = Estimate(0.25, pytest.approx(0.025), pytest.approx(0.975))
    assert bootstrap_where_defined(0.25, draws) == expected
    assert bootstrap_where_defined(0.25, np.full(5, np.nan)) == Estimate(0.25, 0.25, 0.25)
