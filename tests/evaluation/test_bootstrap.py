import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling, bootstrap_estimate


@settings(deadline=None, max_examples=50)
@given(
    groups=st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=25),
    shape=st.sampled_from([(), (3,), (2, 2)]),
    seed=st.integers(0, 2**32 - 1),
)
def test_sums_are_those_of_the_drawn_groups_images_laid_end_to_end(groups, shape, seed):
    values = np.random.default_rng(seed).normal(size=(len(groups), *shape))
    resampling = Resampling.over(groups, draws=7, seed=seed)
    names = sorted(set(groups))
    for draw, sums in zip(resampling.counts, resampling.sums(values), strict=True):
        images = []
        for name, times in zip(names, draw, strict=True):
            of_group = [value for value, group in zip(values, groups, strict=True) if group == name]
            images += of_group * int(times)
        assert sums == pytest.approx(np.sum(images, axis=0), abs=1e-9)


def test_a_draw_holds_as_many_groups_as_there_are_each_equally_often():
    resampling = Resampling.over([f"g{k}" for k in range(40)], draws=5000)
    assert (resampling.counts.sum(axis=1) == 40).all()
    often, spread = resampling.counts.mean(axis=0), resampling.counts.var(axis=0)
    assert often == pytest.approx(np.ones(40), abs=0.08)  # six standard errors
    assert spread == pytest.approx(np.full(40, 39 / 40), abs=0.15)  # binomial(40, 1/40)


def test_the_seed_alone_decides_the_draws():
    groups = ["a", "b", "b", "c", "d"]
    one, same, other = (Resampling.over(groups, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.counts, same.counts)
    assert not np.array_equal(one.counts, other.counts)


def test_the_order_of_images_and_the_names_of_groups_do_not_matter():
    groups, values = ["p2", "p1", "p2", "p3"], np.array([1.0, 2, 3, 4])
    turned = Resampling.over(groups[::-1]).sums(values[::-1])
    assert np.array_equal(Resampling.over(groups).sums(values), turned)
    renamed = [f"x{group}" for group in groups]
    assert np.array_equal(
        Resampling.over(groups).sums(values), Resampling.over(renamed).sums(values)
    )


def test_an_estimate_spans_the_middle_95_percent():
    found = bootstrap_estimate(0.25, np.arange(1001) / 1000)
    assert found == Estimate(0.25, pytest.approx(0.025), pytest.approx(0.975))


def test_with_one_image_a_group_it_is_the_ordinary_bootstrap():
    values = np.random.default_rng(5).exponential(size=150)
    draws = Resampling.over([str(k) for k in range(150)], draws=10_000).sums(values) / 150
    ours = bootstrap_estimate(values.mean(), draws)
    reference = stats.bootstrap(
        (values,), np.mean, n_resamples=10_000, method="percentile", rng=6
    ).confidence_interval
    width = reference.high - reference.low
    assert ours.low == pytest.approx(reference.low, abs=0.05 * width)
    assert ours.high == pytest.approx(reference.high, abs=0.05 * width)


def test_one_group_leaves_nothing_to_resample():
    values = np.array([1.0, 2, 4])
    assert Resampling.over(["a", "a", "a"]).sums(values).tolist() == [7] * 2000


def test_the_interval_covers_the_truth_where_that_of_single_images_does_not():
    # Images of one patient are read rightly together or not at all more often than by chance:
    # each patient's own accuracy is a draw from a Beta distribution with mean 0.8.
    generator, truth, sets = np.random.default_rng(2024), 0.8, 300
    covered = {"groups": 0, "images": 0}
    for seed in range(sets):
        sizes = generator.integers(1, 16, size=generator.integers(30, 61))
        own = generator.beta(1.6, 0.4, size=len(sizes))
        right = (generator.random(sizes.sum()) < np.repeat(own, sizes)).astype(float)
        for way, groups in {
            "groups": np.repeat(np.arange(len(sizes)), sizes),
            "images": np.arange(len(right)),
        }.items():
            draws = Resampling.over([str(group) for group in groups], draws=250, seed=seed)
            found = bootstrap_estimate(
                right.mean(), draws.sums(right) / draws.sums(np.ones_like(right))
            )
            covered[way] += found.low <= truth <= found.high
    assert covered["groups"] / sets >= 0.90
    assert covered["images"] / sets <= 0.75


def test_2000_draws_of_3000_images_take_well_under_a_second():
    groups = [f"{k:064x}" for k in range(3000)]
    cells = np.random.default_rng(0).random((3000, 3, 3))
    began = time.process_time()
    Resampling.over(groups).sums(cells)
    assert time.process_time() - began < 0.7
