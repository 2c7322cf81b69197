import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lungscope.audit.features import borders, file_facts, statistics, thumbnails
from lungscope.audit.regions import border, centre
from lungscope.errors import LungscopeError, UnreadableImage


def noise(count, size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, size, size), dtype=np.uint8)


@pytest.mark.parametrize("factor", [1, 2, 7])
def test_a_thumbnail_is_the_mean_of_blocks(factor):
    pixels = noise(3, 32 * factor)
    blocks = pixels.reshape(3, 32, factor, 32, factor).mean(axis=(2, 4))
    np.testing.assert_allclose(thumbnails(pixels), blocks.reshape(3, -1), atol=1e-3)


@settings(deadline=None, max_examples=20)
@given(st.integers(32, 80), st.integers(0, 255))
def test_of_any_size_a_flat_image_stays_as_grey_as_it_was(size, level):
    found = thumbnails(np.full((1, size, size), level, np.uint8))
    assert found.shape == (1, 1024)
    np.testing.assert_allclose(found, level, atol=1e-3)


@pytest.mark.parametrize("size", [32, 45, 64, 224])
def test_the_border_shows_nothing_of_the_centre(size):
    one, other = noise(2, size), noise(2, size, seed=1)
    mixed = np.where(border(size), one, other)
    np.testing.assert_array_equal(borders(mixed), borders(one))


@pytest.mark.parametrize("size", [32, 45, 64, 224])
def test_every_pixel_of_the_border_is_in_it(size):
    black = np.zeros((1, size, size), np.uint8)
    width = round(size * 34 / 224)
    for row, column in [(0, 0), (width - 1, size // 2), (size // 2, size - width), (size - 1, 3)]:
        lit = black.copy()
        lit[0, row, column] = 255
        assert not np.array_equal(borders(lit), borders(black)), (row, column)
    lit = black + 255 * centre(size).astype(np.uint8)
    np.testing.assert_array_equal(borders(lit), borders(black))


def test_it_is_as_coarse_as_the_thumbnail():
    pixels = noise(2, 224)
    touched = borders(pixels).shape[1]
    assert touched == 32**2 - 22**2  # five rows of thumbnail pixels hold 34 rows of pixels
    outermost = thumbnails(pixels).reshape(2, 32, 32)[:, 0]
    np.testing.assert_allclose(borders(pixels)[:, :32], outermost, atol=1e-3)


def test_statistics_are_numpys():
    pixels = noise(4, 32)
    found = statistics(pixels)
    for row, image in zip(found, pixels, strict=True):
        assert row[0] == pytest.approx(image.mean())
        assert row[1] == pytest.approx(image.std())
        np.testing.assert_allclose(
            row[2:], np.percentile(image, [1, 5, 25, 50, 75, 95, 99]), atol=1e-9
        )


def test_a_constant_image_has_statistics():
    found = statistics(np.full((1, 32, 32), 7, np.uint8))
    assert found.tolist() == [[7, 0, 7, 7, 7, 7, 7, 7, 7]]


def test_facts_are_width_height_aspect_and_bytes(tmp_path):
    paths = [tmp_path / "wide.png", tmp_path / "tall.jpg"]
    Image.fromarray(noise(1, 200)[0][:100]).save(paths[0])
    Image.fromarray(noise(1, 96)[0][:, :64]).save(paths[1])
    found = file_facts(paths)
    assert found[:, :3].tolist() == [[200, 100, 2], [64, 96, pytest.approx(2 / 3)]]
    assert found[:, 3].tolist() == [len(path.read_bytes()) for path in paths]


def test_only_the_head_of_a_file_is_read(tmp_path):
    Image.fromarray(noise(1, 100)[0]).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:300])
    assert file_facts([tmp_path / "cut.png"]).tolist() == [[100, 100, 1, 300]]


def test_a_picture_that_pillow_finds_large_is_no_warning(tmp_path):
    Image.new("1", (9500, 9500)).save(tmp_path / "large.png")  # 90 megapixels
    assert file_facts([tmp_path / "large.png"])[0, 0] == 9500


@pytest.mark.parametrize(
    ("content", "error"), [(None, LungscopeError), (b"no image", UnreadableImage)]
)
def test_a_file_that_is_none_is_refused_in_one_line(tmp_path, content, error):
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error) as refused:
        file_facts([path])
    assert "a.png" in str(refused.value)
    assert "\n" not in str(refused.value)
