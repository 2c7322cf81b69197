import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungscope.inference.lung_field import LUNG_FIELD_CODES, LungField, describe_lung_field


def field(left=1.0, right=1.0, size=(100, 80), min_plausibility=0.9):
    """Two lungs of an eighth of the image each, inside with these probabilities."""
    probabilities = np.zeros((3, 64, 64), dtype=np.float32)
    probabilities[0, 16:48, 4:20] = left
    probabilities[1, 16:48, 44:60] = right
    probabilities[2, 16:32] = 1
    return LungField(probabilities, *size, min_plausibility)


def test_the_mask_is_on_the_radiographs_own_pixels():
    mask = field().mask
    assert mask.shape == (100, 80)
    assert mask.dtype == bool
    assert mask.mean() == pytest.approx(0.25, abs=0.01)
    assert mask[50, 15]
    assert not mask[50, 40]
    assert not mask[10, 15]


def test_sides_are_those_of_the_image():
    left, right = field().resampled_sides(64, 64)
    assert np.argwhere(left)[:, 1].max() == 19
    assert np.argwhere(right)[:, 1].min() == 44
    assert np.array_equal(left | right, field().resampled(64, 64))


def test_areas_are_shares_of_the_image():
    assert (field().left_area, field().right_area) == (0.125, 0.125)
    assert field(right=0.4).right_area == 0


def test_the_lungs_without_the_heart_are_apart():
    assert field(size=(64, 64)).mask_without_heart.sum() == 16 * 64


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (field(), None),
        (field(right=0.0), "lung-not-found"),
        (field(left=0.4), "lung-not-found"),
        (field(left=0.6), "lungs-uncertain"),
        (field(left=0.6, min_plausibility=0.7), None),
    ],
)
def test_a_field_is_used_if_both_lungs_are_there_and_certain(found, code):
    assert found.implausible == code


@given(st.floats(0.515625, 1, width=32))
def test_the_plausibility_is_the_dice_to_expect(certainty):
    # of 100 pixels with this probability, 2 * 100 p / (100 + 100 p)
    expected = 2 * certainty / (1 + certainty)
    assert field(left=certainty).plausibility == pytest.approx(expected, abs=1e-6)


def test_every_code_has_words():
    assert len({describe_lung_field(code) for code in LUNG_FIELD_CODES}) == len(LUNG_FIELD_CODES)
