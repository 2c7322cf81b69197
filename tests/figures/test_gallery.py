from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from lungscope.figures.gallery import draw_gallery, shorten_name


@dataclass
class Mistake:
    file: str
    true: str
    predicted: str
    probabilities: dict


def mistake(number=0, sure=0.97, true="Normal", predicted="Viral Pneumonia", file=None):
    name = file or f"Normal/Normal-{number}.png"
    return Mistake(name, true, predicted, {true: 1 - sure, predicted: sure})


def images(count):
    return [
        np.full((48, 40), 10 * k, np.uint8) + np.eye(48, 40, dtype=np.uint8) for k in range(count)
    ]


@pytest.fixture
def drawn(tmp_path, figures):
    def drawn(mistakes, title="MobileNetV2, the worst of 20 mistakes on 305 test images"):
        draw_gallery(tmp_path / "gallery.png", mistakes, images(len(mistakes)), title)
        return figures[-1]

    return drawn


@pytest.mark.parametrize("count", [1, 3, 4, 5, 12])
def test_each_radiograph_stands_between_its_verdict_and_its_name(drawn, count):
    panels = [axes for axes in drawn([mistake(k) for k in range(count)]).axes if axes.images]
    for k, (axes, image) in enumerate(zip(panels, images(count), strict=True)):
        assert np.array_equal(axes.images[0].get_array(), image)
        assert axes.get_title() == "is Normal,\ncalled Viral Pneumonia (97 %)"
        assert axes.get_xlabel() == f"Normal/Normal-{k}.png"


def test_no_mistake_is_no_picture(tmp_path):
    draw_gallery(tmp_path / "gallery.png", [], [], "title")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("sure", "told"),
    [(0.9999, ">99 %"), (0.991, ">99 %"), (0.99, "99 %"), (0.342, "34 %"), (1, "100 %")],
)
def test_nearly_sure_is_not_told_as_sure(drawn, sure, told):
    (axes,) = drawn([mistake(sure=sure)]).axes
    assert axes.get_title().endswith(f"({told})")


def test_a_long_name_loses_its_middle_and_no_other_letter():
    assert shorten_name("0123456789", 10) == "0123456789"
    assert shorten_name("0123456789a", 10) == "0123…6789a"
    assert shorten_name("x" * 50 + "-17.png", 20).endswith("-17.png")
    assert shorten_name("a\nb\x00c", 10) == "a?b?c"


@pytest.mark.parametrize("count", [1, 2, 12])
def test_no_text_lies_on_another(drawn, overlaps, count):
    long = "Viral_Pneumonia/patient-000123456789/study-2/" * 3
    shown = [
        mistake(
            file=long,
            true="Bilateral interstitial pneumonia",
            predicted="Lung $\\alpha$ Opacity " * 4,
        )
        for _ in range(count)
    ]
    assert overlaps(drawn(shown, "MobileNet-Lung " * 8)) == []


def test_grey_levels_are_the_radiographs_own(tmp_path):
    draw_gallery(tmp_path / "g.png", [mistake()], [np.full((48, 48), 100, np.uint8)], "t")
    with Image.open(tmp_path / "g.png") as image:
        pixels = np.array(image.convert("L"))
    assert pixels[pixels.shape[0] * 2 // 3, pixels.shape[1] // 2] == 100


def test_an_image_too_many_is_a_programming_error(tmp_path):
    with pytest.raises(ValueError, match="zip"):
        draw_gallery(tmp_path / "g.png", [mistake()], images(2), "t")
    assert list(tmp_path.iterdir()) == []


def test_the_same_mistakes_give_the_same_picture(tmp_path):
    for name in ("one.png", "two.png"):
        draw_gallery(tmp_path / name, [mistake()], images(1), "t")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
