"""The page of an evaluation on other data, from numbers that are made up."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from lungscope.data.overlap import NOT_SEARCHED, Overlap, OverlappingImage
from lungscope.evaluation.assessment import IntervalMethod
from lungscope.evaluation.external import (
    ExternalAssessment,
    LabelCount,
    ModelFacts,
    UnreadFile,
    count_answers,
    measure,
)
from lungscope.evaluation.predictions import Predictions
from lungscope.inference.abstention import AbstentionCode
from lungscope.report.external_page import (
    REFUSAL_WORDS,
    describe_overlap,
    write_external_page,
)

CLASSES = ("Lung Opacity", "Normal", "Viral Pneumonia")


@pytest.fixture(scope="module")
def assessment():
    labels = np.array([0, 1] * 20 + [2] * 20)
    logits = np.random.default_rng(0).normal(0, 1, (60, 3)) + np.eye(3)[labels]
    files = tuple(f"{number}.png" for number in range(60))
    predictions = Predictions.from_logits(CLASSES, files, files, labels, logits)
    sources = ["<x>"] * 40 + [""] * 20
    columns = {"source": sources, "age": ["adult"] * 60}
    return ExternalAssessment(
        model=ModelFacts("tiny abcdef12", "ab" * 32, "exported", CLASSES, 1.5, True),
        data="clinic",
        listed=66,
        labels=(LabelCount("Normal", "Normal", 61), LabelCount("Other", None, 5)),
        overlap=Overlap(("bytes", "picture"), 100, (OverlappingImage("a.png", "picture"),)),
        ungrouped=60,
        columns_left_out=("view",),
        answers=count_answers(sources, [True] * 60, [None] * 59 + ["of-a-later-version"]),
        unread=(UnreadFile("b.png", "is no image"),),
        interval=IntervalMethod(),
        forced=measure(predictions, columns),
        answered=measure(
            predictions.take(range(59)), {"source": sources[:59], "age": ["adult"] * 59}
        ),
    )


@pytest.fixture
def page(assessment, page_of, tmp_path):
    def page(**changes):
        path = write_external_page(replace(assessment, **changes), tmp_path)
        return page_of(path.read_text(encoding="utf-8"))

    return page


def text(page):
    return " ".join(" ".join(page.text.split()).split())


def test_the_page_is_balanced_and_names_what_was_measured(page, assessment):
    said = text(page())
    assert "tiny abcdef12 on clinic" in said
    whole = assessment.forced.whole
    assert f"{whole.balanced_accuracy.value:.3f}" in said
    assert "view" in said
    assert "is no image" in said


def test_names_of_sources_are_escaped_and_unknown_ones_said(assessment, tmp_path):
    content = write_external_page(assessment, tmp_path).read_text(encoding="utf-8")
    assert "&lt;x&gt;" in content
    assert "<x>" not in content
    assert "unknown" in content


def test_every_code_of_an_abstention_has_words():
    assert set(get_args(AbstentionCode)) <= set(REFUSAL_WORDS)


def test_a_code_without_words_is_shown(page):
    assert "of a later version" in text(page())


def test_a_source_of_one_class_is_not_in_the_table_within_a_source(assessment, tmp_path):
    content = write_external_page(assessment, tmp_path).read_text(encoding="utf-8")
    within = content.split('id="within"')[1].split("</tbody>")[0]
    assert "&lt;x&gt;" in within
    assert "unknown" not in within


def test_a_run_says_that_it_does_not_abstain(page, assessment):
    facts = replace(assessment.model, kind="run", abstains=False)
    said = text(page(model=facts, answered=None))
    assert "A run's checkpoint answers for every image" in said
    assert "answered only" not in said


def test_overlap_is_described_by_kind(assessment):
    said = describe_overlap(assessment)
    assert "100 images" in said
    assert "1 image left out, 0 with the same bytes and 1 with the same picture" in said
    assert "Not searched: the same patient" in said


def test_that_overlap_could_not_be_searched_is_said(page):
    assert "cannot be searched" in text(page(overlap=NOT_SEARCHED))


def test_the_same_results_give_the_same_bytes(assessment, tmp_path):
    first = write_external_page(assessment, tmp_path).read_bytes()
    assert write_external_page(assessment, tmp_path).read_bytes() == first
