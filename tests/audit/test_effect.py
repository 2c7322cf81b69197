import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import performance

from lungscope.audit.effect import compute_effect, correct, difference, mean
from lungscope.audit.performance import explain_doubt, may_drop
from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.predictions import Predictions

ANSWERS = st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=1, max_size=30)


def predictions(labels, predicted):
    return Predictions(
        classes=("a", "b", "c"),
        files=tuple(f"{number}.png" for number in range(len(labels))),
        groups=tuple(str(number // 2) for number in range(len(labels))),
        labels=np.array(labels, dtype=np.int64),
        probabilities=np.eye(3)[predicted],
    )


def resampling(of, draws=50):
    return Resampling.over(of.groups, draws=draws)


def test_each_proportion_is_what_it_says():
    labels = [0, 0, 0, 0, 1, 1, 1, 1]
    before = predictions(labels, [0, 0, 0, 2, 1, 1, 2, 2])
    after = predictions(labels, [0, 1, 1, 0, 1, 1, 0, 2])
    found = compute_effect(before, after, resampling(before))
    assert found.accuracy.value == 4 / 8
    assert found.difference.value == pytest.approx(-1 / 8)
    assert found.flips.value == 4 / 8  # also the one from a wrong class to another
    assert found.correct_to_incorrect.value == 2 / 8
    assert found.incorrect_to_correct.value == 1 / 8


@settings(deadline=None, max_examples=60)
@given(ANSWERS)
def test_the_difference_is_what_was_mended_less_what_was_broken(answers):
    labels, first, second = (list(column) for column in zip(*answers, strict=True))
    before, after = predictions(labels, first), predictions(labels, second)
    found = compute_effect(before, after, resampling(before))
    change = found.incorrect_to_correct.value - found.correct_to_incorrect.value
    assert found.difference.value == pytest.approx(change, abs=1e-12)
    assert found.accuracy.value == pytest.approx(correct(before).mean() + change, abs=1e-12)
    assert (
        found.flips.value
        >= found.correct_to_incorrect.value + found.incorrect_to_correct.value - 1e-12
    )
    for each in asdict(found).values():
        assert each["low"] <= each["value"] + 1e-12
        assert each["value"] <= each["high"] + 1e-12


def test_no_change_has_no_effect():
    before = predictions([0, 1, 2, 0], [0, 1, 0, 1])
    found = compute_effect(before, before, resampling(before))
    assert (
        found.flips.value
        == found.correct_to_incorrect.value
        == found.incorrect_to_correct.value
        == 0
    )
    assert (found.difference.low, found.difference.value, found.difference.high) == (0, 0, 0)


def test_a_difference_is_paired_on_the_same_draws():
    # Two classifiers that are right on nearly the same images: each accuracy is unsure, their
    # difference is not.
    generator = np.random.default_rng(0)
    one = generator.random(200) < 0.6
    two = one.copy()
    two[np.flatnonzero(one)[:2]] = False
    over = Resampling.over([str(number) for number in range(200)])
    apart = mean(one, over)
    together = difference(one, two, over)
    assert together.value == pytest.approx(0.01)
    assert together.high - together.low < (apart.high - apart.low) / 4


def test_the_interval_is_over_groups_and_not_over_images():
    values = np.repeat(np.arange(80) % 2 == 0, 10)
    alone = mean(values, Resampling.over([str(number) for number in range(800)]))
    grouped = mean(values, Resampling.over([str(number // 10) for number in range(800)]))
    # of k independent halves, the standard error is 0.5 / sqrt(k)
    assert grouped.high - grouped.low == pytest.approx(1.96 / np.sqrt(80), rel=0.1)
    assert alone.high - alone.low == pytest.approx(1.96 / np.sqrt(800), rel=0.1)


def test_an_accuracy_without_a_mistake_still_leaves_doubt():
    found = mean(np.ones(40, dtype=bool), Resampling.over([str(k) for k in range(40)]))
    assert found.low < found.value == found.high == 1


def test_other_images_are_refused():
    one = predictions([0, 1], [0, 1])
    for other in (replace(one, files=("1.png", "0.png")), replace(one, labels=np.array([1, 0]))):
        with pytest.raises(ValueError, match="same images"):
            compute_effect(one, other, resampling(one))


def test_it_is_json():
    one = predictions([0, 1], [0, 1])
    json.dumps(asdict(compute_effect(one, one, resampling(one))), allow_nan=False)


@pytest.mark.parametrize(
    ("change", "may"),
    [
        (Estimate(-0.02, -0.04, 0.0), False),
        (Estimate(-0.02, -0.06, 0.0), True),
        (Estimate(0.01, -0.36, 0.49), True),
    ],
)
def test_a_drop_is_excluded_where_the_interval_does_not_reach_it(change, may):
    assert may_drop(change, performance()) is may


@pytest.mark.parametrize(("groups", "may"), [(15, True), (59, True), (60, False)])
def test_no_drop_in_few_groups_excludes_none(groups, may):
    change = Estimate(0.0, 0.0, 0.0)
    assert may_drop(change, performance(images=3 * groups, groups=groups)) is may


def test_the_doubt_names_how_few_images_there_are():
    assert explain_doubt(performance()) == (
        "A drop of more than 5 points cannot be excluded: too few images (300 images in 100 "
        "groups)."
    )
