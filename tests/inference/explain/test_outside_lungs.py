import numpy as np
import pytest

from lungscope.inference.explain.heatmap import make_heatmap
from lungscope.inference.explain.outside_lungs import area_outside_lungs, proportion_outside_lungs
from lungscope.inference.lung_field import LungField


def field(size=(100, 80)):
    """Two lungs that take a fourth of the image."""
    probabilities = np.zeros((3, 64, 64), dtype=np.float32)
    probabilities[0, 16:48, 4:20] = probabilities[1, 16:48, 44:60] = 1
    return LungField(probabilities, *size, 0.9)


def proportion(contributions, size=(100, 80)):
    heatmap = make_heatmap(np.asarray(contributions, dtype=np.float32), size)
    return proportion_outside_lungs(heatmap, field(size))


@pytest.mark.parametrize("size", [(100, 80), (64, 500)])
def test_of_even_attribution_it_is_the_area_outside(size):
    assert proportion(np.ones((7, 7)), size) == pytest.approx(0.75, abs=0.01)
    assert area_outside_lungs(field(size)) == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize(("row", "column", "least", "most"), [(0, 0, 0.95, 1), (8, 3, 0, 0.05)])
def test_it_says_where_the_attribution_is(row, column, least, most):
    contributions = np.zeros((16, 16))
    contributions[row, column] = 1
    assert least <= proportion(contributions) <= most


def test_evidence_against_the_class_does_not_count():
    contributions = np.zeros((16, 16))
    contributions[8, 3], contributions[0, 0] = 1, -5
    assert proportion(contributions) < 0.05


def test_without_attribution_there_is_none():
    assert proportion(-np.ones((7, 7))) is None
