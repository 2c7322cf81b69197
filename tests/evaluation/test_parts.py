"""Metrics of a part of the images, against scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import recall_score, roc_auc_score

from lungscope.data.classes import find_normal
from lungscope.evaluation.parts import measure_part, measure_parts
from lungscope.evaluation.predictions import Predictions

CLASSES = ("Lung Opacity", "Normal", "Viral Pneumonia")


def a_sample(labels, seed=0, classes=CLASSES, groups=None, skill=1.5):
    labels = np.asarray(labels)
    logits = np.random.default_rng(seed).normal(0, 1, (len(labels), len(classes)))
    logits[np.arange(len(labels)), labels] += skill
    files = tuple(f"{number}.png" for number in range(len(labels)))
    return Predictions.from_logits(classes, files, groups or files, labels, logits)


@pytest.fixture(scope="module")
def two_of_three():
    """Images of two of three classes, the third of which is predicted for some."""
    return a_sample([0] * 40 + [2] * 60)


def test_an_absent_class_is_not_counted_as_0(two_of_three):
    found = measure_part(two_of_three)
    assert 1 in two_of_three.predicted
    expected = recall_score(
        two_of_three.labels, two_of_three.predicted, labels=[0, 2], average=None
    )
    assert [each.value for each in found.recall.values()] == pytest.approx(list(expected))
    assert found.balanced_accuracy.value == pytest.approx(expected.mean())
    assert list(found.recall) == ["Lung Opacity", "Viral Pneumonia"]


def test_of_one_class_balanced_accuracy_is_its_recall_with_its_interval():
    found = measure_part(a_sample([2] * 50))
    assert found.balanced_accuracy == found.recall["Viral Pneumonia"] == found.accuracy
    assert found.pairs == ()
    assert found.auroc == {}
    assert found.sick_auroc is None


def test_overconfidence_is_the_mean_confidence_less_the_accuracy():
    predictions = a_sample([0, 1, 2] * 40)
    sure = predictions.tempered(0.25)  # the same answers, given with more certainty
    for each in (predictions, sure):
        found = measure_part(each)
        expected = each.probabilities.max(axis=1).mean() - (each.predicted == each.labels).mean()
        assert found.overconfidence.value == pytest.approx(expected)
        assert found.overconfidence.low < expected < found.overconfidence.high
    assert measure_part(sure).overconfidence.value > measure_part(predictions).overconfidence.value


def test_the_overconfidence_of_one_patients_images_has_no_interval():
    assert not measure_part(a_sample([0, 1, 2], groups=("a",) * 3)).overconfidence.has_interval


def test_sick_or_not_is_ranked_by_1_minus_the_probability_of_normal():
    predictions = a_sample([0, 1, 2] * 30, skill=0.5)
    found = measure_part(predictions)
    sick = predictions.labels != 1
    expected = roc_auc_score(sick, 1 - predictions.probabilities[:, 1])
    assert found.sick_auroc.value == pytest.approx(expected)
    assert found.sick_auroc.low < expected < found.sick_auroc.high


def test_without_a_class_named_normal_there_is_no_sick_or_not():
    assert measure_part(a_sample([0, 1, 2] * 5, classes=("a", "b", "c"))).sick_auroc is None
    assert find_normal(("a", "NORMAL")) == 1
    assert find_normal(("a", "Abnormal")) is None


def test_two_classes_are_ranked_by_their_share_of_the_probability():
    predictions = a_sample([0, 1, 2] * 30, skill=0.5)
    found = {(each.first, each.second): each.auroc for each in measure_part(predictions).pairs}
    assert len(found) == 3
    rows = predictions.labels != 1
    probabilities = predictions.probabilities[rows]
    share = probabilities[:, 0] / (probabilities[:, 0] + probabilities[:, 2])
    expected = roc_auc_score(predictions.labels[rows] == 0, share)
    assert found["Lung Opacity", "Viral Pneumonia"].value == pytest.approx(expected)


def test_probabilities_of_0_of_both_classes_are_a_tie_not_a_fault():
    probabilities = np.array([[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    files = ("a", "b")
    found = measure_part(Predictions(CLASSES, files, files, np.array([0, 2]), probabilities))
    assert found.pairs[0].auroc.value == 0.5


def test_an_auroc_of_few_groups_leaves_room_for_doubt():
    perfect = a_sample([0] * 3 + [1] * 40, skill=50)
    found = measure_part(perfect).sick_auroc
    assert found.value == 1
    assert found.low < 0.6  # Wilson's of 3 observations


def test_intervals_are_over_groups():
    labels = [0, 1] * 60
    alone = measure_part(a_sample(labels, skill=0.5)).accuracy
    groups = tuple(str(number // 2 // 4) for number in range(120))
    together = measure_part(a_sample(labels, skill=0.5, groups=groups))
    assert together.groups == 15
    assert together.accuracy.value == alone.value
    assert together.accuracy != alone


def test_parts_are_measured_apart_and_in_order():
    predictions = a_sample([0, 1, 2] * 10)
    cells = ["b", "a", ""] * 10
    found = measure_parts(predictions, cells)
    assert [part.value for part in found] == ["", "a", "b"]
    for part, label in zip(found, (2, 1, 0), strict=True):
        rows = np.flatnonzero(predictions.labels == label)
        assert part == measure_part(predictions.take(rows), part.value)
