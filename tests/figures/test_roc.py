import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import average_precision_score

from lungscope.estimate import Estimate
from lungscope.evaluation.ranking import Ranking
from lungscope.figures.roc import ClassCurves, draw_roc

CLASSES = ("Lung Opacity", "Normal", "Viral Pneumonia")
LONG = "Acute respiratory distress syndrome with pleural effusion"


def scored(seed=0, count=200, apart=2.0):
    generator = np.random.default_rng(seed)
    positive = generator.random(count) < 0.3
    return generator.normal(size=count) + apart * positive, positive


def curves(name="Normal", **options):
    scores, positive = scored(**options)
    (right,), (taken,) = Ranking.of(scores, positive).counts()
    wrong = taken - right
    return ClassCurves(
        name=name,
        prevalence=float(positive.mean()),
        false_positive_rate=np.append(0, wrong / wrong[-1]),
        true_positive_rate=np.append(0, right / right[-1]),
        recall=right / right[-1],
        precision=right / taken,
        auroc=Estimate(0.977, 0.954, 0.993),
        auprc=Estimate(0.958, 0.904, 0.984),
    )


@pytest.fixture
def drawn(tmp_path, figures):
    """Draws and returns the figure behind the picture."""

    def drawn(names=CLASSES, title="MobileNetV2, 307 test images"):
        shown = [curves(name, seed=seed) for seed, name in enumerate(names)]
        draw_roc(tmp_path / "roc.png", shown, title)
        return figures[-1]

    return drawn


def lines(axes):
    """The curves, without those of guessing."""
    return [line for line in axes.get_lines() if line.get_marker() != "None"]


def test_each_class_has_its_roc_curve(drawn):
    roc, _ = drawn().axes
    for seed, line in enumerate(lines(roc)):
        expected = curves(seed=seed)
        assert np.array_equal(line.get_xdata(), expected.false_positive_rate)
        assert np.array_equal(line.get_ydata(), expected.true_positive_rate)
    assert (roc.get_xlabel(), roc.get_ylabel()) == ("1 - specificity", "sensitivity")


def test_the_area_under_the_drawn_steps_is_the_average_precision(drawn):
    _, precision_recall = drawn().axes
    for seed, line in enumerate(lines(precision_recall)):
        assert line.get_drawstyle() == "steps-pre"
        recall, precision = line.get_xdata(), line.get_ydata()
        area = np.sum(np.diff(recall) * precision[1:])
        scores, positive = scored(seed=seed)
        assert area == pytest.approx(average_precision_score(positive, scores))


def test_guessing_is_the_diagonal_and_the_share_of_each_class(drawn):
    roc, precision_recall = drawn().axes
    diagonal = roc.get_lines()[0]
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == [0, 1]
    levels = [
        line.get_ydata()[0] for line in precision_recall.get_lines() if line.get_marker() == "None"
    ]
    assert levels == [curves(seed=seed).prevalence for seed in range(3)]


def test_legends_name_each_class_with_its_area_and_interval(drawn):
    for axes, told, area in zip(
        drawn().axes,
        ("area under the curve, 95 % interval", "average precision, 95 % interval"),
        ("0.977 (0.954 to 0.993)", "0.958 (0.904 to 0.984)"),
        strict=True,
    ):
        legend = axes.get_legend()
        assert legend.get_title().get_text() == told
        texts = [text.get_text() for text in legend.get_texts()]
        assert texts == [*(f"{name}: {area}" for name in CLASSES), "guessing"]
        for handle, line in zip(legend.legend_handles, lines(axes), strict=False):
            assert handle.get_color() == line.get_color()
            assert handle.get_marker() == line.get_marker()
            assert handle.get_linestyle() == line.get_linestyle()


def test_classes_differ_in_more_than_colour_and_twenty_differ_at_all(drawn):
    roc, _ = drawn([str(k) for k in range(20)]).axes
    looks = [(line.get_color(), line.get_linestyle(), line.get_marker()) for line in lines(roc)]
    assert len(set(looks)) == 20
    in_grey = [look[1:] for look in looks]
    assert len(set(in_grey)) == 20


@pytest.mark.parametrize("names", [CLASSES, ["Normal"], [LONG] * 2, [f"no. {k}" for k in range(9)]])
def test_no_text_lies_on_another_and_panels_stay_nearly_square(drawn, overlaps, names):
    figure = drawn(names, "MobileNet-Lung " * 8)
    assert overlaps(figure) == []
    for axes in figure.axes:
        box = axes.get_window_extent()
        assert 0.75 < box.width / box.height < 1.34


def test_the_same_numbers_give_the_same_picture_sharp_enough_for_print(tmp_path):
    for name in ("one.png", "two.png"):
        draw_roc(tmp_path / name, [curves()], "title")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as image:
        assert image.width >= 1700
