import numpy as np
import pytest

from lungscope.audit.regions import border, centre, corners


def test_the_border_is_the_outer_34_of_224_pixels():
    found = border(224)
    inner = found[34:190, 34:190]
    assert not inner.any()
    assert found.sum() == 224**2 - 156**2
    assert found[33].all()
    assert found[:, 190].all()


@pytest.mark.parametrize(("size", "width"), [(32, 5), (64, 10), (112, 17), (299, 45)])
def test_its_width_goes_with_the_side(size, width):
    assert border(size).sum() == size**2 - (size - 2 * width) ** 2


@pytest.mark.parametrize("size", [32, 33, 224])
def test_centre_and_border_are_the_whole_image_and_nothing_twice(size):
    assert np.array_equal(centre(size), ~border(size))


def test_corners_are_four_squares_of_a_fifth_of_the_side():
    found = corners(100)
    assert found.sum() == 4 * 20**2
    for part in (found[:20, :20], found[:20, 80:], found[80:, :20], found[80:, 80:]):
        assert part.all()


@pytest.mark.parametrize("region", [border, centre, corners])
@pytest.mark.parametrize("size", [4, 32, 33, 224])
def test_a_region_is_the_same_from_every_side(region, size):
    found = region(size)
    assert found.shape == (size, size)
    for turned in (found.T, found[::-1], found[:, ::-1]):
        assert np.array_equal(found, turned)
