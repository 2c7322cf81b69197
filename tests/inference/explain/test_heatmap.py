import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch.nn.functional import interpolate

from lungscope.inference.explain.heatmap import make_heatmap

CONTRIBUTIONS = arrays(
    np.float32,
    st.tuples(st.integers(1, 14), st.integers(1, 14)),
    elements=st.floats(-50, 50, width=32),
)


def one_hot(row, column, value=2.0):
    contributions = np.zeros((7, 7), dtype=np.float32)
    contributions[row, column] = value
    return contributions


@pytest.mark.parametrize("size", [(224, 224), (448, 140), (91, 500)])
@pytest.mark.parametrize("row", range(1, 6))
@pytest.mark.parametrize("column", [1, 4, 5])
def test_the_heat_of_a_cell_is_centred_where_the_cell_lies(size, row, column):
    evidence = make_heatmap(one_hot(row, column), size).evidence
    y, x = (np.arange(n) + 0.5 for n in size)
    total = evidence.sum()
    assert (evidence.sum(axis=1) @ y) / total / size[0] == pytest.approx((row + 0.5) / 7, abs=1e-4)
    assert (evidence.sum(axis=0) @ x) / total / size[1] == pytest.approx(
        (column + 0.5) / 7, abs=1e-4
    )


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 6), (6, 0), (6, 6)])
def test_the_heat_of_a_corner_fills_the_corner(row, column):
    evidence = make_heatmap(one_hot(row, column), (700, 350)).evidence
    corner = evidence[row // 6 * 699, column // 6 * 349]
    assert corner == evidence.max() == pytest.approx(2)
    assert not evidence[350].any()
    assert not evidence[:, 175].any()


@pytest.mark.parametrize(("height", "width"), [(224, 224), (333, 97), (64, 100)])
def test_it_is_interpolated_as_by_torch_without_aligned_corners(height, width):
    contributions = np.random.default_rng(0).normal(size=(7, 7)).astype(np.float32)
    expected = interpolate(
        torch.from_numpy(contributions)[None, None].relu(), (height, width), mode="bilinear"
    )[0, 0]
    found = make_heatmap(contributions, (height, width)).evidence
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


def test_evidence_against_takes_no_heat_from_its_neighbours():
    with_zero, with_less = (
        make_heatmap(np.array([[1, other]], dtype=np.float32), (64, 64)).evidence
        for other in (0, -9)
    )
    assert np.array_equal(with_zero, with_less)


@given(CONTRIBUTIONS)
def test_what_is_for_and_what_is_against_is_all_there_is(contributions):
    heat = make_heatmap(contributions, (64, 80))
    total = contributions.sum(dtype=np.float64)
    assert heat.in_favour + heat.against == pytest.approx(total, abs=1e-3)
    assert heat.in_favour >= 0 >= heat.against


@given(CONTRIBUTIONS, st.integers(64, 200), st.integers(64, 200))
def test_heat_lies_between_none_and_the_scale(contributions, height, width):
    heat = make_heatmap(contributions, (height, width))
    assert heat.evidence.shape == (height, width)
    assert heat.evidence.dtype == np.float32
    assert heat.evidence.min() >= 0
    assert heat.evidence.max() <= heat.scale * (1 + 1e-5)


def test_a_class_that_nothing_speaks_for_has_no_heat():
    heat = make_heatmap(np.full((7, 7), -0.5, dtype=np.float32), (64, 64))
    assert heat.scale == heat.in_favour == 0
    assert not heat.evidence.any()
    assert heat.against == pytest.approx(-24.5)


def test_what_is_no_map_of_one_class_is_refused():
    with pytest.raises(ValueError, match="not \\(h, w\\)"):
        make_heatmap(np.zeros((3, 7, 7), dtype=np.float32), (64, 64))
    with pytest.raises(ValueError, match="not finite"):
        make_heatmap(np.array([[np.nan]], dtype=np.float32), (64, 64))


def test_a_heatmap_does_not_change_with_the_array_it_was_made_of():
    contributions = one_hot(3, 3)
    heat = make_heatmap(contributions, (64, 64))
    contributions[:] = 0
    assert heat.scale == 2
