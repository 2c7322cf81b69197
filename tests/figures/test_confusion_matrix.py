import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from lungscope.figures.confusion_matrix import draw_confusion_matrix

CLASSES = ("Lung Opacity", "Normal", "Viral Pneumonia")
MATRIX = np.array([[100.0, 10, 2], [9, 115, 1], [0, 3, 107]])
LONG = "Acute respiratory distress syndrome with pleural effusion"


@pytest.fixture
def drawn(tmp_path, figures):
    """Draws and returns the figure behind the picture."""

    def drawn(matrix=MATRIX, classes=CLASSES, title="MobileNet-Lung, 347 test images"):
        draw_confusion_matrix(tmp_path / "matrix.png", matrix, classes, title)
        return figures[-1]

    return drawn


def cells(figure, classes):
    """(true, predicted) -> the text of that cell."""
    return {
        (int(text.get_position()[1]), int(text.get_position()[0])): text
        for text in figure.axes[0].texts
    }


def test_each_cell_holds_count_and_share_of_its_true_class(drawn):
    found = cells(drawn(), 3)
    assert len(found) == 9
    assert found[0, 1].get_text() == "10\n8.9 %"  # 10 of the 112 opacities were called normal
    assert found[1, 0].get_text() == "9\n7.2 %"
    assert found[2, 0].get_text() == "0\n0.0 %"


def test_true_classes_are_rows_and_predicted_classes_columns(drawn):
    axes = drawn().axes[0]
    assert axes.get_ylabel() == "true class"
    assert axes.get_xlabel() == "predicted class"
    assert [label.get_text() for label in axes.get_yticklabels()] == list(CLASSES)
    top, bottom = axes.transData.transform([(0, 0), (0, 2)])[:, 1]
    assert top > bottom  # the first class is on top, as in the table


def test_a_class_without_an_image_has_counts_but_no_shares(drawn):
    found = cells(drawn(np.array([[5.0, 1], [0, 0]]), ("a", "b")), 2)
    assert [found[1, k].get_text() for k in (0, 1)] == ["0", "0"]


def test_every_number_stands_out_from_its_cell(drawn):
    shares = np.arange(1, 101)
    for start in range(0, 100, 10):
        share = shares[start : start + 10]
        matrix = np.stack([share, 100 - share], axis=1)[:2].astype(float)
        figure = drawn(matrix, ("a", "b"))
        image = figure.axes[0].images[0]
        for (row, column), text in cells(figure, 2).items():
            ground = image.cmap(image.norm(image.get_array()[row, column]))[:3]
            assert contrast(to_rgb(text.get_color()), ground) > 4.5  # WCAG 2.1, level AA


def contrast(one, other):
    def luminance(rgb):
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
        return float(np.dot([0.2126, 0.7152, 0.0722], linear))

    dark, bright = sorted([luminance(one), luminance(other)])
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    "classes", [CLASSES, ("Normal", LONG), ("a", "b", LONG, LONG), ("Normal", "x" * 60)]
)
def test_no_text_lies_on_another(drawn, overlaps, classes):
    assert overlaps(drawn(np.full((len(classes), len(classes)), 1234.0), classes)) == []


def test_ten_classes_fit_their_numbers_into_the_cells(drawn):
    classes = [f"Finding number {k}" for k in range(10)]
    figure = drawn(np.full((10, 10), 12345.0), classes)
    axes = figure.axes[0]
    (left, _), (right, _) = axes.transData.transform([(-0.5, 0), (0.5, 0)])
    for text in axes.texts:
        assert text.get_window_extent().width < right - left


def test_shades_darken_with_the_share_also_in_grey_print(drawn):
    colours = drawn().axes[0].images[0].cmap(np.linspace(0, 1, 50))[:, :3]
    grey = colours @ [0.299, 0.587, 0.114]
    assert (np.diff(grey) < 0).all()


def test_the_same_matrix_gives_the_same_picture(tmp_path):
    for name in ("one.png", "two.png"):
        draw_confusion_matrix(tmp_path / name, MATRIX, CLASSES, "title")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as image:
        assert min(image.size) > 700


SHORT = ("Lung Opacity", "Normal", "Viral Pneumonia")


@pytest.fixture
def drawn_names(tmp_path, figures):
    def drawn_names(classes):
        counts = np.full((len(classes), len(classes)), 1234.0)
        draw_confusion_matrix(tmp_path / "matrix.png", counts, classes, "347 test images")
        return figures[-1]

    return drawn_names


def below(figure):
    """The names below the cells."""
    return figure.axes[0].get_xticklabels()


def test_short_names_are_upright_below_their_cells(drawn_names):
    assert {label.get_rotation() for label in below(drawn_names(SHORT))} == {0}


@pytest.mark.parametrize(
    "classes",
    [
        ("WWWWWWWWWWWW", "MMMMMMMMMMMM"),
        ("Bronchopneumonia", "Consolidation", "Normal"),
        ("肺部混浊阴影不透明区域", "病毒性肺炎病毒性肺炎", "正常"),
    ],
)
def test_names_that_would_collide_or_be_broken_are_turned(drawn_names, classes):
    figure = drawn_names(classes)
    assert {label.get_rotation() for label in below(figure)} == {45}
    assert all("\n" not in label.get_text() for label in below(figure))


@pytest.mark.parametrize("classes", [SHORT, ("W" * 18, "M" * 18), ("$" * 18, " ", "a b")])
def test_wide_names_widen_the_picture_and_leave_cells_their_size(drawn_names, classes):
    figure = drawn_names(classes)
    figure.draw_without_rendering()
    (left, _), (right, _) = figure.axes[0].transData.transform([(-0.5, 0), (0.5, 0)])
    assert (right - left) / figure.dpi > 0.85  # inches; a count of four digits needs 0.5
