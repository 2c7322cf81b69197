import pytest
from PIL import Image

from lungscope.estimate import Estimate
from lungscope.figures.accuracies import AccuracyRow, draw_accuracies

ROWS = [
    AccuracyRow("MobileNet-Lung", Estimate(0.933, 0.9, 0.96), "model"),
    AccuracyRow("corners masked", Estimate(0.9, 0.86, 0.94), "masked"),
    AccuracyRow("centre masked", Estimate(0.36, 0.23, 0.5), "masked"),
    AccuracyRow("32 x 32 thumbnail", Estimate(0.83, 0.79, 0.87), "baseline"),
    AccuracyRow("majority class", Estimate(0.377, 0.26, 0.53), "baseline"),
]


@pytest.fixture
def drawn(tmp_path, figures):
    def drawn(rows=ROWS, title="MobileNet-Lung and what it should beat, 305 test images"):
        draw_accuracies(tmp_path / "accuracies.png", rows, title)
        return figures[-1]

    return drawn


def marks(axes):
    return [line for line in axes.get_lines() if line.get_marker() not in ("None", "none")]


def test_each_row_has_its_point_and_interval_in_the_given_order(drawn):
    (axes,) = drawn().axes
    points = [(line.get_ydata()[0], line.get_xdata()[0]) for line in marks(axes)]
    assert points == [(place, row.accuracy.value) for place, row in enumerate(ROWS)]
    bars = {
        (*line.get_xdata(), line.get_ydata()[0])
        for line in axes.get_lines()
        if line.get_solid_capstyle() == "butt"
    }
    assert bars == {(r.accuracy.low, r.accuracy.high, place) for place, r in enumerate(ROWS)}
    assert [label.get_text() for label in axes.get_yticklabels()] == [row.name for row in ROWS]
    first, second = axes.transData.transform([(0, 0), (0, 1)])[:, 1]
    assert first > second


def test_the_numbers_stand_at_the_right(drawn):
    (axes,) = drawn().axes
    assert [text.get_text() for text in axes.texts] == [
        "93.3 % (95\u00a0% 90.0 to 96.0)",
        "90.0 % (95\u00a0% 86.0 to 94.0)",
        "36.0 % (95\u00a0% 23.0 to 50.0)",
        "83.0 % (95\u00a0% 79.0 to 87.0)",
        "37.7 % (95\u00a0% 26.0 to 53.0)",
    ]


def test_a_line_goes_down_from_the_model_alone(drawn):
    (axes,) = drawn().axes
    lines = [line.get_xdata()[0] for line in axes.get_lines() if line.get_linestyle() == "--"]
    assert lines == [0.933]


def test_kinds_differ_also_without_colour_and_are_named(drawn):
    figure = drawn()
    looks = {
        row.kind: (line.get_marker(), line.get_markerfacecolor())
        for row, line in zip(ROWS, marks(figure.axes[0]), strict=True)
    }
    assert len(set(looks.values())) == 3
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "the model",
        "the model, images changed",
        "baselines",
    ]


@pytest.mark.parametrize("bounds", [(0, 0, 0), (0, 0, 1), (0.98, 0.97, 0.99), (1, 1, 1)])
def test_everything_is_in_view(drawn, bounds):
    (axes,) = drawn([AccuracyRow("model", Estimate(*bounds), "model")]).axes
    low, high = axes.get_xlim()
    assert low <= bounds[1] <= bounds[2] < high


@pytest.mark.parametrize("name", ["m", "$x_1$ " * 12, "a-long-name-of-a-model-" * 4])
@pytest.mark.parametrize("count", [1, 8])
def test_no_text_lies_on_another(drawn, overlaps, name, count):
    rows = [AccuracyRow(name, Estimate(0.9, 0.85, 1), "model")] * count
    assert overlaps(drawn(rows, "MobileNet-Lung " * 8)) == []


def test_the_same_numbers_give_the_same_figure_sharp_enough_for_print(tmp_path):
    for name in ("one.png", "two.png"):
        draw_accuracies(tmp_path / name, ROWS, "title")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as image:
        assert image.width >= 1200
