import math

import numpy as np
import pytest
from PIL import Image

from lungscope.figures.learning_curves import draw_learning_curves, draw_validation_accuracy
from lungscope.training.history import Epoch


def history(count, seed=0):
    noise = np.random.default_rng(seed).normal(0, 0.01, (4, count))
    rise = 1 - np.exp(-np.arange(1, count + 1) / 6)
    means = np.array([0.9 - 0.7 * rise, 0.6 + 0.35 * rise, 0.95 - 0.65 * rise, 0.6 + 0.3 * rise])
    rows = (means + noise).T
    return [
        Epoch(number, 0.01, *map(float, values), float(values[-1]), 1.0)
        for number, values in enumerate(rows, start=1)
    ]


@pytest.fixture
def drawn(tmp_path, figures):
    """Draws and returns the figure behind the picture."""

    def drawn(rows, title="MobileNet-Lung"):
        draw_learning_curves(tmp_path / "curves.png", rows, title)
        return figures[-1]

    return drawn


def curves(axes):
    training, validation, _ = axes.get_lines()
    return training, validation


def test_training_and_validation_are_drawn_by_epoch_as_in_the_papers_figures(drawn):
    rows = history(33)
    loss, accuracy = drawn(rows).axes
    expected = {
        loss: ([row.train_loss for row in rows], [row.validation_loss for row in rows]),
        accuracy: ([row.train_accuracy for row in rows], [row.validation_accuracy for row in rows]),
    }
    for axes, pair in expected.items():
        for line, values in zip(curves(axes), pair, strict=True):
            assert line.get_xdata().tolist() == list(range(1, 34))
            assert line.get_ydata().tolist() == values


def test_axes_say_what_they_show_and_in_which_unit(drawn):
    figure = drawn(history(5))
    loss, accuracy = figure.axes
    assert loss.get_ylabel() == "cross-entropy (nats)"
    assert accuracy.get_ylabel() == "accuracy"
    assert [axes.get_xlabel() for axes in figure.axes] == ["epoch", "epoch"]
    ticks = [label.get_text() for label in accuracy.get_yticklabels()]
    assert all(tick.endswith(" %") for tick in ticks)
    assert figure.get_suptitle() == "MobileNet-Lung"


def test_the_legend_names_the_first_best_epoch(drawn):
    rows = [
        Epoch(1, 0.01, 1, 0.5, 1, 0.5, 0.5, 1),
        Epoch(2, 0.01, 1, 0.5, 1, 0.875, 0.875, 1),
        Epoch(3, 0.01, 1, 0.5, 1, 0.875, 0.875, 1),
    ]
    (legend,) = drawn(rows).legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "training",
        "validation",
        "best epoch: 2, validation accuracy 87.5 %",
    ]


def test_the_two_curves_differ_in_more_than_colour(drawn):
    for axes in drawn(history(5)).axes:
        training, validation = curves(axes)
        assert training.get_linestyle() != validation.get_linestyle()
        assert training.get_marker() != validation.get_marker()


@pytest.mark.parametrize("count", [1, 2, 10, 33, 100])
def test_every_value_lies_well_within_its_panel(drawn, count):
    for axes in drawn(history(count)).axes:
        low, high = axes.get_ylim()
        margin = 0.01 * (high - low)
        for line in curves(axes):
            assert low + margin < min(line.get_ydata())
            assert max(line.get_ydata()) < high - margin
        assert all(tick == int(tick) for tick in axes.get_xticks())


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_perfect_and_hopeless_accuracies_are_seen_and_no_tick_goes_beyond_1(drawn, level):
    rows = [Epoch(k, 0.01, 0.0, level, 0.0, level, level, 1.0) for k in (1, 2, 3)]
    _, accuracy = drawn(rows).axes
    low, high = accuracy.get_ylim()
    assert low < level < high
    assert all(0 <= t <= 1 for t in accuracy.get_yticks().round(9) if low <= t <= high)


def test_a_validation_loss_that_is_no_number_does_not_end_the_training(drawn):
    ends = [
        Epoch(k, 0.01, 0.5, 0.5, loss, 0.5, 0.5, 1.0) for k, loss in ((4, math.nan), (5, math.inf))
    ]
    rows = [*history(3), *ends]
    loss, _ = drawn(rows).axes
    assert np.isfinite(loss.get_ylim()).all()


def test_no_text_lies_on_another(drawn, overlaps):
    assert overlaps(drawn(history(33), "MobileNet-Lung " * 8)) == []


def test_the_picture_is_sharp_enough_for_print_and_the_same_each_time(tmp_path):
    for name in ("one.png", "two.png"):
        draw_learning_curves(tmp_path / name, history(33), "MobileNet-Lung")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as image:
        assert image.width >= 1700


MODELS = [
    *("SqueezeNet", "VGG11", "ResNet18", "DenseNet121"),
    *("MobileNetV2", "MobileNet-FT", "MobileNet-Lung", "SqueezeNet 1.1"),
]


def history_with_noise(count, top, seed):
    rise = 1 - np.exp(-np.arange(1, count + 1) / 5)
    noise = np.random.default_rng(seed).normal(0, 0.01, count)
    values = (0.5 + (top - 0.5) * rise + noise).tolist()
    return [
        Epoch(n, 0.01, 0.5, 0.5, 0.5, value, value, 1.0) for n, value in enumerate(values, start=1)
    ]


def histories(names=MODELS):
    return {name: history_with_noise(15 + n, 0.7 + 0.03 * n, n) for n, name in enumerate(names)}


@pytest.fixture
def drawn_together(tmp_path, figures):
    def drawn_together(rows, title="Figure 9. Validation accuracy of all models"):
        draw_validation_accuracy(tmp_path / "all.png", rows, title)
        return figures[-1]

    return drawn_together


def test_every_models_validation_accuracy_is_drawn_by_epoch(drawn_together):
    rows = histories()
    (axes,) = drawn_together(rows).axes
    for line, epochs in zip(axes.get_lines(), rows.values(), strict=True):
        assert line.get_xdata().tolist() == [row.epoch for row in epochs]
        assert line.get_ydata().tolist() == [row.validation_accuracy for row in epochs]


def test_the_first_best_epoch_is_marked(drawn_together):
    rows = [
        Epoch(n, 0.01, 1, 0.5, 1, value, value, 1) for n, value in ((1, 0.5), (2, 0.75), (3, 0.75))
    ]
    (axes,) = drawn_together({"one": rows}).axes
    (line,) = axes.get_lines()
    assert line.get_markevery() == [1]
    (text,) = axes.get_legend().get_texts()
    assert text.get_text() == "one\n75.0 %, epoch 2"


def test_the_legend_is_in_the_order_of_accuracy(drawn_together):
    rows = histories()
    (axes,) = drawn_together(rows).axes
    best = {name: max(row.validation_accuracy for row in epochs) for name, epochs in rows.items()}
    shown = [text.get_text().split("\n")[0] for text in axes.get_legend().get_texts()]
    assert shown == sorted(best, key=best.get, reverse=True)


def test_no_two_lines_look_the_same_and_none_by_colour_alone(drawn_together):
    (axes,) = drawn_together(histories()).axes
    looks = [(line.get_color(), line._dash_pattern, line.get_marker()) for line in axes.get_lines()]
    for part in (lambda look: look[0], lambda look: str(look[1:])):
        assert len({part(look) for look in looks}) == len(MODELS)


def test_axes_of_all_models_say_what_they_show(drawn_together):
    figure = drawn_together(histories())
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "validation accuracy")
    assert all(label.get_text().endswith(" %") for label in axes.get_yticklabels())
    assert figure.get_suptitle() == "Figure 9. Validation accuracy of all models"


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("count", [1, 2, 33])
def test_every_value_is_seen(drawn_together, level, count):
    rows = [Epoch(n, 0.01, 0.5, 0.5, 0.5, level, level, 1.0) for n in range(1, count + 1)]
    (axes,) = drawn_together({"one": rows, "other": rows[:1]}).axes
    low, high = axes.get_ylim()
    assert low < level < high
    assert all(tick == int(tick) for tick in axes.get_xticks())


def test_no_text_lies_on_another_even_under_a_long_title(drawn_together, overlaps):
    figure = drawn_together(histories(), "Figure 9. Validation accuracy; " * 5)
    (axes,) = figure.axes
    assert overlaps(figure) == []
    legend = axes.get_legend().get_window_extent()
    assert not legend.overlaps(figure._suptitle.get_window_extent())
    assert not legend.overlaps(axes.get_window_extent())


def test_the_picture_of_all_models_is_sharp_enough_and_the_same_each_time(tmp_path):
    for name in ("one.png", "two.png"):
        draw_validation_accuracy(tmp_path / name, histories(), "Figure 9")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as image:
        assert image.width >= 1700
