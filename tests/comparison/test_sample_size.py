import numpy as np
import pytest
from scipy.stats import binom, binomtest

from lungscope.comparison.significance import estimate_design_effect, estimate_images_needed


def test_a_worked_example():
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


def test_it_is_the_variance_of_group_means_over_that_of_image_means():
    generator = np.random.default_rng(4)
    groups = [str(group) for group in np.repeat(np.arange(300), 6)]
    values = np.repeat(generator.normal(size=300), 6) + generator.normal(size=1800)
    # intraclass correlation 1/2, groups of 6: 1 + 5 / 2 (Kish, 1965)
    assert estimate_design_effect(values, groups) == pytest.approx(3.5, rel=0.12)


def test_it_never_promises_fewer_images():
    values = np.tile([1.0, -1.0], 20)  # in every group one of each: no variance between groups
    assert estimate_design_effect(values, [str(row // 2) for row in range(40)]) == 1
    assert estimate_design_effect(np.zeros(4), ["a", "a", "b", "b"]) == 1
