from dataclasses import replace

import numpy as np
import pytest
from made_up import STILL, effect, measured

from lungscope.audit.findings import findings
from lungscope.audit.leaks import LeakedPair
from lungscope.audit.majority import earned
from lungscope.estimate import Estimate


def finding(found, name):
    return next(each for each in findings(found) if each.name == name)


def verdicts(found):
    return {each.name: each.verdict for each in findings(found)}


def with_baseline(value, gain):
    """The border baseline with that accuracy and gain of the model over it."""
    found = measured()
    changed = [
        replace(each, accuracy=Estimate(value, 0, 1)) if each.name == "border" else each
        for each in found.baselines
    ]
    return replace(found, baselines=tuple(changed), gains=found.gains | {"border": gain})


def with_mask(name, images=300, groups=100, **changed):
    found = measured(images, groups)
    masks = [
        replace(each, effect=replace(each.effect, **changed)) if each.name == name else each
        for each in found.masks
    ]
    return replace(found, masks=tuple(masks))


def with_blur(changes, groups=100):
    """Blur that changes the accuracy by strength so; noise changes nothing."""
    found = measured(groups=groups)
    blur, noise = found.robustness.responses
    levels = tuple(
        replace(each, effect=effect(changes.get(each.strength, STILL))) for each in blur.levels
    )
    changed = replace(found.robustness, responses=(replace(blur, levels=levels), noise))
    return replace(found, robustness=changed)


def test_a_model_of_lungs_on_enough_images_passes_all_that_could_be_asked():
    assert set(verdicts(measured()).values()) == {"pass", "not-measured"}
    asked_of_sources = {"source-probe", "by-source"}
    assert {n for n, v in verdicts(measured()).items() if v != "pass"} == asked_of_sources


def test_what_a_shortcut_earns_is_counted_from_the_majority_class_on():
    found = measured()
    assert earned(found, 0.9) == pytest.approx(1)
    assert earned(found, 1 / 3) == 0
    assert earned(found, (0.9 + 1 / 3) / 2) == pytest.approx(0.5)
    assert earned(replace(found, accuracy=Estimate(1 / 3, 0, 1)), 0.5) is None


@pytest.mark.parametrize(
    ("accuracy", "low", "verdict"),
    [(0.50, 0.2, "pass"), (0.75, 0.1, "warn"), (0.88, -0.01, "fail"), (0.88, 0.01, "warn")],
)
def test_a_baseline_warns_from_half_the_way_and_fails_at_no_difference(accuracy, low, verdict):
    found = with_baseline(accuracy, Estimate(0.9 - accuracy, low, 0.5))
    assert verdicts(found)["border-baseline"] == verdict


@pytest.mark.parametrize(
    ("gain", "words"),
    [
        (Estimate(0.089, 0.045, 0.135), "the model's 90.0 % is 8.9 points more (+4.5 to +13.5)."),
        (Estimate(-0.067, -0.12, -0.01), "the model's 90.0 % is 6.7 points less (-12.0 to -1.0)."),
        (Estimate(0.0, -0.03, 0.03), "the model's 90.0 % is as much (-3.0 to +3.0)."),
    ],
)
def test_a_difference_is_said_to_be_more_or_less(gain, words):
    assert words in finding(with_baseline(0.9 - gain.value, gain), "border-baseline").statement


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
@pytest.mark.parametrize("name", ["corners", "border"])
def test_a_hidden_part_passes_where_a_large_fall_is_excluded(name, difference, verdict):
    assert verdicts(with_mask(name, difference=difference))[f"{name}-masked"] == verdict


def test_what_too_few_images_do_not_exclude_is_said():
    found = finding(with_mask("corners", difference=Estimate(-0.03, -0.08, 0.01)), "corners-masked")
    assert (
        "A fall of more than 5 points cannot be excluded: too few images (300 in 100 groups)."
        in found.statement
    )
    sure = finding(with_mask("corners", difference=Estimate(-0.2, -0.3, -0.1)), "corners-masked")
    assert "excluded" not in sure.statement


@pytest.mark.parametrize(("groups", "verdict"), [(15, "warn"), (59, "warn"), (60, "pass")])
def test_no_fall_in_few_groups_excludes_none(groups, verdict):
    found = verdicts(with_mask("corners", images=3 * groups, groups=groups))
    assert found["corners-masked"] == found["robustness"] == verdict


def test_a_fall_is_said_to_come_from_the_mask_in_part_and_no_fall_is_not():
    words = "A part of the fall may come from the mask itself, which no training image has."
    fallen = with_mask("border", difference=Estimate(-0.2, -0.3, -0.1))
    assert words in finding(fallen, "border-masked").statement
    assert words not in finding(fallen, "corners-masked").statement
    assert words[2:27] in finding(fallen, "centre-masked").statement


@pytest.mark.parametrize(
    ("accuracy", "verdict", "open_question"),
    [
        (Estimate(0.30, 0.20, 0.50), "pass", False),
        (Estimate(0.50, 0.45, 0.60), "warn", False),
        (Estimate(0.40, 0.20, 0.70), "warn", True),
        (Estimate(0.80, 0.20, 0.90), "fail", False),
    ],
)
def test_a_hidden_centre_passes_where_little_is_left(accuracy, verdict, open_question):
    found = finding(with_mask("centre", accuracy=accuracy), "centre-masked")
    assert found.verdict == verdict
    assert ("cannot be excluded: too few images" in found.statement) == open_question


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({1: Estimate(-0.2, -0.3, -0.1)}, "fail"),
        ({2: Estimate(-0.07, -0.1, -0.01)}, "warn"),
        ({2: Estimate(-0.07, -0.2, 0.01)}, "warn"),
        ({2: Estimate(-0.02, -0.04, 0.01)}, "pass"),
        ({5: Estimate(-0.5, -0.6, -0.4)}, "pass"),
        ({1: Estimate(-0.3, -0.7, 0.1), 2: Estimate(-0.2, -0.3, -0.1)}, "fail"),
    ],
)
def test_only_mild_perturbations_are_held_against_a_model_the_gravest_first(changes, verdict):
    assert verdicts(with_blur(changes))["robustness"] == verdict


def test_robustness_names_what_weighs_most_or_that_nothing_does():
    found = finding(with_blur({1: Estimate(-0.2, -0.3, -0.1)}), "robustness").statement
    assert "blur of strength 1 weighs most: -20.0 (-30.0 to -10.0) points." in found
    for change in (STILL, Estimate(0.01, 0.0, 0.02)):
        found = finding(with_blur({1: change, 2: change}), "robustness").statement
        assert found.startswith("No perturbation that a reader would hardly mind")
        assert "most" not in found
    found = finding(with_blur({2: Estimate(-0.02, -0.09, 0.01)}), "robustness").statement
    assert "A fall of more than 5 points cannot be excluded" in found


def no_better():
    return replace(measured(), accuracy=Estimate(0.3, 0.2, 0.4))


def barely_better():
    found = measured()
    return replace(found, gains=found.gains | {"majority": Estimate(0.02, -0.01, 0.05)})


def one_answer():
    found = measured()
    always = replace(found.predictions, probabilities=np.eye(3)[np.full(300, 1)])
    return replace(found, predictions=always)


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (no_better, "no better than the majority class's 33.3 %"),
        (barely_better, "not distinguishably better than the majority class (+2.0 (-1.0 to +5.0)"),
        (one_answer, "The model's answer is b for every image"),
    ],
)
def test_a_model_with_nothing_to_lose_is_given_no_pass_for_losing_nothing(model, why):
    for name in ("corners-masked", "border-masked", "centre-masked", "robustness"):
        found = finding(model(), name)
        assert found.verdict == "not-measured"
        assert why in found.statement


def test_a_model_no_better_than_the_majority_class_fails_against_every_baseline():
    found = finding(no_better(), "thumbnail-baseline")
    assert found.verdict == "fail"
    assert found.statement.endswith("The model is no better than the majority class (33.3 %).")


def test_leaks_fail_and_what_could_not_be_seen_warns():
    found = measured()
    pair = LeakedPair("1.png", "train", "2.png", "test", "near", 0.99)
    leaked = replace(found, leaks=replace(found.leaks, pairs=(pair,)))
    assert verdicts(leaked)["leaks"] == "fail"
    assert "The first: 1.png and 2.png." in finding(leaked, "leaks").statement
    for unknown in ({"grouped": 0}, {"unseen": ("gone.png",)}):
        assert verdicts(replace(found, leaks=replace(found.leaks, **unknown)))["leaks"] == "warn"


@pytest.mark.parametrize(("low", "verdict"), [(0.86, "pass"), (0.80, "warn")])
def test_too_few_images_are_said_to_be_too_few(low, verdict):
    found = replace(measured(), accuracy=Estimate(0.9, low, 0.95))
    assert verdicts(found)["test-size"] == verdict
