import json
import math

import numpy as np
import pytest

from lungscope.errors import LungscopeError
from lungscope.export.parity import check_parity, parity_phantoms

LABELS = np.arange(300) % 3


def certain(classes):
    """Logits that name these classes."""
    return np.eye(3)[classes] * 4


def compared(precision="fp32", change=0.0, wrong=(), right=()):
    """A network that errs on images 0 to 29, and a graph that errs on others too, or on fewer."""
    named = LABELS.copy()
    named[:30] = (named[:30] + 1) % 3
    drawn = np.arange(12) % 3
    expected = certain(np.concatenate([named, drawn]))
    named[list(wrong)] = (LABELS[list(wrong)] + 1) % 3
    named[list(right)] = LABELS[list(right)]
    found = np.float32(certain(np.concatenate([named, drawn])))
    found[5, 1] += change
    return check_parity(precision, found, expected, LABELS)


def refusal(parity):
    with pytest.raises(LungscopeError) as refused:
        parity.require()
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_it_counts_what_differs():
    parity = compared("int8", wrong=[40, 41], right=[3])
    assert (parity.radiographs, parity.phantoms) == (300, 12)
    assert parity.largest_logit_difference == 4
    assert parity.equal_decisions == pytest.approx(309 / 312)
    assert parity.accuracy_torch == pytest.approx(0.9)
    assert parity.accuracy_onnx == pytest.approx(0.9 - 1 / 300)
    assert parity.points_lost == pytest.approx(1 / 3)


def test_phantoms_count_as_decisions_but_not_for_the_accuracy():
    expected, found = certain(np.zeros(4, int)), certain(np.array([0, 0, 0, 1]))
    parity = check_parity("int8", found, expected, np.zeros(3, int))
    assert parity.equal_decisions == 0.75
    assert parity.points_lost == 0


def test_in_the_same_precision_logits_are_held_to_a_thousandth():
    compared(change=9e-4).require()
    told = refusal(compared(change=1.1e-3))
    assert "312 images" in told
    assert "up to 0.0011, 0.001 or more" in told
    assert "nothing was written" in told


def test_logits_that_are_no_numbers_are_refused():
    assert "nan" in refusal(compared(change=math.nan))


def test_in_integers_logits_may_differ_but_99_of_100_decisions_are_equal():
    compared("int8", change=0.5).require()
    compared("int8", wrong=[40], right=[0, 1]).require()
    told = refusal(compared("int8", wrong=[40, 41], right=[0, 1]))
    assert "98.7 % of 312 images (at least 99 % is wanted)" in told
    assert "export it in fp32" in told


def test_in_integers_at_most_half_a_point_of_accuracy_is_lost():
    compared("int8", wrong=[40]).require()
    told = refusal(compared("int8", wrong=[40, 41]))
    assert "from 90.00 % to 89.33 % (at most 0.5 points down)" in told


def test_more_accurate_is_no_loss():
    parity = compared("int8", right=[0, 1, 2])
    assert parity.points_lost < 0
    parity.require()


def test_it_is_written_as_json():
    written = compared("int8", wrong=[40]).to_json()
    assert json.loads(json.dumps(written, allow_nan=False)) == written
    assert written["precision"] == "int8"
    assert written["points_lost"] == pytest.approx(1 / 3)


def test_phantoms_are_of_all_classes_and_of_the_networks_size():
    drawn = parity_phantoms(32)
    assert drawn.shape == (12, 32, 32)
    assert drawn.dtype == np.uint8
    assert len(np.unique(drawn, axis=0)) == 12
    assert drawn.std(axis=(1, 2)).min() > 20
    assert np.array_equal(drawn, parity_phantoms(32))
