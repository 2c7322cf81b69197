"""PPV, sensitivity and alarms of readers' verdicts."""

import json

import numpy as np
import pytest
from scipy.stats import binom

from lungscope.errors import InvalidData, InvalidSetting
from lungscope.feedback import Judgement, assess_feedback

ROWS = [
    *[Judgement("Normal", "accept")] * 8,
    *[Judgement("Normal", "correct", "Lung Opacity")] * 2,
    *[Judgement("Lung Opacity", "accept")] * 5,
    Judgement("Lung Opacity", "reject"),
    Judgement(None, "correct", "Lung Opacity"),
    Judgement(None, "reject"),
    Judgement("Normal", None),
]


def test_it_counts_what_readers_say():
    found = assess_feedback(ROWS)
    assert (found.answers, found.judged, found.abstained, found.rejected) == (19, 18, 2, 1)
    assert found.ppv.value == 13 / 16
    opacity, normal = found.classes["Lung Opacity"], found.classes["Normal"]
    assert (opacity.named, opacity.ppv.value) == (6, 5 / 6)
    assert (opacity.present, opacity.abstained, opacity.sensitivity.value) == (8, 1, 5 / 7)
    assert (normal.named, normal.ppv.value) == (10, 0.8)
    assert (normal.present, normal.sensitivity.value) == (8, 1)


def test_an_alarm_says_which_error_and_since_when():
    rows = [Judgement("Normal", "accept", judged=f"2026-01-{day:02}") for day in range(1, 29)]
    rows += [
        Judgement("Normal", "correct", "Lung Opacity", judged=f"2026-02-{day:02}")
        for day in range(1, 15)
    ]
    found = assess_feedback(rows)
    assert found.alarms == ("wrong answers", "missed Lung Opacity")
    monitor = found.monitors["wrong answers"]
    assert monitor.alarm is not None
    assert monitor.judged == rows[monitor.alarm - 1].judged
    assert (monitor.errors, monitor.verdicts) == (14, 42)
    assert found.monitors["missed Normal"].alarm is None


def test_an_alarm_stays_when_better_times_follow():
    bad = [Judgement("Normal", "reject")] * 10
    first = assess_feedback(bad)
    later = assess_feedback(bad + [Judgement("Normal", "accept")] * 500)
    assert first.monitors["wrong answers"].alarm == later.monitors["wrong answers"].alarm


def test_a_class_that_appears_late_changes_nothing_of_what_was_said():
    rows = [Judgement("Normal", "accept"), Judgement("Opacity", "accept")] * 20
    late = [*rows, Judgement("Viral Pneumonia", "accept")]
    before, after = assess_feedback(rows), assess_feedback(late)
    for name, monitor in before.monitors.items():
        assert after.monitors[name].limit == monitor.limit
    assert sum(1 / each.limit for each in after.monitors.values()) <= 0.05


def test_false_alarms_of_all_monitors_together_are_rare():
    generator = np.random.default_rng(0)
    classes = np.array(["Lung Opacity", "Normal", "Viral Pneumonia"])

    def judgement(truth, wrong):
        if not wrong:
            return Judgement(truth, "accept")
        other = generator.choice(classes[classes != truth])
        return Judgement(str(other), "correct", truth)

    false = 0
    for _ in range(100):
        truths = generator.choice(classes, 300)
        rows = [judgement(str(t), generator.random() < 0.1) for t in truths]
        false += bool(assess_feedback(rows, tolerated_misses=0.1).alarms)
    assert false <= binom.ppf(0.999, 100, 0.05)


def test_it_can_be_written_as_json():
    written = json.loads(json.dumps(assess_feedback(ROWS).to_json(), allow_nan=False))
    assert written["classes"]["Normal"]["ppv"]["value"] == 0.8
    assert written["monitors"]["wrong answers"]["evidence"] > 0
    assert written["alarms"] == []


def test_a_class_that_was_never_named_has_no_ppv():
    rows = [*[Judgement("Normal", "accept")] * 3, Judgement("Normal", "correct", "Lung Opacity")]
    found = assess_feedback(rows)
    assert str(found.classes["Lung Opacity"].ppv) == "undefined"
    json.dumps(found.to_json(), allow_nan=False)


@pytest.mark.parametrize("tolerated", [0, 1, -0.1, float("nan")])
def test_a_tolerated_proportion_is_between_0_and_1(tolerated):
    with pytest.raises(InvalidSetting, match="between 0 and 1"):
        assess_feedback(ROWS, tolerated_errors=tolerated)


def test_without_verdicts_or_of_several_models_it_is_refused():
    with pytest.raises(InvalidData, match="no answer has a verdict"):
        assess_feedback([Judgement("Normal", None)])
    mixed = [Judgement("Normal", "accept", model="a"), Judgement("Normal", "accept", model="b")]
    with pytest.raises(InvalidData, match="2 models"):
        assess_feedback(mixed)


def test_it_shows_itself():
    found = assess_feedback(ROWS)
    assert repr(found) == "Agreement(18 of 19 answers judged; alarms: none)"
    assert "80.0" in found._repr_html_()
