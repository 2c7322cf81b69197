import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from lungscope.data.statistics import PixelStatistics, compute_pixel_statistics

IMAGES = st.lists(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=12)), min_size=1)


@settings(deadline=None, max_examples=60)
@given(IMAGES)
def test_they_are_numpy_s_over_all_pixels_of_all_images(images):
    pixels = np.concatenate([image.ravel() for image in images]) / 255
    found = compute_pixel_statistics(images)
    np.testing.assert_allclose(found.mean, pixels.mean(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.std, pixels.std(), rtol=0, atol=1e-12)


def test_large_images_weigh_by_their_pixels_and_not_by_their_number():
    found = compute_pixel_statistics([np.zeros((1, 1), np.uint8), np.full((3, 1), 255, np.uint8)])
    assert found == PixelStatistics(mean=0.75, std=pytest.approx(np.sqrt(0.75 * 0.25)))


def test_images_are_asked_for_once_and_one_at_a_time():
    alive = []

    def images():
        for level in (0, 255):
            alive.append(level)
            yield np.full((4, 4), level, np.uint8)

    assert compute_pixel_statistics(images()) == PixelStatistics(0.5, 0.5)
    assert alive == [0, 255]


def test_only_the_given_rows_of_a_memory_map_count(tmp_path):
    pixels = np.lib.format.open_memmap(tmp_path / "p.npy", "w+", np.uint8, (4, 8, 8))
    pixels[:] = np.array([10, 20, 200, 250], np.uint8)[:, None, None]
    found = compute_pixel_statistics(pixels[row] for row in (0, 1))
    assert found.mean == pytest.approx(15 / 255)
    assert found.std == pytest.approx(5 / 255)


def test_many_pixels_lose_no_precision():
    image = np.repeat(np.array([[0], [1]], np.uint8), 2_000_000, axis=1)
    found = compute_pixel_statistics([image] * 5)
    assert found.mean == pytest.approx(0.5 / 255, abs=1e-16)
    assert found.std == pytest.approx(0.5 / 255, abs=1e-16)


def test_an_image_that_is_not_of_bytes_is_refused():
    with pytest.raises(TypeError):
        compute_pixel_statistics([np.ones((2, 2), np.float32)])
