import numpy as np
import pytest

from lungscope.figures.severities import CorruptedSeries, draw_severities

IMAGE = np.arange(32 * 32, dtype=np.uint32).reshape(32, 32).astype(np.uint8)


def series(title="Blur", count=5):
    return CorruptedSeries(
        title,
        "standard deviation, pixels of 224",
        tuple(0.5 * number for number in range(1, count + 1)),
        [np.full((32, 32), 10 * number, np.uint8) for number in range(1, count + 1)],
    )


@pytest.fixture
def drawn(tmp_path, figures):
    def drawn(rows, title="Every corruption at every severity"):
        draw_severities(tmp_path / "severities.png", IMAGE, rows, title)
        return figures[-1]

    return drawn


def picture(axes):
    (image,) = axes.get_images()
    return image


def test_every_row_begins_with_the_clean_image_and_goes_on_by_severity(drawn):
    rows = [series("Blur"), series("Noise")]
    panels = np.array(drawn(rows).axes).reshape(2, 6)
    for row, each in zip(panels, rows, strict=True):
        shown = [np.asarray(picture(axes).get_array()) for axes in row]
        for found, expected in zip(shown, [IMAGE, *each.images], strict=True):
            assert np.array_equal(found, expected)
        assert [axes.get_title() for axes in row] == ["clean", "0.5", "1", "1.5", "2", "2.5"]


def test_grey_levels_are_shown_as_they_are_and_not_stretched(drawn):
    for axes in drawn([series()]).axes:
        assert picture(axes).get_clim() == (0, 255)
        assert picture(axes).get_cmap().name == "gray"


def test_rows_and_columns_are_named_once(drawn):
    figure = drawn([series("Blur"), series("Noise")])
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert [text for text in texts if text.startswith("severity")] == [
        f"severity {number}" for number in range(6)
    ]
    assert [text for text in texts if text in {"Blur", "Noise"}] == ["Blur", "Noise"]
    assert texts.count("standard\ndeviation, pixels\nof 224") == 2


@pytest.mark.parametrize("count", [1, 7])
def test_no_text_lies_on_another(drawn, overlaps, count):
    assert overlaps(drawn([series("Downscaling and back")] * count)) == []


def test_the_same_image_gives_the_same_figure(tmp_path):
    for name in ("one.png", "two.png"):
        draw_severities(tmp_path / name, IMAGE, [series()], "title")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
