import numpy as np
import pytest
from PIL import Image

from lungscope.figures.validation_accuracy import draw_validation_accuracy
from lungscope.training.history import Epoch

MODELS = [
    *("SqueezeNet", "VGG11", "ResNet18", "DenseNet121"),
    *("MobileNetV2", "MobileNet-FT", "MobileNet-Lung", "SqueezeNet 1.1"),
]


def history(count, top, seed):
    rise = 1 - np.exp(-np.arange(1, count + 1) / 5)
    noise = np.random.default_rng(seed).normal(0, 0.01, count)
    values = (0.5 + (top - 0.5) * rise + noise).tolist()
    return [Epoch(n, 0.01, 0.5, 0.5, 0.5, value, 1.0) for n, value in enumerate(values, start=1)]


def histories(names=MODELS):
    return {name: history(15 + n, 0.7 + 0.03 * n, n) for n, name in enumerate(names)}


@pytest.fixture
def drawn(tmp_path, figures):
    def drawn(rows, title="Figure 9. Validation accuracy of all models"):
        draw_validation_accuracy(tmp_path / "all.png", rows, title)
        return figures[-1]

    return drawn


def test_every_models_validation_accuracy_is_drawn_by_epoch(drawn):
    rows = histories()
    (axes,) = drawn(rows).axes
    for line, epochs in zip(axes.get_lines(), rows.values(), strict=True):
        assert line.get_xdata().tolist() == [row.epoch for row in epochs]
        assert line.get_ydata().tolist() == [row.validation_accuracy for row in epochs]


def test_the_first_best_epoch_is_marked(drawn):
    rows = [Epoch(n, 0.01, 1, 0.5, 1, value, 1) for n, value in ((1, 0.5), (2, 0.75), (3, 0.75))]
    (axes,) = drawn({"one": rows}).axes
    (line,) = axes.get_lines()
    assert line.get_markevery() == [1]
    (text,) = axes.get_legend().get_texts()
    assert text.get_text() == "one\n75.0 %, epoch 2"


def test_the_legend_is_in_the_order_of_accuracy(drawn):
    rows = histories()
    (axes,) = drawn(rows).axes
    best = {name: max(row.validation_accuracy for row in epochs) for name, epochs in rows.items()}
    told = [text.get_text().split("\n")[0] for text in axes.get_legend().get_texts()]
    assert told == sorted(best, key=best.get, reverse=True)


def test_no_two_lines_look_the_same_and_none_by_colour_alone(drawn):
    (axes,) = drawn(histories()).axes
    looks = [(line.get_color(), line._dash_pattern, line.get_marker()) for line in axes.get_lines()]
    for part in (lambda look: look[0], lambda look: str(look[1:])):
        assert len({part(look) for look in looks}) == len(MODELS)


def test_axes_say_what_they_show_and_in_which_unit(drawn):
    figure = drawn(histories())
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "validation accuracy")
    assert all(label.get_text().endswith(" %") for label in axes.get_yticklabels())
    assert figure.get_suptitle() == "Figure 9. Validation accuracy of all models"


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("count", [1, 2, 33])
def test_every_value_is_seen(drawn, level, count):
    rows = [Epoch(n, 0.01, 0.5, 0.5, 0.5, level, 1.0) for n in range(1, count + 1)]
    (axes,) = drawn({"one": rows, "other": rows[:1]}).axes
    low, high = axes.get_ylim()
    assert low < level < high
    assert all(tick == int(tick) for tick in axes.get_xticks())


def test_no_text_lies_on_another_even_under_a_long_title(drawn, overlaps):
    figure = drawn(histories(), "Figure 9. Validation accuracy; " * 5)
    (axes,) = figure.axes
    assert overlaps(figure) == []
    legend = axes.get_legend().get_window_extent()
    assert not legend.overlaps(figure._suptitle.get_window_extent())
    assert not legend.overlaps(axes.get_window_extent())


def test_the_picture_is_sharp_enough_for_print_and_the_same_each_time(tmp_path):
    for name in ("one.png", "two.png"):
        draw_validation_accuracy(tmp_path / name, histories(), "Figure 9")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as image:
        assert image.width >= 1700
