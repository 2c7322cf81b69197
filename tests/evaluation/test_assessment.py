import json
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss, roc_auc_score

from damaged_files import TEXTS, damaged, replaced
from lungscope.errors import InvalidData, LungscopeError
from lungscope.evaluation.assessment import Assessment, assess
from lungscope.evaluation.metrics import METRICS
from lungscope.models.temperature import fit_temperature


@pytest.fixture(scope="module")
def overconfident(simulated):
    """Twice as sure as it ought to be: (test, validation) at temperature 1."""
    return simulated(400, sharpness=2.0, seed=1), simulated(400, sharpness=2.0, seed=2)


def test_calibration_is_told_before_and_after_the_temperature(overconfident):
    test, validation = overconfident
    fitted = fit_temperature(np.log(validation.probabilities), validation.labels).value
    assert fitted == pytest.approx(2, rel=0.15)
    found = assess(test.tempered(fitted), validation.tempered(fitted), fitted, "test")
    before, after = found.calibration.uncalibrated, found.calibration.calibrated
    assert before.nll.value == pytest.approx(log_loss(test.labels, test.probabilities))
    assert after.nll.value == pytest.approx(
        log_loss(test.labels, test.tempered(fitted).probabilities)
    )
    assert after.nll.value < before.nll.value
    assert after.ece_top_label.value < before.ece_top_label.value
    assert found.overall["loss"].value == pytest.approx(after.nll.value)


def test_thresholds_come_from_validation_and_not_from_the_images_assessed(overconfident):
    test, validation = overconfident
    found = assess(test, validation, 1.0, "test")
    for each in found.selective.answering:
        confidence = validation.probabilities.max(axis=1)
        taken = confidence >= each.found.threshold
        right = validation.predicted == validation.labels
        assert right[taken].mean() >= each.wanted
        assert each.found.coverage.value == pytest.approx(
            (test.probabilities.max(axis=1) >= each.found.threshold).mean()
        )
    for point in found.operating_points.points:
        label = validation.classes.index(point.of)
        own = validation.probabilities[validation.labels == label, label]
        assert (own >= point.threshold).mean() >= 0.95


def test_an_accuracy_that_no_threshold_reaches_is_said_to_be_so(answers):
    wrong = answers([[0.9, 0.1], [0.8, 0.2]], [1, 1])
    found = assess(wrong, wrong, 1.0, "validation")
    assert [each.found for each in found.selective.answering] == [None, None]
    json.dumps(found.to_json(), allow_nan=False)


def test_a_class_that_validation_lacks_has_no_operating_point(answers):
    test = answers([[0.9, 0.1], [0.2, 0.8]], [0, 1])
    validation = answers([[0.9, 0.1], [0.8, 0.2]], [0, 0])
    found = assess(test, validation, 1.0, "test")
    assert [point.of for point in found.operating_points.points] == ["a"]


def test_the_json_holds_every_number_and_its_subset(overconfident):
    test, validation = overconfident
    found = assess(test, validation, 1.25, "test")
    written = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert written["subset"] == "test"
    assert written["temperature"] == 1.25
    assert written["interval"] == {
        "method": "group-bootstrap",
        "level": 0.95,
        "draws": 2000,
        "wilson_below_groups": 10,
    }
    assert list(written["overall"]) == list(METRICS)
    assert written["overall"]["loss"].keys() == {"value", "low", "high"}
    assert written["by_class"]["a"].keys() == {"precision", "recall", "f1"}
    assert written["confusion"]["classes"] == ["a", "b", "c"]
    assert written["one_vs_rest"]["by_class"]["a"]["auroc"]["value"] == pytest.approx(
        roc_auc_score(test.labels == 0, test.probabilities[:, 0])
    )
    assert set(written["calibration"]) == {"uncalibrated", "calibrated"}
    assert written["selective"]["answering"][0]["wanted"] == 0.95
    assert len(written["operating_points"]["points"]) == 3


@pytest.fixture(scope="module")
def assessed(overconfident):
    return assess(*overconfident, 1.25, "test", weights_sha256="83ec07a5")


def test_an_assessment_comes_back_as_it_was_saved(assessed, tmp_path):
    assessed.save(tmp_path / "metrics.json")
    assert Assessment.load(tmp_path / "metrics.json") == assessed


def test_what_is_not_defined_comes_back_too(answers, tmp_path):
    one = answers([[0.9, 0.1], [0.8, 0.2]], [0, 0])
    found = assess(one, one, 1.0, "validation")
    assert found.one_vs_rest.macro["auroc"] is None
    found.save(tmp_path / "metrics.json")
    assert Assessment.load(tmp_path / "metrics.json") == found


def test_misclassified_images_are_those_off_the_diagonal(assessed, overconfident):
    test, _ = overconfident
    assert assessed.misclassified == (test.predicted != test.labels).sum()
    assert assessed.most_frequent == np.bincount(test.labels).max() / len(test.labels)
    assert assessed.accuracy == assessed.overall["accuracy"]


@pytest.fixture
def load(tmp_path):
    """Reads a value as if it were `metrics.json`."""

    def load(value):
        path = tmp_path / "metrics.json"
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return Assessment.load(path)

    return load


@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(data=st.data())
def test_a_damaged_file_is_one_line_and_never_a_traceback(load, assessed, data):
    value = data.draw(damaged(json.loads(json.dumps(assessed.to_json()))))
    message = None
    try:
        load(value)
    except LungscopeError as error:
        message = str(error)
    assert message is None or ("\n" not in message and len(message) < 400)


@pytest.mark.parametrize(
    ("path", "new", "message"),
    [
        (("images",), 401, "confusion is not of 401 images"),
        (("images",), 10**13, "not plausible"),
        (("groups",), 401, "401 groups are not plausible"),
        (("confusion", "counts", 0), [1, 2], "confusion is not 3 x 3 counts"),
        (("confusion", "counts", 0, 0), -1, "confusion is not 3 x 3 counts"),
        (("confusion", "counts", 0, 0), 1.5, "confusion.counts.0.0"),
        (("subset",), "exam", "subset"),
        (("overall",), {}, "overall: accuracy is missing"),
        (("overall", "loss", "value"), "0.5", "overall.loss.value"),
        (("by_class",), {}, "by_class: a is missing"),
        (("by_class", "a"), {}, "by_class.a: precision is missing"),
        (("one_vs_rest", "by_class", "b"), {}, "one_vs_rest.by_class.b: sensitivity is missing"),
        (("one_vs_rest", "macro"), {}, "one_vs_rest.macro: sensitivity is missing"),
        (("one_vs_rest", "prevalence"), {}, "one_vs_rest.prevalence: a is missing"),
        (("temperature",), None, "temperature"),
    ],
)
def test_what_does_not_fit_together_is_refused_by_name(load, assessed, path, new, message):
    value = json.loads(json.dumps(assessed.to_json()))
    with pytest.raises(InvalidData, match=re.escape(message)) as refused:
        load(replaced(value, path, new))
    assert "write it again with Run.evaluate(force=True)" in str(refused.value)


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_no_such_file_is_refused(load, text):
    with pytest.raises(InvalidData, match=r"metrics\.json: damaged .*Run\.evaluate\(force=True\)"):
        load(text)
