import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_sources import Study, apart, crossed

from lungscope.audit.checks.subgroups import AbsentClass, compute_by_source
from lungscope.evaluation.predictions import Predictions

CLASSES = ("Normal", "Opacity", "Viral")


def predictions(rows, classes=CLASSES):
    """Of rows (source, group, true, predicted)."""
    sources, groups, true, predicted = zip(*rows, strict=True)
    return Predictions(
        classes=classes,
        files=tuple(f"{number}.png" for number in range(len(rows))),
        groups=tuple(groups),
        labels=np.array(true),
        probabilities=np.eye(len(classes))[list(predicted)],
        sources=tuple(sources),
    )


def of_counts(**counts):
    """One class; a source for each (right, wrong), every image a group of its own."""
    return predictions(
        [
            (source, f"{source} {number}", 0, int(number >= right))
            for source, (right, wrong) in counts.items()
            for number in range(right + wrong)
        ]
    )


ADULTS_AND_CHILDREN = predictions(
    [
        ("adults", "p1", 0, 0),
        ("adults", "p1", 0, 1),
        ("adults", "p2", 1, 1),
        ("adults", "p2", 1, 1),
        ("adults", "p3", 1, 0),
        ("children", "p4", 0, 0),
        ("children", "p4", 2, 2),
        ("children", "p5", 2, 2),
    ]
)


def test_a_small_table_by_hand():
    adults, children = compute_by_source(ADULTS_AND_CHILDREN).sources
    assert (adults.source, children.source) == ("adults", "children")
    cell = adults.accuracy
    assert (cell.images, cell.groups, cell.misclassified, cell.correct.value) == (5, 3, 2, 3 / 5)
    cell = adults.recall["Opacity"]
    assert (cell.images, cell.groups, cell.misclassified) == (3, 2, 1)
    assert cell.correct.value == pytest.approx(2 / 3)
    cell = children.recall["Viral"]
    assert (cell.images, cell.groups, cell.misclassified, cell.correct.value) == (2, 2, 0, 1)


def test_a_class_without_an_image_from_a_source_is_unknown_and_said_so():
    found = compute_by_source(ADULTS_AND_CHILDREN)
    adults, children = found.sources
    assert adults.recall["Viral"] is None
    assert children.recall["Opacity"] is None
    assert found.absent == (
        AbsentClass("Opacity", "children"),
        AbsentClass("Viral", "adults"),
    )


def test_a_class_is_compared_only_where_two_sources_have_it():
    gaps = compute_by_source(ADULTS_AND_CHILDREN).recall_gaps
    assert gaps["Opacity"] is None
    assert gaps["Viral"] is None
    assert (gaps["Normal"].higher, gaps["Normal"].lower) == ("children", "adults")
    assert gaps["Normal"].difference.value == 0.5


def test_without_a_source_there_is_no_table():
    nowhere = predictions([("", "p1", 0, 0), ("", "p2", 1, 1)])
    assert compute_by_source(nowhere) is None
    unnamed = Predictions(CLASSES, ("1.png",), ("p",), np.array([0]), np.eye(3)[[0]])
    assert compute_by_source(unnamed) is None


def test_one_source_has_no_gap():
    found = compute_by_source(predictions([("adults", "p1", 0, 0), ("adults", "p2", 1, 0)]))
    assert found.accuracy_gap is None
    assert set(found.recall_gaps.values()) == {None}


def test_images_without_a_source_beside_others_are_a_row_of_their_own():
    found = compute_by_source(predictions([("adults", "p1", 0, 0), ("", "p2", 1, 0)]))
    assert [each.source for each in found.sources] == ["adults", "unknown"]


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_the_gaps_interval_is_newcombes_published_one(first, second, low, high):
    """Statistics in Medicine 17 (1998) 873-890, table II, method 10."""
    counts = {"a": (first[0], first[1] - first[0]), "b": (second[0], second[1] - second[0])}
    found = compute_by_source(of_counts(**counts)).accuracy_gap
    assert found.difference.value == pytest.approx(first[0] / first[1] - second[0] / second[1])
    ends = (found.difference.low, found.difference.high)
    if found.higher == "b":  # of equals either may be named first
        ends = (-ends[1], -ends[0])
    assert ends == pytest.approx((low, high), abs=0.00006)


def test_a_source_of_two_images_does_not_hide_a_gap_between_large_ones():
    found = compute_by_source(
        of_counts(large=(190, 10), other=(100, 100), tiny=(0, 1))
    ).accuracy_gap
    assert (found.higher, found.lower) == ("large", "other")
    assert found.difference.low > 0.3


def test_an_interval_chosen_among_many_pairs_is_wider():
    two = compute_by_source(of_counts(a=(90, 10), b=(60, 40))).accuracy_gap
    four = compute_by_source(of_counts(a=(90, 10), b=(60, 40), c=(75, 25), d=(75, 25))).accuracy_gap
    assert (two.higher, two.lower) == (four.higher, four.lower) == ("a", "b")
    assert four.difference.low < two.difference.low
    assert four.difference.high > two.difference.high


def test_gaps_of_sources_that_do_not_differ_rarely_leave_0_out():
    rng = np.random.default_rng(0)
    missed = 0
    for _ in range(24):
        rights = rng.binomial(30, 0.8, 4)
        counts = {name: (int(n), 30 - int(n)) for name, n in zip("abcd", rights, strict=True)}
        missed += compute_by_source(of_counts(**counts)).accuracy_gap.difference.low > 0
    assert missed <= 3


def test_all_of_it_is_json():
    text = json.dumps(asdict(compute_by_source(ADULTS_AND_CHILDREN)), allow_nan=False)
    assert json.loads(text)["sources"][0]["recall"]["Viral"] is None


IMAGE = st.tuples(
    st.sampled_from(["", "a", "b", "c"]),
    st.sampled_from(["p", "q", "r", "s"]),
    st.integers(0, 2),
    st.integers(0, 2),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(IMAGE, min_size=1, max_size=30))
def test_the_counts_add_up_and_no_interval_is_empty(rows):
    found = compute_by_source(predictions(rows))
    wrong = sum(true != predicted for _, _, true, predicted in rows)
    if found is None:
        assert not any(row[0] for row in rows)
        return
    assert sum(each.accuracy.images for each in found.sources) == len(rows)
    assert sum(each.accuracy.misclassified for each in found.sources) == wrong
    for each in found.sources:
        cells = [cell for cell in each.recall.values() if cell is not None]
        assert sum(cell.images for cell in cells) == each.accuracy.images
        assert sum(cell.misclassified for cell in cells) == each.accuracy.misclassified
        for cell in (each.accuracy, *cells):
            assert cell.correct.low < cell.correct.high
            assert cell.correct.value == pytest.approx(1 - cell.misclassified / cell.images)
    assert len(found.absent) == sum(c is None for e in found.sources for c in e.recall.values())
    for gap in (found.accuracy_gap, *found.recall_gaps.values()):
        if gap is not None:
            assert -1 <= gap.difference.low <= gap.difference.value <= gap.difference.high <= 1
            assert gap.difference.value >= 0
            assert gap.difference.low < gap.difference.high


def test_sources_alike_pass_on_many_images_and_are_in_doubt_on_few():
    assert Study(crossed(600)).source_finding().verdict == "pass"
    few = Study(crossed(9)).source_finding()
    assert few.verdict == "warn"
    assert "points in recall of a cannot be excluded: too few images." in few.statement


def test_a_third_source_of_few_images_leaves_a_gap_that_is_not_excluded():
    counts = crossed(600) | {(name, "east"): 9 for name in "abc"}
    assert Study(counts).source_finding().verdict == "warn"


def test_a_certain_gap_warns_or_fails_and_names_no_doubt():
    found = Study(crossed(60), wrong=("south",)).source_finding()
    assert found.verdict == "fail"
    assert "north is above south by +" in found.statement
    assert "excluded" not in found.statement


def test_a_gap_between_sources_that_are_the_classes_is_one_between_classes():
    found = Study(apart(600)).source_finding()
    assert found.verdict == "not-measured"
    assert "No class has test images of two sources" in found.statement
    assert Study(apart(600), wrong=("east",)).source_finding().verdict == "fail"


def test_a_model_that_has_learned_nothing_is_not_praised_for_being_so_everywhere():
    found = Study(crossed(600), majority=1.0).source_finding()
    assert found.verdict == "not-measured"
    assert "no better than the 100.0 % of always predicting" in found.statement
