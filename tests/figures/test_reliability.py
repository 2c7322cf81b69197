import numpy as np
import pytest
from PIL import Image

from lungscope.estimate import Estimate
from lungscope.figures.reliability import Reliability, draw_reliability

LONG = "as trained, before any temperature was fitted on validation images"


def panel(title="as trained", lowest=0.55, count=10, seed=0):
    generator = np.random.default_rng(seed)
    confidences = np.sort(1 - (1 - lowest) * generator.beta(0.3, 1.5, 300))
    bins = []
    for part in np.array_split(confidences, count):
        right = float(np.clip(part.mean() - 0.05, 0, 1))
        interval = Estimate(right, max(0.0, right - 0.1), min(1.0, right + 0.1))
        bins.append((float(part.mean()), interval))
    return Reliability(title, bins, confidences, Estimate(0.0449, 0.0, 0.0804))


@pytest.fixture
def drawn(tmp_path, figures):
    """Draws and returns the figure behind the picture."""

    def drawn(*panels, title="MobileNetV2, 307 test images"):
        draw_reliability(tmp_path / "reliability.png", panels, title)
        return figures[-1]

    return drawn


def test_each_point_lies_at_its_bins_confidence_and_accuracy(drawn):
    shown = panel()
    axes = drawn(shown).axes[0]
    (bars,) = axes.containers
    points, _, (intervals,) = bars.lines
    assert points.get_xdata().tolist() == [confidence for confidence, _ in shown.bins]
    assert points.get_ydata().tolist() == [accuracy.value for _, accuracy in shown.bins]
    for segment, (_, accuracy) in zip(intervals.get_segments(), shown.bins, strict=True):
        ends = [accuracy.low, accuracy.high]
        assert segment[:, 1].tolist() == pytest.approx(ends)


def test_the_diagonal_is_where_confidence_is_accuracy(drawn):
    diagonal = drawn(panel()).axes[0].get_lines()[0]
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())


def test_the_histogram_counts_every_image_also_those_rounded_above_1(drawn):
    shown = panel()
    shown.confidences[-3:] = 1.0004
    _, histogram = drawn(shown).axes
    assert sum(bar.get_height() for bar in histogram.patches) == 300
    in_last = [bar for bar in histogram.patches if bar.get_x() == pytest.approx(0.95)]
    assert in_last[0].get_height() == (shown.confidences >= 0.95).sum()


def test_before_and_after_stand_side_by_side_on_the_same_axes(drawn):
    figure = drawn(panel(), panel("temperature 1.35", lowest=0.4, seed=1))
    before, after, *histograms = figure.axes
    assert before.get_title() == "as trained\nECE 4.5 % (95\u00a0% 0.0 to 8.0)"
    assert after.get_title().startswith("temperature 1.35")
    assert before.get_ylim() == after.get_ylim()
    assert len({axes.get_xlim() for axes in figure.axes}) == 1
    assert len({axes.get_ylim() for axes in histograms}) == 1


@pytest.mark.parametrize("lowest", [0.0, 0.12, 0.5, 0.97])
def test_every_interval_lies_within_the_panel(drawn, lowest):
    shown = panel(lowest=lowest)
    axes = drawn(shown).axes[0]
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    for confidence, accuracy in shown.bins:
        assert left <= confidence <= right
        assert low <= accuracy.low <= accuracy.high <= high


def test_a_single_bin_of_one_certain_image_is_drawn(drawn):
    certain = [(1.0, Estimate(1.0, 1.0, 1.0))]
    figure = drawn(Reliability("as trained", certain, np.ones(1), Estimate(0, 0, 0)))
    low, high = figure.axes[0].get_ylim()
    assert low < 1 < high


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("lowest", [0.2, 0.55, 0.97])
def test_no_text_lies_on_another(drawn, overlaps, count, lowest):
    panels = [panel(LONG, lowest=lowest) for _ in range(count)]
    assert overlaps(drawn(*panels, title="MobileNet-Lung " * 8)) == []


def test_the_same_numbers_give_the_same_picture_sharp_enough_for_print(tmp_path):
    for name in ("one.png", "two.png"):
        draw_reliability(tmp_path / name, [panel(), panel()], "title")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as image:
        assert image.width >= 1600
