from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lungscope.figures.gallery import GalleryImage, draw_gallery, draw_samples, shorten_name


def radiograph(number):
    return np.full((48, 40), 10 * number, np.uint8) + np.eye(48, 40, dtype=np.uint8)


def shown(number=0, probability=0.97, true="Normal", predicted="Viral Pneumonia", file=None):
    name = file or f"Normal/Normal-{number}.png"
    return GalleryImage(name, true, predicted, probability, radiograph(number))


@pytest.fixture
def drawn(tmp_path, figures):
    def drawn(images, title="MobileNetV2, 305 test images: misclassifications"):
        draw_gallery(tmp_path / "gallery.png", images, title)
        return figures[-1]

    return drawn


@pytest.mark.parametrize("count", [1, 3, 4, 5, 12])
def test_each_radiograph_stands_between_its_classes_and_its_name(drawn, count):
    panels = [axes for axes in drawn([shown(k) for k in range(count)]).axes if axes.images]
    assert len(panels) == count
    for k, axes in enumerate(panels):
        assert np.array_equal(axes.images[0].get_array(), radiograph(k))
        assert axes.get_title() == "true: Normal\npredicted: Viral Pneumonia (97 %)"
        assert axes.get_xlabel() == f"Normal/Normal-{k}.png"


@pytest.mark.parametrize(
    ("sure", "text"),
    [(0.9999, ">99 %"), (0.991, ">99 %"), (0.99, "99 %"), (0.342, "34 %"), (1, "100 %")],
)
def test_nearly_sure_is_not_shown_as_sure(drawn, sure, text):
    (axes,) = drawn([shown(probability=sure)]).axes
    assert axes.get_title().endswith(f"({text})")


def test_a_long_name_loses_its_middle_and_no_other_letter():
    assert shorten_name("0123456789", 10) == "0123456789"
    assert shorten_name("0123456789a", 10) == "0123…6789a"
    assert shorten_name("x" * 50 + "-17.png", 20).endswith("-17.png")
    assert shorten_name("a\nb\x00c", 10) == "a?b?c"


@pytest.mark.parametrize("count", [1, 2, 12])
def test_no_text_lies_on_another(drawn, overlaps, count):
    long = "Viral_Pneumonia/patient-000123456789/study-2/" * 3
    images = [
        shown(
            file=long,
            true="Bilateral interstitial pneumonia",
            predicted="Lung $\\alpha$ Opacity " * 4,
        )
        for _ in range(count)
    ]
    assert overlaps(drawn(images, "MobileNet-Lung " * 8)) == []


def test_grey_levels_are_the_radiographs_own(tmp_path):
    draw_gallery(
        tmp_path / "g.png", [replace(shown(), pixels=np.full((48, 48), 100, np.uint8))], "t"
    )
    with Image.open(tmp_path / "g.png") as image:
        pixels = np.array(image.convert("L"))
    assert pixels[pixels.shape[0] * 2 // 3, pixels.shape[1] // 2] == 100


def test_the_same_images_give_the_same_figure(tmp_path):
    for name in ("one.png", "two.png"):
        draw_gallery(tmp_path / name, [shown()], "t")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


@pytest.fixture
def drawn_samples(tmp_path, figures):
    """Draws and returns the figure behind the picture."""

    def drawn_samples(images, classes):
        draw_samples(tmp_path / "samples.png", images, classes)
        return figures[-1]

    return drawn_samples


def samples(count):
    return [
        np.full((48, 48), 20 * k, dtype=np.uint8) + np.eye(48, dtype=np.uint8) for k in range(count)
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 10])
def test_each_image_stands_under_its_class(drawn_samples, count):
    classes = [f"class {k}" for k in range(count)]
    panels = [axes for axes in drawn_samples(samples(count), classes).axes if axes.images]
    assert [axes.get_title() for axes in panels] == classes
    for axes, image in zip(panels, samples(count), strict=True):
        assert np.array_equal(axes.images[0].get_array(), image)


def test_grey_levels_are_the_images_own_and_not_stretched(tmp_path):
    draw_samples(tmp_path / "samples.png", [np.full((48, 48), 100, np.uint8)], ["a"])
    pixels = np.array(Image.open(tmp_path / "samples.png").convert("L"))
    assert pixels[pixels.shape[0] * 2 // 3, pixels.shape[1] // 2] == 100


def test_ten_classes_take_two_rows_of_a_width_that_a_page_holds(drawn_samples, tmp_path):
    drawn_samples(samples(10), [f"class {k}" for k in range(10)])
    with Image.open(tmp_path / "samples.png") as image:
        assert 1 < image.width / image.height < 3


def test_an_image_too_many_or_too_few_is_a_programming_error(tmp_path):
    with pytest.raises(ValueError, match="zip"):
        draw_samples(tmp_path / "samples.png", samples(2), ["a", "b", "c"])
    assert list(tmp_path.iterdir()) == []


def test_the_same_images_give_the_same_picture(tmp_path):
    for name in ("one.png", "two.png"):
        draw_samples(tmp_path / name, samples(3), ["a", "b", "c"])
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
