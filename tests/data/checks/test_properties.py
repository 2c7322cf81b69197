import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from lungscope.data.checks.properties import (
    TELLING_AUC,
    describe_rule,
    find_telling_properties,
    measure_border,
    measure_properties,
)

RNG = np.random.default_rng(0)
LABELS = ["A"] * 100 + ["B"] * 100
GROUPS = [f"p{n // 2}" for n in range(200)]


def measured(labels=LABELS, groups=GROUPS, **properties):
    return measure_properties(
        {name: np.asarray(values, dtype=float) for name, values in properties.items()},
        labels,
        groups,
    )


def shifted(by):
    return np.concatenate([RNG.normal(0, 1, 100), RNG.normal(by, 1, 100)])


def test_the_area_is_that_of_scikit_learn():
    values = shifted(1.5)
    (rule,) = measured(sharpness=values)
    assert rule.auroc == pytest.approx(roc_auc_score([0] * 100 + [1] * 100, values))


def test_two_normal_distributions_are_told_apart_as_well_as_theory_says():
    (rule,) = measured(sharpness=shifted(2.0))
    best = 0.841  # the normal distribution function at half their distance
    assert rule.accuracy.low < best < rule.accuracy.high
    assert rule.majority == 0.5
    assert rule.is_telling


def test_a_number_without_meaning_is_not_better_than_the_most_frequent_class():
    (rule,) = measured(sharpness=shifted(0))
    assert rule.auroc == 0.5
    assert rule.accuracy.low < 0.5
    assert find_telling_properties([rule]) == []


def test_a_class_in_the_middle_is_told_apart_though_no_threshold_does():
    labels = ["outer"] * 50 + ["middle"] * 100 + ["outer"] * 50
    (rule,) = measured(labels, sharpness=np.arange(200))
    assert rule.auroc < TELLING_AUC
    assert rule.accuracy.value > 0.9
    assert rule.is_telling


def test_a_patient_is_not_recognised_by_a_number_of_its_own():
    # each group has its value, and its class by chance: only images of other groups are guessed
    values = np.repeat(RNG.permutation(100), 2)
    labels = [str(each) for each in np.repeat(RNG.integers(0, 2, 100), 2)]
    (rule,) = measured(labels, sharpness=values)
    assert rule.accuracy.value < 0.65


def test_a_perfect_rule_has_an_interval_below_1():
    (rule,) = measured(size=[1.0] * 100 + [2.0] * 100)
    assert rule.accuracy.value == 1
    assert 0.95 < rule.accuracy.low < 1


def test_a_class_of_one_group_leaves_the_area_alone():
    (rule,) = measured(groups=["p"] * 100 + GROUPS[100:], size=shifted(3))
    assert rule.accuracy is None
    assert rule.is_telling
    assert "guessed" not in describe_rule(rule)


def test_the_strongest_property_is_said_in_full_and_the_others_are_named():
    rules = measured(size=shifted(1.5), sharpness=shifted(4), contrast=shifted(0))
    assert [rule.name for rule in rules] == ["sharpness", "size", "contrast"]
    (issue,) = find_telling_properties(rules)
    assert issue.subject == "sharpness"
    assert issue.text.startswith("sharpness alone tells the classes apart: the class guessed from")
    assert "so does size (" in issue.text
    assert "contrast" not in issue.text


def test_of_a_single_class_nothing_is_told_apart():
    assert measured(["A"] * 200, size=shifted(1)) == ()


def test_a_border_is_the_part_of_the_image_that_is_uniformly_black_or_white():
    thumbnail = np.full((64, 64), 100, dtype=np.uint8)
    assert measure_border(thumbnail) == 0
    thumbnail[:8] = 0
    thumbnail[:, -16:] = 255
    assert measure_border(thumbnail) == pytest.approx(1 - (56 * 48) / 64**2)
