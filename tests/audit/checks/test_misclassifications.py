import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungscope.audit.checks.misclassifications import GROUPS, GroupScore, find_misclassifications
from lungscope.evaluation.predictions import Predictions


def predictions(own, files=None, sources=()):
    """Two classes; of each image the probability of its own class, "sick"."""
    own = np.array(own)
    files = files or [f"{number}.png" for number in range(len(own))]
    return Predictions(
        classes=("healthy", "sick"),
        files=tuple(files),
        groups=tuple(f"patient of {file}" for file in files),
        labels=np.ones(len(own), dtype=np.int64),
        probabilities=np.stack([1 - own, own], axis=1),
        sources=tuple(sources),
    )


def test_the_largest_losses_among_the_wrong_come_first():
    found = find_misclassifications(predictions([0.4, 0.9, 0.1, 0.51, 0.3]), 2).worst
    assert [misclassified.file for misclassified in found] == ["2.png", "4.png"]


def test_all_that_is_known_of_a_misclassified_image_is_kept():
    (found,) = find_misclassifications(predictions([0.25], ["a.png"], ["adults"])).worst
    assert (found.file, found.group, found.source) == ("a.png", "patient of a.png", "adults")
    assert (found.true, found.predicted) == ("sick", "healthy")
    assert found.probabilities == {"healthy": 0.75, "sick": 0.25}
    assert found.loss == pytest.approx(np.log(4))
    assert json.loads(json.dumps(asdict(found)))["loss"] == found.loss


@pytest.mark.parametrize("sources", [(), ("",)])
def test_an_unknown_source_is_none(sources):
    assert find_misclassifications(predictions([0.25], sources=sources)).worst[0].source is None


def test_ties_are_in_the_order_of_file_names():
    found = find_misclassifications(predictions([0.2, 0.2, 0.2], ["c", "a", "b"]), 2).worst
    assert [misclassified.file for misclassified in found] == ["a", "b"]


def test_without_a_misclassified_image_there_is_none():
    found = find_misclassifications(predictions([0.9, 0.8]))
    assert (found.images, found.worst) == (0, ())


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.integers(0, 25))
def test_no_image_left_out_is_worse(own, count):
    given_ = predictions(own)
    found = {
        misclassified.file: misclassified.loss
        for misclassified in find_misclassifications(given_, count).worst
    }
    wrong = given_.predicted != given_.labels
    assert len(found) == min(count, wrong.sum())
    others = [
        loss
        for file, loss, is_wrong in zip(given_.files, given_.losses, wrong, strict=True)
        if is_wrong and file not in found
    ]
    assert max(others, default=-1) <= min(found.values(), default=np.inf)


def by_group(rows):
    """Of rows (group, true, predicted)."""
    groups, true, predicted = zip(*rows, strict=True)
    return find_misclassifications(
        Predictions(
            classes=("a", "b", "c"),
            files=tuple(f"{number}.png" for number in range(len(rows))),
            groups=tuple(groups),
            labels=np.array(true),
            probabilities=np.eye(3)[list(predicted)],
        )
    )


def test_misclassified_images_are_counted_by_group():
    rows = [("p1", 0, 0), ("p1", 0, 1), ("p2", 1, 1), ("p3", 1, 0), ("p4", 2, 2), ("p5", 2, 2)]
    found = by_group(rows)
    assert found.groups == 5
    assert found.affected.value == 2 / 5
    assert found.by_count == {0: 3, 1: 2}
    assert found.worst_groups == (GroupScore("p3", 1, 1), GroupScore("p1", 2, 1))


def test_the_group_with_most_misclassified_images_comes_first_and_ten_are_named():
    rows = [("many", 0, 1)] * 3 + [(f"p{k:02}", 0, 1) for k in range(20)]
    found = by_group(rows)
    assert found.worst_groups[0] == GroupScore("many", 3, 3)
    assert [score.group for score in found.worst_groups[1:]] == [
        f"p{k:02}" for k in range(GROUPS - 1)
    ]


def test_without_a_misclassified_image_the_proportion_of_groups_still_has_an_interval():
    found = by_group([(f"p{k}", 0, 0) for k in range(30)])
    assert found.worst_groups == ()
    assert found.by_count == {0: 30}
    assert (found.affected.value, found.affected.low) == (0, 0)
    assert found.affected.high > 0.05


ROW = st.tuples(st.sampled_from(["p", "q", "r", "s"]), st.integers(0, 2), st.integers(0, 2))


@given(st.lists(ROW, min_size=1, max_size=30))
def test_the_counts_by_group_add_up(rows):
    found = by_group(rows)
    wrong = sum(true != predicted for _, true, predicted in rows)
    assert sum(found.by_count.values()) == found.groups == len({row[0] for row in rows})
    assert sum(n * count for n, count in found.by_count.items()) == found.images == wrong
