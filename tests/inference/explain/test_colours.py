import matplotlib as mpl
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lungscope.inference.explain.colour_bar import OPAQUE, apply_colours

STEPS = np.linspace(0, 1, 256, dtype=np.float32)[None]


def test_the_colours_are_those_of_matplotlibs_plasma():
    expected = mpl.colormaps["plasma"](STEPS)[..., :3] * 255
    assert np.abs(apply_colours(STEPS)[..., :3] - expected).max() < 6


def test_more_heat_is_brighter_in_a_grey_print():
    grey = apply_colours(STEPS)[0, :, :3] @ [0.299, 0.587, 0.114]
    assert (np.diff(grey) > -0.6).all()  # the rounding to bytes
    assert grey[-1] - grey[0] > 150


def test_no_heat_is_clear_and_the_greatest_lets_the_bones_through():
    opacity = apply_colours(STEPS)[0, :, 3]
    assert opacity[0] == 0
    assert opacity[-1] == round(OPAQUE * 255) < 255
    assert (np.diff(opacity.astype(int)) >= 0).all()


@given(st.floats(-10, 10, width=32))
def test_what_is_beyond_is_the_nearest_end(heat):
    one = np.array([[heat]], dtype=np.float32)
    assert np.array_equal(apply_colours(one), apply_colours(np.clip(one, 0, 1)))
