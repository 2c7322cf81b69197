from dataclasses import dataclass

import pytest
from matplotlib.collections import PolyCollection

from lungscope.figures.faithfulness import draw_faithfulness

SHARES = tuple(k / 10 for k in range(11))


@dataclass
class Interval:
    value: float
    low: float
    high: float


@dataclass
class Curve:
    probabilities: list
    area: Interval


@dataclass
class Comparison:
    by_heat: Curve
    by_displaced: Curve


def curve(start, end):
    values = [start + (end - start) * share for share in SHARES]
    found = [Interval(v, max(0, v - 0.1), min(1, v + 0.05)) for v in values]
    return Curve(found, Interval((start + end) / 2, 0, 1))


DELETION = Comparison(curve(0.9, 0.1), curve(0.9, 0.5))
INSERTION = Comparison(curve(0.3, 1.0), curve(0.3, 0.6))


@pytest.fixture
def drawn(tmp_path, figures):
    def drawn(title="MobileNet-Lung, 60 test images"):
        draw_faithfulness(tmp_path / "faithfulness.png", SHARES, DELETION, INSERTION, title)
        return figures[-1]

    return drawn


def test_both_pairs_of_curves_are_drawn_with_their_bands_on_one_scale(drawn):
    left, right = drawn().axes
    assert left.get_ylim() == right.get_ylim()
    for axes, compared in ((left, DELETION), (right, INSERTION)):
        bands = [part for part in axes.collections if isinstance(part, PolyCollection)]
        for line, band, found in zip(
            axes.get_lines(), bands, (compared.by_heat, compared.by_displaced), strict=False
        ):
            assert list(line.get_xdata()) == list(SHARES)
            assert list(line.get_ydata()) == [each.value for each in found.probabilities]
            corners = {tuple(corner) for corner in band.get_paths()[0].vertices.round(9)}
            for share, each in zip(SHARES, found.probabilities, strict=True):
                assert {(share, round(each.low, 9)), (share, round(each.high, 9))} <= corners
        styles = {line.get_linestyle() for line in axes.get_lines()}
        assert len(styles) == 2  # told apart without colours, too


def test_it_is_said_which_direction_is_good_and_how_large_the_areas_are(drawn):
    left, right = drawn().axes
    assert left.get_title() == "Deletion: lower is better"
    assert right.get_title() == "Insertion: higher is better"
    assert [text.get_text() for text in left.texts] == ["area 50.0 % by heat, 70.0 % displaced"]
    assert [text.get_text() for text in right.texts] == ["area 65.0 % by heat, 45.0 % displaced"]


@pytest.mark.parametrize("title", ["MobileNet-Lung, 60 test images", "a long name " * 12])
def test_no_text_lies_on_another(drawn, overlaps, title):
    assert overlaps(drawn(title)) == []
