import json

import numpy as np
import pytest

from lungscope.data.overlap import Overlap, OverlappingImage
from lungscope.errors import InvalidData
from lungscope.evaluation.assessment import IntervalMethod
from lungscope.evaluation.evaluation import evaluate
from lungscope.evaluation.external import (
    ExternalAssessment,
    LabelCount,
    ModelFacts,
    UnreadFile,
    count_answers,
    measure,
)
from lungscope.evaluation.metrics import METRICS
from lungscope.evaluation.predictions import Predictions

CLASSES = ("Lung Opacity", "Normal", "Viral Pneumonia")


def a_sample(labels, seed=0):
    labels = np.asarray(labels)
    logits = np.random.default_rng(seed).normal(0, 1, (len(labels), len(CLASSES)))
    logits[np.arange(len(labels)), labels] += 1
    files = tuple(f"{number}.png" for number in range(len(labels)))
    return Predictions.from_logits(CLASSES, files, files, labels, logits)


@pytest.fixture(scope="module")
def assessment():
    predictions = a_sample([0, 1, 2] * 10)
    measured = measure(predictions, {"source": ["x", "y"] * 15, "age": ["child"] * 30})
    return ExternalAssessment(
        model=ModelFacts("tiny abcdef12", "ab" * 32, "exported", CLASSES, 1.5, True),
        data="clinic",
        listed=40,
        labels=(LabelCount("Normal", "Normal", 35), LabelCount("Other", None, 5)),
        overlap=Overlap(("bytes", "picture"), 100, (OverlappingImage("a.png", "picture"),)),
        ungrouped=30,
        columns_left_out=("view",),
        answers=count_answers(["x", "y"] * 15, [True] * 30, [None] * 29 + ["low-confidence"]),
        unread=(UnreadFile("b.png", "is no image"),),
        interval=IntervalMethod(),
        forced=measured,
        answered=None,
    )


def test_with_all_classes_the_metrics_are_those_of_an_evaluation():
    predictions = a_sample([0, 1, 2] * 10)
    assert measure(predictions, {}).overall == evaluate(predictions).overall


def test_plain_means_over_classes_are_left_out_where_a_class_is_absent():
    found = measure(a_sample([0, 1] * 10), {}).overall
    assert set(METRICS) - set(found) == {"precision_macro", "recall_macro", "f1_macro"}


def test_the_whole_is_the_sum_of_its_parts(assessment):
    for parts in assessment.forced.parts.values():
        assert sum(part.images for part in parts) == assessment.forced.whole.images
    assert assessment.forced.by("source", "x").images == 15
    assert assessment.forced.by("source", "z") is None


def test_answers_are_counted_by_source_and_code():
    found = count_answers(
        ["b", "a", "b", "b"],
        [True, True, False, True],
        ["low-confidence", None, "unreadable", None],
    )
    assert [(each.source, each.images, each.read, each.answered) for each in found] == [
        ("a", 1, 1, 1),
        ("b", 3, 2, 1),
    ]
    assert found[1].refused == {"low-confidence": 1, "unreadable": 1}


def test_what_is_written_is_read_again(assessment, tmp_path):
    assessment.save(tmp_path / "external.json")
    assert ExternalAssessment.load(tmp_path / "external.json") == assessment
    written = json.loads((tmp_path / "external.json").read_text())
    assert written == json.loads(json.dumps(assessment.to_json()))
    assert assessment.left_out == 5
    assert assessment.asked == 30


def test_a_damaged_file_is_refused(assessment, tmp_path):
    value = assessment.to_json() | {"forced": None}
    (tmp_path / "external.json").write_text(json.dumps(value))
    with pytest.raises(InvalidData, match=r"external\.json: damaged"):
        ExternalAssessment.load(tmp_path / "external.json")
