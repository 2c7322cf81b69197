import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungscope.audit.mistakes import worst_mistakes
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
    found = worst_mistakes(predictions([0.4, 0.9, 0.1, 0.51, 0.3]), 2)
    assert [mistake.file for mistake in found] == ["2.png", "4.png"]


def test_all_that_is_known_of_a_mistake_is_told():
    (found,) = worst_mistakes(predictions([0.25], ["a.png"], ["adults"]))
    assert (found.file, found.group, found.source) == ("a.png", "patient of a.png", "adults")
    assert (found.true, found.predicted) == ("sick", "healthy")
    assert found.probabilities == {"healthy": 0.75, "sick": 0.25}
    assert found.loss == pytest.approx(np.log(4))
    assert json.loads(json.dumps(asdict(found)))["loss"] == found.loss


@pytest.mark.parametrize("sources", [(), ("",)])
def test_an_unknown_source_is_none(sources):
    assert worst_mistakes(predictions([0.25], sources=sources))[0].source is None


def test_ties_are_in_the_order_of_file_names():
    found = worst_mistakes(predictions([0.2, 0.2, 0.2], ["c", "a", "b"]), 2)
    assert [mistake.file for mistake in found] == ["a", "b"]


def test_without_a_mistake_there_is_none():
    assert worst_mistakes(predictions([0.9, 0.8])) == ()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.integers(0, 25))
def test_no_image_left_out_is_worse(own, count):
    given_ = predictions(own)
    found = {mistake.file: mistake.loss for mistake in worst_mistakes(given_, count)}
    wrong = given_.predicted != given_.labels
    assert len(found) == min(count, wrong.sum())
    others = [
        loss
        for file, loss, is_wrong in zip(given_.files, given_.losses, wrong, strict=True)
        if is_wrong and file not in found
    ]
    assert max(others, default=-1) <= min(found.values(), default=np.inf)
