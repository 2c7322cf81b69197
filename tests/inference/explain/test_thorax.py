import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage
from scipy.spatial import ConvexHull

from lungscope.images import read, to_square
from lungscope.inference.explain.heatmap import make_heatmap
from lungscope.inference.explain.thorax import EVEN, proportion_outside_thorax, thorax_mask


def share(contributions, size=(224, 224)):
    return proportion_outside_thorax(
        make_heatmap(np.asarray(contributions, dtype=np.float32), size)
    )


def one_hot(row, column):
    contributions = np.zeros((7, 7))
    contributions[row, column] = 1
    return contributions


def test_evenly_spread_heat_is_outside_by_the_area_of_the_rest():
    assert share(np.ones((7, 7))) == pytest.approx(EVEN, abs=0.001)
    assert (~thorax_mask(1000, 300)).mean() == pytest.approx(EVEN, abs=0.001)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 6), (6, 0), (6, 6)])
def test_heat_on_a_corner_is_outside(row, column):
    assert share(one_hot(row, column)) > 0.85


@pytest.mark.parametrize(("row", "column"), [(3, 3), (2, 1), (2, 5), (4, 2), (5, 4)])
def test_heat_on_heart_and_lungs_is_inside(row, column):
    assert share(one_hot(row, column)) < 0.1


def test_the_shape_of_the_film_does_not_matter():
    contributions = np.random.default_rng(0).random((7, 7))
    assert share(contributions, (64, 640)) == share(contributions, (3000, 2000))


def test_evidence_against_counts_for_nothing():
    assert share(one_hot(3, 3) - 5 * one_hot(0, 0)) == share(one_hot(3, 3))


def test_of_no_heat_there_is_no_share():
    assert share(-np.ones((7, 7))) is None


def test_the_thorax_is_the_same_from_left_and_right():
    assert np.array_equal(thorax_mask(97, 120), thorax_mask(97, 120)[:, ::-1])


@pytest.mark.real_data
def test_the_thorax_holds_the_lungs_of_adults_and_of_children(real_xrays):
    for kind in ("rsna-adult", "guangzhou-paediatric"):
        hulls = [hull for film in films(real_xrays, kind) if (hull := lung_hull(film)) is not None]
        held = [(hull & thorax_mask(*hull.shape)).sum() / hull.sum() for hull in hulls]
        assert len(hulls) >= 15
        assert np.mean(held) > 0.98
        assert np.quantile(held, 0.05) > 0.95


def films(folder, kind):
    rows = (folder / "metadata.csv").read_text(encoding="utf-8").splitlines()
    wanted = [row.split(",")[0] for row in rows if row.split(",")[1:3] == ["Normal", kind]]
    return [to_square(read(folder / file), 224) for file in wanted[1::24]]


def lung_hull(pixels):
    """The convex hull of both lungs where they are the only two dark parts of fitting shapes."""
    smooth = ndimage.gaussian_filter(pixels.astype(float), 2.5)
    dark = (smooth < ndimage.gaussian_filter(smooth, 28) - 3) & (smooth > 25)
    dark &= smooth < np.median(smooth[30:190, 20:204]) + 10
    parts, _ = ndimage.label(ndimage.binary_opening(dark, iterations=3))
    boxes = ndimage.find_objects(parts)
    lungs = [
        parts == number
        for number, (rows, columns) in enumerate(boxes, start=1)
        if 0.035 < (parts == number).mean() < 0.22
        and rows.stop - rows.start > 80
        and 28 < columns.stop - columns.start < 95
        and rows.start > 10
        and columns.start > 8
        and columns.stop < 216
    ]
    if len(lungs) != 2:
        return None
    points = np.argwhere(lungs[0] | lungs[1])[:, ::-1]
    drawn = Image.new("1", pixels.shape[::-1])
    corners = points[ConvexHull(points).vertices]
    ImageDraw.Draw(drawn).polygon([tuple(corner.tolist()) for corner in corners], fill=1)
    return np.asarray(drawn)
