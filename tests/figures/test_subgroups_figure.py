from dataclasses import replace

import pytest
from matplotlib.colors import to_hex
from PIL import Image

from lungscope.estimate import Estimate
from lungscope.figures.subgroups import SourceBlock, SourceLine, draw_subgroups


def line(name, correct, images=54, groups=8):
    return SourceLine(name, images, groups, correct)


ALL = line("all images", Estimate(0.94, 0.9, 0.98), 160, 20)
NORMAL = line("Normal", Estimate(0.98, 0.65, 0.999), 54, 1)
VIRAL = line("Viral", Estimate(0.92, 0.86, 0.97), 106, 12)
CHILDREN = SourceBlock("children", [ALL, NORMAL, line("Opacity", None, 0, 0), VIRAL])
ADULTS = SourceBlock("adults", [ALL, NORMAL, replace(VIRAL, name="Opacity"), line("Viral", None)])


@pytest.fixture
def drawn(tmp_path, figures):
    def drawn(sources=(CHILDREN, ADULTS), title="MobileNetV2, 305 test images"):
        draw_subgroups(tmp_path / "subgroups.png", sources, title)
        return figures[-1]

    return drawn


def rows(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def marks(axes):
    """Row -> value, colour and marker."""
    points = [line for line in axes.get_lines() if line.get_marker() != "None"]
    return {
        p.get_ydata()[0]: (p.get_xdata()[0], to_hex(p.get_color()), p.get_marker()) for p in points
    }


def test_every_line_is_named_with_its_images_and_groups(drawn):
    (axes,) = drawn().axes
    assert rows(axes)[:5] == [
        "children",
        "all images, 160 in 20 groups",
        "Normal, 54 in 1 group",
        "Opacity",
        "Viral, 106 in 12 groups",
    ]
    assert rows(axes)[5] == "adults"


def test_each_value_and_interval_is_drawn_and_written_on_its_line(drawn):
    (axes,) = drawn([CHILDREN]).axes
    assert {row: value for row, (value, *_) in marks(axes).items()} == {1: 0.94, 2: 0.98, 4: 0.92}
    bars = {
        line.get_ydata()[0]: tuple(line.get_xdata())
        for line in axes.get_lines()
        if line.get_marker() == "None"
    }
    assert bars == {1: (0.9, 0.98), 2: (0.65, 0.999), 4: (0.86, 0.97)}
    told = {text.get_position()[1]: text.get_text() for text in axes.texts}
    assert told[2] == "98.0 % (95\u00a0% 65.0 to 99.9)"


def test_a_class_without_an_image_is_said_to_have_none_and_has_no_mark(drawn):
    (axes,) = drawn([CHILDREN]).axes
    told = {text.get_position()[1]: text.get_text() for text in axes.texts}
    assert told[3] == "no image"
    assert 3 not in marks(axes)


def test_a_class_looks_the_same_in_every_source_and_unlike_all_others(drawn):
    (axes,) = drawn().axes
    looks = {row: look for row, (_, *look) in marks(axes).items()}
    assert looks[2] == looks[7]
    children = [tuple(looks[row]) for row in (1, 2, 4)]
    assert len({colour for colour, _ in children}) == len({marker for _, marker in children}) == 3


def test_the_first_source_is_on_top_and_everything_is_in_view(drawn):
    (axes,) = drawn().axes
    top, bottom = axes.transData.transform([(0, 0), (0, 5)])[:, 1]
    assert top > bottom
    low, high = axes.get_xlim()
    assert low < 0.65
    assert high > 0.999


@pytest.mark.parametrize("proportion", [Estimate(1, 0.7, 1), Estimate(0, 0, 0.3)])
def test_all_right_and_all_wrong_are_drawn(drawn, proportion):
    (axes,) = drawn(
        [SourceBlock("a", [line("all images", proportion), line("Normal", proportion)])]
    ).axes
    low, high = axes.get_xlim()
    assert low < proportion.low < proportion.high < high


@pytest.mark.parametrize("name", ["a", "$x_1$ of a hospital with a very long name " * 4])
@pytest.mark.parametrize("count", [1, 12])
def test_no_text_lies_on_another(drawn, overlaps, name, count):
    sources = [SourceBlock(name, [ALL, replace(NORMAL, name=name), line(f"{name}2", None)])] * count
    assert overlaps(drawn(sources, "MobileNet-Lung " * 8)) == []


def test_the_same_numbers_give_the_same_figure_sharp_enough_for_print(tmp_path):
    for name in ("one.png", "two.png"):
        draw_subgroups(tmp_path / name, [CHILDREN], "title")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as image:
        assert image.width >= 1200


def test_of_many_sources_the_largest_are_drawn_and_the_rest_is_counted(drawn):
    many = [SourceBlock(f"site {n}", [replace(ALL, images=100 + n % 30)]) for n in range(60)]
    (axes,) = drawn(many).axes
    shown = [name for name in rows(axes) if name.startswith("site")]
    assert shown == [f"site {n}" for n in (*range(20, 30), *range(50, 60))]
    assert axes.get_xlabel().endswith("40 sources with fewer images are not shown")
