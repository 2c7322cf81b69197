import numpy as np
import pytest
from matplotlib.collections import PolyCollection

from lungscope.estimate import Estimate
from lungscope.figures.robustness import (
    CorruptedSeries,
    RobustnessPanel,
    draw_robustness,
    draw_severities,
)

CLEAN = Estimate(0.92, 0.885, 0.95)
VALUES = (0.75, 0.5, 0.3, 0.2, 0.125)


def panel(title="Downscaling and back", start=0.9, quantity="proportion of the side kept"):
    found = [Estimate(v, v - 0.05, v + 0.03) for v in (start - 0.1 * k for k in range(5))]
    return RobustnessPanel(title, quantity, VALUES, found)


@pytest.fixture
def drawn(tmp_path, figures):
    def drawn(panels, majority=0.377, title="MobileNetV2, 305 test images"):
        draw_robustness(tmp_path / "robustness.png", panels, CLEAN, majority, title)
        return figures[-1]

    return drawn


def shown(figure):
    return [axes for axes in figure.axes if axes.axison]


def test_accuracy_is_drawn_by_severity_from_the_clean_on_with_its_band(drawn):
    (axes,) = shown(drawn([panel()]))
    line, clean, majority = axes.get_lines()
    found = [CLEAN, *panel().accuracies]
    assert list(line.get_xdata()) == list(range(6))
    assert list(line.get_ydata()) == [each.value for each in found]
    assert list(clean.get_ydata()) == [0.92] * 2
    assert list(majority.get_ydata()) == [0.377] * 2
    (band,) = (part for part in axes.collections if isinstance(part, PolyCollection))
    corners = {tuple(corner) for corner in band.get_paths()[0].vertices.round(9)}
    for severity, each in enumerate(found):
        assert {(severity, round(each.low, 9)), (severity, round(each.high, 9))} <= corners


def test_each_severity_has_its_value_and_the_quantity_is_named(drawn):
    (axes,) = shown(drawn([panel()]))
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["0\nclean", "1\n0.75", "2\n0.5", "3\n0.3", "4\n0.2", "5\n0.125"]
    assert axes.get_xlabel() == "proportion of the side kept"
    assert axes.get_title() == "Downscaling and back"


def test_all_panels_have_one_scale_that_holds_everything(drawn):
    axes = shown(drawn([panel(start=0.9), panel(start=0.5)]))
    assert axes[0].get_ylim() == axes[1].get_ylim()
    low, high = axes[0].get_ylim()
    assert low < 0.377
    assert low <= 0.05
    assert high > 1


@pytest.mark.parametrize("majority", [0, 0.2, 0.9])
def test_the_majority_is_in_view(drawn, majority):
    (axes,) = shown(drawn([panel()], majority))
    low, high = axes.get_ylim()
    assert low <= majority < high


@pytest.mark.parametrize("count", [1, 2, 4, 5, 7, 8])
@pytest.mark.parametrize("quantity", ["quality", "standard deviation, pixels of 224"])
def test_no_text_lies_on_another(drawn, overlaps, count, quantity):
    figure = drawn([panel(quantity=quantity)] * count, title="MobileNet-Lung " * 6)
    assert len(shown(figure)) == count
    assert overlaps(figure) == []


def test_the_lines_are_named_once(drawn):
    (legend,) = drawn([panel()] * 3).legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "95 % interval",
        "corrupted",
        "clean",
        "majority class",
    ]


def test_the_same_numbers_give_the_same_figure(tmp_path):
    for name in ("one.png", "two.png"):
        draw_robustness(tmp_path / name, [panel()], CLEAN, 0.4, "title")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


IMAGE = np.arange(32 * 32, dtype=np.uint32).reshape(32, 32).astype(np.uint8)


def series(title="Blur", count=5):
    return CorruptedSeries(
        title,
        "standard deviation, pixels of 224",
        tuple(0.5 * number for number in range(1, count + 1)),
        [np.full((32, 32), 10 * number, np.uint8) for number in range(1, count + 1)],
    )


@pytest.fixture
def drawn_severities(tmp_path, figures):
    def drawn_severities(rows, title="Every corruption at every severity"):
        draw_severities(tmp_path / "severities.png", IMAGE, rows, title)
        return figures[-1]

    return drawn_severities


def picture(axes):
    (image,) = axes.get_images()
    return image


def test_every_row_begins_with_the_clean_image_and_goes_on_by_severity(drawn_severities):
    rows = [series("Blur"), series("Noise")]
    panels = np.array(drawn_severities(rows).axes).reshape(2, 6)
    for row, each in zip(panels, rows, strict=True):
        shown = [np.asarray(picture(axes).get_array()) for axes in row]
        for found, expected in zip(shown, [IMAGE, *each.images], strict=True):
            assert np.array_equal(found, expected)
        assert [axes.get_title() for axes in row] == ["clean", "0.5", "1", "1.5", "2", "2.5"]


def test_grey_levels_are_shown_as_they_are_and_not_stretched(drawn_severities):
    for axes in drawn_severities([series()]).axes:
        assert picture(axes).get_clim() == (0, 255)
        assert picture(axes).get_cmap().name == "gray"


def test_rows_and_columns_are_named_once(drawn_severities):
    figure = drawn_severities([series("Blur"), series("Noise")])
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert [text for text in texts if text.startswith("severity")] == [
        f"severity {number}" for number in range(6)
    ]
    assert [text for text in texts if text in {"Blur", "Noise"}] == ["Blur", "Noise"]
    assert texts.count("standard\ndeviation, pixels\nof 224") == 2


@pytest.mark.parametrize("count", [1, 7])
def test_no_text_of_the_severities_lies_on_another(drawn_severities, overlaps, count):
    assert overlaps(drawn_severities([series("Downscaling and back")] * count)) == []


def test_the_same_image_gives_the_same_figure(tmp_path):
    for name in ("one.png", "two.png"):
        draw_severities(tmp_path / name, IMAGE, [series()], "title")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
