import numpy as np
import pytest

from lungscope.figures.confusion_matrix import draw_confusion_matrix

SHORT = ("Lung Opacity", "Normal", "Viral Pneumonia")


@pytest.fixture
def drawn(tmp_path, figures):
    def drawn(classes):
        counts = np.full((len(classes), len(classes)), 1234.0)
        draw_confusion_matrix(tmp_path / "matrix.png", counts, classes, "347 test images")
        return figures[-1]

    return drawn


def below(figure):
    """The names below the cells."""
    return figure.axes[0].get_xticklabels()


def test_short_names_are_upright_below_their_cells(drawn):
    assert {label.get_rotation() for label in below(drawn(SHORT))} == {0}


@pytest.mark.parametrize(
    "classes",
    [
        ("WWWWWWWWWWWW", "MMMMMMMMMMMM"),
        ("Bronchopneumonia", "Consolidation", "Normal"),
        ("肺部混浊阴影不透明区域", "病毒性肺炎病毒性肺炎", "正常"),
    ],
)
def test_names_that_would_collide_or_be_broken_are_turned(drawn, classes):
    figure = drawn(classes)
    assert {label.get_rotation() for label in below(figure)} == {45}
    assert all("\n" not in label.get_text() for label in below(figure))


@pytest.mark.parametrize("classes", [SHORT, ("W" * 18, "M" * 18), ("$" * 18, " ", "a b")])
def test_wide_names_widen_the_picture_and_leave_cells_their_size(drawn, classes):
    figure = drawn(classes)
    figure.draw_without_rendering()
    (left, _), (right, _) = figure.axes[0].transData.transform([(-0.5, 0), (0.5, 0)])
    assert (right - left) / figure.dpi > 0.85  # inches; a count of four digits needs 0.5
