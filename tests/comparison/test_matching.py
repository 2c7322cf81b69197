from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lungscope.comparison.matching import match_predictions
from lungscope.errors import LungscopeError
from lungscope.evaluation.predictions import Predictions

CLASSES = ("Lung Opacity", "Normal", "Viral Pneumonia")


def made(count=12, seed=0):
    generator = np.random.default_rng(seed)
    return Predictions.from_logits(
        CLASSES,
        tuple(f"{row:02}.png" for row in range(count)),
        tuple(f"g{row % 4}" for row in range(count)),
        np.arange(count) % 3,
        generator.normal(size=(count, 3)),
    )


def shuffled(predictions, rows, columns):
    classes = [predictions.classes[k] for k in columns]
    return Predictions(
        tuple(classes),
        tuple(predictions.files[row] for row in rows),
        tuple(predictions.groups[row] for row in rows),
        np.array([classes.index(predictions.classes[predictions.labels[row]]) for row in rows]),
        predictions.probabilities[np.ix_(rows, columns)],
    )


@settings(deadline=None, max_examples=50)
@given(st.permutations(range(12)), st.permutations(range(3)))
def test_neither_the_order_of_images_nor_that_of_classes_matters(rows, columns):
    straight = match_predictions({"A": made(seed=1), "B": made()})["B"]
    other = match_predictions({"A": made(seed=1), "B": shuffled(made(), rows, columns)})["B"]
    assert (other.classes, other.files, other.groups) == (CLASSES, straight.files, straight.groups)
    assert np.array_equal(other.labels, straight.labels)
    assert np.array_equal(other.probabilities, straight.probabilities)


def refusal(one, other):
    with pytest.raises(LungscopeError) as refused:
        match_predictions({"A": one, "B": other})
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_other_images_are_refused_with_how_many_and_which():
    other = shuffled(made(), range(2, 12), range(3))
    other = replace(other, files=(*other.files[:-1], "new.png"))
    said = refusal(made(), other)
    assert "3 only of A, such as '00.png'; 1 only of B, such as 'new.png'" in said
    assert "with the same split" in said


def test_fewer_images_are_refused():
    said = refusal(made(), made(9))
    assert "3 only of A, such as '09.png'" in said
    assert "of B" not in said


def test_another_label_of_the_same_file_is_refused():
    labels = made().labels.copy()
    labels[4] = 2
    said = refusal(made(), replace(made(), labels=labels))
    assert "1 have another class: '04.png' is 'Normal' for A and 'Viral Pneumonia' for B" in said


def test_another_group_of_the_same_file_is_refused():
    groups = ("other", *made().groups[1:])
    said = refusal(made(), replace(made(), groups=groups))
    assert "1 have another group: '00.png' is 'g0' for A and 'other' for B" in said


def test_other_classes_are_refused():
    said = refusal(made(), replace(made(), classes=("Lung Opacity", "Normal", "COVID")))
    assert "COVID" in said
    assert "same classes" in said


def test_a_file_that_is_twice_is_refused():
    twice = replace(made(), files=("00.png", "00.png", *made().files[2:]))
    assert "A: '00.png' is twice" in refusal(twice, twice)
