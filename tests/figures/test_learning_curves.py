import math

import numpy as np
import pytest
from PIL import Image

from lungscope.figures.learning_curves import draw_learning_curves
from lungscope.training.history import Epoch


def history(count, seed=0):
    noise = np.random.default_rng(seed).normal(0, 0.01, (4, count))
    rise = 1 - np.exp(-np.arange(1, count + 1) / 6)
    means = np.array([0.9 - 0.7 * rise, 0.6 + 0.35 * rise, 0.95 - 0.65 * rise, 0.6 + 0.3 * rise])
    rows = (means + noise).T
    return [
        Epoch(number, 0.01, *(float(value) for value in values), 1.0)
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
        Epoch(1, 0.01, 1, 0.5, 1, 0.5, 1),
        Epoch(2, 0.01, 1, 0.5, 1, 0.875, 1),
        Epoch(3, 0.01, 1, 0.5, 1, 0.875, 1),
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
    rows = [Epoch(k, 0.01, 0.0, level, 0.0, level, 1.0) for k in (1, 2, 3)]
    _, accuracy = drawn(rows).axes
    low, high = accuracy.get_ylim()
    assert low < level < high
    assert all(0 <= t <= 1 for t in accuracy.get_yticks().round(9) if low <= t <= high)


def test_a_validation_loss_that_is_no_number_does_not_end_the_training(drawn):
    ends = [Epoch(k, 0.01, 0.5, 0.5, loss, 0.5, 1.0) for k, loss in ((4, math.nan), (5, math.inf))]
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
