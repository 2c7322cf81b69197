from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from lungscope.comparison.significance import (
    McNemar,
    estimate_design_effect,
    estimate_images_needed,
    holm_adjust,
    mcnemar_test,
)

p_values = st.lists(st.floats(0, 1), max_size=6)


def test_holm_by_hand():
    # sorted 0.005 x 4, 0.01 x 3, 0.03 x 2, then 0.04 x 1, raised to what came before
    assert holm_adjust([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


def test_one_test_needs_no_correction_and_none_is_none():
    assert holm_adjust([0.04]) == (0.04,)
    assert holm_adjust([]) == ()


@given(p_values)
def test_holm_is_the_closed_test_of_bonferroni(ps):
    # a hypothesis falls if every set of hypotheses with it in it falls by Bonferroni
    expected = [
        max(
            min(1, len(several) * min(ps[k] for k in several))
            for size in range(1, len(ps) + 1)
            for several in combinations(range(len(ps)), size)
            if one in several
        )
        for one in range(len(ps))
    ]
    assert holm_adjust(ps) == pytest.approx(expected)


def test_of_true_hypotheses_one_is_rejected_in_five_percent():
    drawn = np.random.default_rng(0).random((4000, 5))
    rejected = np.mean([min(holm_adjust(row)) < 0.05 for row in drawn])
    assert rejected == pytest.approx(0.05, abs=0.014)  # four standard errors


answer_lists = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.sampled_from("abcdefgh")), min_size=1, max_size=30
)


def answered(rows):
    first, second, groups = zip(*rows, strict=True)
    return mcnemar_test(np.array(first), np.array(second), groups)


def enumerated(sums):
    """The share of all 2^G sign flips whose total is as far from 0 as the one observed."""
    totals = [abs(sum(flipped)) for flipped in product(*((s, -s) for s in sums))]
    return np.mean([total >= abs(sum(sums)) for total in totals])


def test_images_are_counted_by_the_model_that_alone_is_right():
    rows = [(True, False, "a")] * 5 + [(False, True, "b")] * 2 + [(True, True, "c")] * 9
    found = answered([*rows, (False, False, "d")])
    assert (found.only_first, found.only_second) == (5, 2)


@settings(deadline=None, max_examples=150)
@given(answer_lists)
def test_over_groups_every_exchange_of_whole_groups_is_counted(rows):
    sums = [sum(f - s for f, s, group in rows if group == g) for g in "abcdefgh"]
    assert answered(rows).p_groups == pytest.approx(enumerated(sums))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=12))
def test_over_images_every_assignment_of_the_images_one_model_alone_got_is_counted(rows):
    discordant = [f - s for f, s in rows if f != s]
    found = answered([(f, s, "a") for f, s in rows])
    assert found.p_images == pytest.approx(enumerated(discordant))


@settings(deadline=None, max_examples=60)
@given(answer_lists)
def test_with_one_image_a_group_both_tests_are_one(rows):
    found = answered([(f, s, str(row)) for row, (f, s, _) in enumerate(rows)])
    assert found.p_groups == pytest.approx(found.p_images)


def test_models_that_answer_alike_are_not_told_apart():
    assert answered([(True, True, "a"), (False, False, "b")]) == McNemar(0, 0, 1.0, 1.0)


def test_one_group_tells_nothing_however_many_images_it_has():
    found = answered([(True, False, "a")] * 40)
    assert found.p_images < 1e-11
    assert found.p_groups == 1


def test_thousands_of_groups_take_no_time_and_stay_exact():
    rows = [(True, False, str(k)) for k in range(3000)] + [
        (False, True, str(-k)) for k in range(1, 2801)
    ]
    found = answered(rows)
    assert found.p_groups == pytest.approx(binomtest(3000, 5800, 0.5).pvalue, rel=1e-6)


def test_images_needed_in_a_worked_example():
    # discordant shares 0.45 and 0.05: ((1.95996 sqrt 0.5 + 0.84162 sqrt 0.34) / 0.4)^2 = 22.0
    assert estimate_images_needed(0.5, 0.4) == pytest.approx(22.01, abs=0.02)


def test_four_in_five_samples_of_that_size_are_significant():
    # McNemar's test without the exact one's caution, as the formula assumes: z^2 > 1.96^2
    discordant, difference = 0.08, 0.03
    count = round(estimate_images_needed(discordant, difference))
    generator = np.random.default_rng(1)
    shares = [(discordant + difference) / 2, (discordant - difference) / 2, 1 - discordant]
    drawn = generator.multinomial(count, shares, size=20_000)
    b, c = drawn[:, 0], drawn[:, 1]
    assert np.mean((b - c) ** 2 > 1.95996**2 * (b + c)) == pytest.approx(0.8, abs=0.015)


def test_the_exact_test_needs_hardly_more():
    discordant, difference = 0.08, 0.03
    count = round(1.1 * estimate_images_needed(discordant, difference))
    power = 0.0
    for both in range(count + 1):
        share = binom.pmf(both, count, discordant)
        if share < 1e-7:
            continue
        significant = [b for b in range(both + 1) if binomtest(b, both).pvalue < 0.05]
        power += share * binom.pmf(significant, both, 0.5 + difference / discordant / 2).sum()
    assert power > 0.8


def test_only_the_size_of_the_difference_counts_and_the_design_effect_multiplies():
    assert estimate_images_needed(0.1, -0.02) == pytest.approx(estimate_images_needed(0.1, 0.02))
    assert estimate_images_needed(0.1, 0.02, effect=2.5) == pytest.approx(
        2.5 * estimate_images_needed(0.1, 0.02)
    )


def test_one_model_right_wherever_they_differ_needs_images_too():
    # d = difference = 1: the normal approximation's smallest answer, (1.96 + 0)^2
    assert estimate_images_needed(1, 1) == pytest.approx(1.95996**2, rel=1e-4)


def test_images_that_repeat_count_once():
    values = np.random.default_rng(0).choice([-1.0, 0, 1], size=400)
    groups = [str(row) for row in range(400)]
    assert estimate_design_effect(values, groups) == pytest.approx(1)
    repeated = estimate_design_effect(
        np.repeat(values, 5), [group for group in groups for _ in range(5)]
    )
    assert repeated == pytest.approx(5, rel=0.01)


def test_the_design_effect_is_the_variance_of_group_means_over_that_of_image_means():
    generator = np.random.default_rng(4)
    groups = [str(group) for group in np.repeat(np.arange(300), 6)]
    values = np.repeat(generator.normal(size=300), 6) + generator.normal(size=1800)
    # intraclass correlation 1/2, groups of 6: 1 + 5 / 2 (Kish, 1965)
    assert estimate_design_effect(values, groups) == pytest.approx(3.5, rel=0.12)


def test_the_design_effect_never_promises_fewer_images():
    values = np.tile([1.0, -1.0], 20)  # in every group one of each: no variance between groups
    assert estimate_design_effect(values, [str(row // 2) for row in range(40)]) == 1
    assert estimate_design_effect(np.zeros(4), ["a", "a", "b", "b"]) == 1
