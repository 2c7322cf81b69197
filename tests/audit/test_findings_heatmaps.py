from dataclasses import replace

import numpy as np
import pytest
from made_up import measured

from lungscope.audit.findings_heatmaps import dependent, faithful
from lungscope.estimate import Estimate

GOOD, OPEN = Estimate(0.14, 0.11, 0.17), Estimate(0.03, -0.05, 0.11)
NONE, WORSE = Estimate(0.01, -0.02, 0.04), Estimate(-0.1, -0.15, -0.05)


def asked(found, deletion=GOOD, insertion=GOOD, groups=41):
    made = found.faithfulness
    return replace(
        found,
        faithfulness=replace(
            made,
            groups=groups,
            deletion=replace(made.deletion, advantage=deletion),
            insertion=replace(made.insertion, advantage=insertion),
        ),
    )


def alike(found, value, low, high, groups=41):
    made = found.randomisation
    last = replace(made.depths[-1], likeness=Estimate(value, low, high))
    depths = (*made.depths[:-1], last)
    return replace(found, randomisation=replace(made, groups=groups, depths=depths))


@pytest.mark.parametrize(
    ("deletion", "insertion", "verdict"),
    [
        (GOOD, GOOD, "pass"),
        (GOOD, OPEN, "warn"),
        (OPEN, OPEN, "warn"),
        (NONE, GOOD, "fail"),
        (GOOD, WORSE, "fail"),
        (Estimate(0.02, 0.01, 0.03), GOOD, "pass"),
    ],
)
def test_heat_has_to_do_better_than_elsewhere_both_ways(deletion, insertion, verdict):
    found = faithful(asked(measured(), deletion, insertion))
    assert found.verdict == verdict
    assert ("too few images" in found.statement) == (verdict == "warn")


def test_the_answer_has_its_areas_and_their_difference():
    found = faithful(measured()).statement
    assert "32.9 % (27.6 to 39.0) on the way" in found
    assert "against 46.9 % (39.8 to 54.6) by the same map displaced" in found
    assert "+14.0 (+11.0 to +17.0) points in favour of heat" in found
    assert found.endswith("(60 images in 41 groups.)")


@pytest.mark.parametrize(
    ("likeness", "verdict"),
    [
        ((0.15, 0.12, 0.18), "pass"),
        ((0.30, 0.25, 0.33), "pass"),
        ((0.30, 0.25, 0.35), "warn"),
        ((0.55, 0.50, 0.60), "warn"),
        ((0.57, 0.50, 0.60), "fail"),
        ((0.95, 0.90, 1.00), "fail"),
    ],
)
def test_maps_must_not_stay_alike_when_everything_is_random(likeness, verdict):
    assert dependent(alike(measured(), *likeness)).verdict == verdict


def test_the_likeness_is_told_from_the_classifier_to_the_whole_beside_chance():
    found = dependent(measured()).statement
    assert "0.39 (0.35 to 0.43) with the classifier random" in found
    assert "0.15 (0.12 to 0.18) with every layer random" in found
    assert "that of unrelated maps is 0.12." in found


def test_a_handful_of_groups_tells_nothing():
    for deletion in (GOOD, NONE):
        assert faithful(asked(measured(), deletion, groups=9)).verdict == "warn"
    for value in (0.1, 0.9):
        assert dependent(alike(measured(), value, value, value, groups=9)).verdict == "warn"


def test_a_model_without_a_heatmap_is_not_asked():
    without = replace(measured(), faithfulness=None, randomisation=None)
    for found in (faithful(without), dependent(without)):
        assert found.verdict == "not-measured"
        assert found.statement.startswith("The model has no class activation map")


def test_a_model_that_has_learned_nothing_is_not_asked():
    answers = replace(measured().predictions, probabilities=np.eye(3)[np.full(300, 1)])
    unlearned = replace(measured(), predictions=answers)
    for found in (faithful(unlearned), dependent(unlearned)):
        assert found.verdict == "not-measured"
        assert "learned nothing" in found.statement


def test_questions_are_questions_and_answers_are_sentences():
    for found in (faithful(measured()), dependent(measured())):
        assert found.title.endswith("?")
        assert found.statement.endswith((".", ".)"))
        assert found.threshold.endswith(".")
