import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from PIL import Image

from lungscope.estimate import Estimate
from lungscope.figures.coverage import CoverageCurve, draw_coverage

CHOSEN = (0.94973, Estimate(0.687, 0.622, 0.749), Estimate(0.9716, 0.9447, 0.992))


def curve(count=200, last=0.9, half_width=0.02):
    coverage = np.arange(1, count + 1) / count
    accuracy = 1 - (1 - last) * coverage**2
    return CoverageCurve(
        threshold=np.linspace(1, 0.4, count),
        coverage=coverage,
        accuracy=accuracy,
        low=np.maximum(accuracy - half_width, 0),
        high=np.minimum(accuracy + half_width, 1),
    )


@pytest.fixture
def drawn(tmp_path, figures):
    """Draws and returns the figure behind the picture."""

    def drawn(shown, chosen=None, title="MobileNetV2, 307 test images"):
        draw_coverage(tmp_path / "coverage.png", shown, title, chosen)
        return figures[-1]

    return drawn


def names(figure):
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


def test_accuracy_is_drawn_over_coverage_as_steps_with_its_band(drawn):
    shown = curve()
    (axes,) = drawn(shown).axes
    line, all_images = axes.get_lines()
    assert np.array_equal(line.get_xdata(), shown.coverage)
    assert np.array_equal(line.get_ydata(), shown.accuracy)
    assert line.get_drawstyle() == "steps-pre"
    assert all_images.get_ydata() == [shown.accuracy[-1]] * 2
    (band,) = (part for part in axes.collections if isinstance(part, PolyCollection))
    corners = {tuple(corner) for corner in band.get_paths()[0].vertices.round(12)}
    for edge in (shown.low, shown.high):
        assert set(zip(shown.coverage.round(12), edge.round(12), strict=True)) <= corners


def test_a_chosen_threshold_is_marked_and_told(drawn):
    figure = drawn(curve(), CHOSEN)
    *_, mark = figure.axes[0].get_lines()
    assert (mark.get_xdata().tolist(), mark.get_ydata().tolist()) == ([0.687], [0.9716])
    assert names(figure)[-1] == (
        "confidence of 94.97 % or more:\n68.7 % accepted, 97.2 % of them correct"
    )


def test_nothing_is_marked_where_nothing_is_chosen(drawn):
    figure = drawn(curve())
    assert names(figure) == ["95 % interval", "the most confident images", "all images"]


@pytest.mark.parametrize(("last", "half_width"), [(0.0, 0.1), (0.5, 0.3), (0.99, 0.01), (1.0, 0.0)])
def test_the_whole_band_lies_within_the_panel_and_no_tick_beyond_1(drawn, last, half_width):
    shown = curve(last=last, half_width=half_width)
    (axes,) = drawn(shown).axes
    low, high = axes.get_ylim()
    assert low < shown.low.min() <= shown.high.max() < high
    ticks = [tick for tick in axes.get_yticks().round(9) if low <= tick <= high]
    assert all(tick <= 1 for tick in ticks)
    labels = [axes.yaxis.get_major_formatter()(tick) for tick in ticks]
    assert len(set(labels)) == len(labels) > 1


def test_one_point_is_enough(drawn):
    (axes,) = drawn(curve(count=1)).axes
    assert axes.get_xlim() == (0, 1)


@pytest.mark.parametrize("chosen", [None, CHOSEN])
def test_no_text_lies_on_another(drawn, overlaps, chosen):
    assert overlaps(drawn(curve(), chosen, "MobileNet-Lung " * 8)) == []


def test_the_same_numbers_give_the_same_picture_sharp_enough_for_print(tmp_path):
    for name in ("one.png", "two.png"):
        draw_coverage(tmp_path / name, curve(), "title", CHOSEN)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as image:
        assert image.width >= 1200
