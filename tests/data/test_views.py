import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungscope.data.survey import ANGLES, CORE, MIRRORINGS, core, rotate_thumbnail

IMAGE = np.arange(12, dtype=np.uint8).reshape(3, 4)


def test_the_mirrorings_are_as_it_is_left_right_upside_down_and_both():
    views = [IMAGE[mirroring] for mirroring in MIRRORINGS]
    for view, reference in zip(
        views, [IMAGE, np.fliplr(IMAGE), np.flipud(IMAGE), np.rot90(IMAGE, 2)], strict=True
    ):
        np.testing.assert_array_equal(view, reference)


def test_the_mirrorings_of_a_stack_are_those_of_each_image():
    stack = np.stack([IMAGE, IMAGE + 50])
    for mirroring in MIRRORINGS:
        np.testing.assert_array_equal(stack[mirroring][1], (IMAGE + 50)[mirroring])


def test_the_first_view_is_the_image_itself():
    assert ANGLES[0] == 0
    assert rotate_thumbnail(IMAGE, 0) is IMAGE
    np.testing.assert_array_equal(IMAGE[MIRRORINGS[0]], IMAGE)


def test_a_positive_angle_turns_counter_clockwise():
    image = np.zeros((64, 64), dtype=np.uint8)
    image[30:34, 56] = 255  # to the right of the middle
    rows, _ = np.nonzero(rotate_thumbnail(image, 10) > 100)
    assert rows.max() < 30  # higher on the page


@given(st.integers(2, 300))
def test_the_core_lies_in_the_middle(subset):
    rows, columns = np.indices((subset, subset))
    cut = core(np.stack([rows, columns]))
    assert cut[0].min() + cut[0].max() == subset - 1
    assert cut.shape[1] == pytest.approx(CORE * subset, abs=1)


def test_no_rotation_brings_anything_from_outside_into_the_core():
    white = np.full((64, 64), 255, dtype=np.uint8)
    for angle in ANGLES:
        assert core(rotate_thumbnail(white, angle)).min() == 255
