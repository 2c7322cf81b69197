from dataclasses import replace

import pytest
from made_up import performance, shortcuts, unlearned

from lungscope.audit.checks.shortcuts import conclude_shortcuts
from lungscope.estimate import Estimate


def conclude(found, of=None):
    return {each.name: each for each in conclude_shortcuts(found, of or performance())}


def with_baseline(value, gain):
    """The border baseline with that accuracy and gain of the model over it."""
    found = shortcuts()
    changed = [
        replace(each, accuracy=Estimate(value, 0, 1), gain=gain) if each.name == "border" else each
        for each in found.baselines
    ]
    return replace(found, baselines=tuple(changed))


def with_mask(name, **changed):
    found = shortcuts()
    masks = [
        replace(each, effect=replace(each.effect, **changed)) if each.name == name else each
        for each in found.masks
    ]
    return replace(found, masks=tuple(masks))


def test_a_model_of_lungs_on_enough_images_passes():
    assert {name: each.verdict for name, each in conclude(shortcuts()).items()} == dict.fromkeys(
        (
            "thumbnail-baseline",
            "border-baseline",
            "statistics-baseline",
            "corners-masked",
        ),
        "pass",
    )


@pytest.mark.parametrize(
    ("accuracy", "low", "verdict"),
    [(0.50, 0.2, "pass"), (0.75, 0.1, "warn"), (0.88, -0.01, "fail"), (0.88, 0.01, "warn")],
)
def test_a_baseline_warns_from_half_the_way_and_fails_at_no_difference(accuracy, low, verdict):
    found = with_baseline(accuracy, Estimate(0.9 - accuracy, low, 0.5))
    assert conclude(found)["border-baseline"].verdict == verdict


@pytest.mark.parametrize(
    ("gain", "words"),
    [
        (
            Estimate(0.089, 0.045, 0.135),
            "the model has 90.0 %, a difference of +8.9 points (95\u00a0% +4.5 to +13.5).",
        ),
        (
            Estimate(-0.067, -0.12, -0.01),
            "the model has 90.0 %, a difference of -6.7 points (95\u00a0% -12.0 to -1.0).",
        ),
    ],
)
def test_a_difference_has_its_sign_and_interval(gain, words):
    assert words in conclude(with_baseline(0.9 - gain.value, gain))["border-baseline"].statement


@pytest.mark.parametrize(
    ("difference", "verdict"),
    [
        (Estimate(-0.02, -0.04, 0.0), "pass"),
        (Estimate(-0.03, -0.08, 0.01), "warn"),
        (Estimate(-0.03, -0.08, -0.01), "warn"),
        (Estimate(-0.06, -0.08, -0.01), "fail"),
        (Estimate(0.01, -0.36, 0.49), "warn"),
    ],
)
def test_a_hidden_part_passes_where_a_large_drop_is_excluded(difference, verdict):
    found = conclude(with_mask("corners", difference=difference))
    assert found["corners-masked"].verdict == verdict


def test_what_too_few_images_do_not_exclude_is_said():
    found = conclude(with_mask("corners", difference=Estimate(-0.03, -0.08, 0.01)))[
        "corners-masked"
    ]
    assert (
        "A drop of more than 5 points cannot be excluded: too few images (300 images in 100 "
        "groups)." in found.statement
    )
    sure = conclude(with_mask("corners", difference=Estimate(-0.2, -0.3, -0.1)))["corners-masked"]
    assert "excluded" not in sure.statement


@pytest.mark.parametrize(("groups", "verdict"), [(15, "warn"), (59, "warn"), (60, "pass")])
def test_no_drop_in_few_groups_excludes_none(groups, verdict):
    found = conclude(shortcuts(), performance(images=3 * groups, groups=groups))
    assert found["corners-masked"].verdict == verdict


def test_a_drop_may_come_from_the_mask_in_part():
    words = "Part of the drop may come from the mask itself, which no training image has."
    found = conclude(with_mask("corners", difference=Estimate(-0.2, -0.3, -0.1)))
    assert words in found["corners-masked"].statement
    assert words not in conclude(shortcuts())["corners-masked"].statement


def test_a_model_that_has_learned_nothing_gets_no_pass_for_losing_nothing():
    found = conclude(shortcuts(), unlearned())
    assert found["corners-masked"].verdict == "not-measured"
    assert "The model predicts b for every image" in found["corners-masked"].statement


def test_a_model_no_better_than_the_majority_class_fails_against_every_baseline():
    worse = replace(performance(), accuracy=Estimate(0.3, 0.2, 0.4))
    found = conclude(shortcuts(), worse)["thumbnail-baseline"]
    assert found.verdict == "fail"
    assert found.statement.endswith("The model is no better than the majority class (33.3 %).")
