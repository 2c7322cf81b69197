import json

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from lungscope.evaluation.assessment import assess
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
    before, after = found.uncalibrated, found.calibrated
    assert before.nll.value == pytest.approx(log_loss(test.labels, test.probabilities))
    assert after.nll.value == pytest.approx(
        log_loss(test.labels, test.tempered(fitted).probabilities)
    )
    assert after.nll.value < before.nll.value
    assert after.ece_top_label.value < before.ece_top_label.value
    assert found.evaluation.overall["loss"].value == pytest.approx(after.nll.value)


def test_thresholds_come_from_validation_and_not_from_the_images_assessed(overconfident):
    test, validation = overconfident
    found = assess(test, validation, 1.0, "test")
    for each in found.answering:
        confidence = validation.probabilities.max(axis=1)
        taken = confidence >= each.found.threshold
        right = validation.predicted == validation.labels
        assert right[taken].mean() >= each.wanted
        assert each.found.coverage.value == pytest.approx(
            (test.probabilities.max(axis=1) >= each.found.threshold).mean()
        )
    for point in found.operating_points:
        label = validation.classes.index(point.of)
        own = validation.probabilities[validation.labels == label, label]
        assert (own >= point.threshold).mean() >= 0.95


def test_an_accuracy_that_no_threshold_reaches_is_said_to_be_so(answers):
    wrong = answers([[0.9, 0.1], [0.8, 0.2]], [1, 1])
    found = assess(wrong, wrong, 1.0, "validation")
    assert [each.found for each in found.answering] == [None, None]
    json.dumps(found.to_json(), allow_nan=False)


def test_a_class_that_validation_lacks_has_no_operating_point(answers):
    test = answers([[0.9, 0.1], [0.2, 0.8]], [0, 1])
    validation = answers([[0.9, 0.1], [0.8, 0.2]], [0, 0])
    found = assess(test, validation, 1.0, "test")
    assert [point.of for point in found.operating_points] == ["a"]


def test_the_json_holds_every_number_and_its_subset(overconfident):
    test, validation = overconfident
    found = assess(test, validation, 1.25, "test")
    written = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert written["subset"] == "test"
    assert written["temperature"] == 1.25
    assert written["one_vs_rest"]["by_class"]["a"]["auroc"]["value"] == pytest.approx(
        roc_auc_score(test.labels == 0, test.probabilities[:, 0])
    )
    assert set(written["calibration"]) == {"uncalibrated", "calibrated"}
    assert written["selective"]["answering"][0]["wanted"] == 0.95
    assert len(written["operating_points"]["points"]) == 3
