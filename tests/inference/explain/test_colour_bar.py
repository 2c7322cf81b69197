import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungscope.inference.explain.colour_bar import WIDTH, choose_ticks, draw_colour_bar


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        (1.0, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0.11, [0, 0.02, 0.04, 0.06, 0.08, 0.1]),
        (6, [0, 1, 2, 3, 4, 5, 6]),
        (7, [0, 2, 4, 6]),
        (23.5, [0, 5, 10, 15, 20]),
    ],
)
def test_ticks_are_round_numbers(scale, expected):
    assert choose_ticks(scale) == pytest.approx(expected)


@given(st.floats(1e-6, 1e6))
def test_there_are_a_few_ticks_from_nought_to_the_scale(scale):
    found = choose_ticks(scale)
    assert found[0] == 0
    assert 3 <= len(found) <= 7
    assert found == sorted(set(found))
    assert found[-1] <= scale * (1 + 1e-6)


def test_the_greatest_heat_is_on_top_and_none_is_grey():
    bar = np.asarray(draw_colour_bar(300, 0.5, "logit")).astype(int)
    assert bar.shape == (300, WIDTH, 3)
    top, foot = bar[10, 9], bar[-10, 9]
    assert top[0] > 180
    assert top[2] < 100  # yellow
    assert np.ptp(foot) < 12


def test_without_any_heat_it_is_grey_all_over():
    bar = np.asarray(draw_colour_bar(300, 0.0, "logit")).astype(int)
    assert np.ptp(bar[20:280, 9], axis=-1).max() == 0


@pytest.mark.parametrize("height", [100, 161, 512])
def test_a_unit_that_is_too_long_is_cut(height):
    assert draw_colour_bar(height, 1.0, "contribution " * 30).size == (WIDTH, height)
