import numpy as np
import pytest
from PIL import Image

from lungscope.figures.samples import draw_samples


@pytest.fixture
def drawn(tmp_path, figures):
    """Draws and returns the figure behind the picture."""

    def drawn(images, classes):
        draw_samples(tmp_path / "samples.png", images, classes)
        return figures[-1]

    return drawn


def images(count):
    return [
        np.full((48, 48), 20 * k, dtype=np.uint8) + np.eye(48, dtype=np.uint8) for k in range(count)
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 10])
def test_each_image_stands_under_its_class(drawn, count):
    classes = [f"class {k}" for k in range(count)]
    panels = [axes for axes in drawn(images(count), classes).axes if axes.images]
    assert [axes.get_title() for axes in panels] == classes
    for axes, image in zip(panels, images(count), strict=True):
        assert np.array_equal(axes.images[0].get_array(), image)


def test_grey_levels_are_the_images_own_and_not_stretched(tmp_path):
    draw_samples(tmp_path / "samples.png", [np.full((48, 48), 100, np.uint8)], ["a"])
    pixels = np.array(Image.open(tmp_path / "samples.png").convert("L"))
    assert pixels[pixels.shape[0] * 2 // 3, pixels.shape[1] // 2] == 100


def test_ten_classes_take_two_rows_of_a_width_that_a_page_holds(drawn, tmp_path):
    drawn(images(10), [f"class {k}" for k in range(10)])
    with Image.open(tmp_path / "samples.png") as image:
        assert 1 < image.width / image.height < 3


def test_an_image_too_many_or_too_few_is_a_programming_error(tmp_path):
    with pytest.raises(ValueError, match="zip"):
        draw_samples(tmp_path / "samples.png", images(2), ["a", "b", "c"])
    assert list(tmp_path.iterdir()) == []


def test_the_same_images_give_the_same_picture(tmp_path):
    for name in ("one.png", "two.png"):
        draw_samples(tmp_path / name, images(3), ["a", "b", "c"])
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
