import pytest
from matplotlib.collections import PolyCollection

from lungscope.estimate import Estimate
from lungscope.figures.attributions import CurvePanel, draw_faithfulness, draw_randomisation

PROPORTIONS = tuple(k / 10 for k in range(11))


def curve(start, end):
    values = [start + (end - start) * proportion for proportion in PROPORTIONS]
    return [Estimate(v, max(0, v - 0.1), min(1, v + 0.05)) for v in values]


DELETION = CurvePanel(curve(0.9, 0.1), curve(0.9, 0.5), (0.5, 0.7))
INSERTION = CurvePanel(curve(0.3, 1.0), curve(0.3, 0.6), (0.65, 0.45))


@pytest.fixture
def drawn(tmp_path, figures):
    def drawn(title="MobileNet-Lung, 60 test images"):
        draw_faithfulness(tmp_path / "faithfulness.png", PROPORTIONS, DELETION, INSERTION, title)
        return figures[-1]

    return drawn


def test_both_pairs_of_curves_are_drawn_with_their_bands_on_one_scale(drawn):
    left, right = drawn().axes
    assert left.get_ylim() == right.get_ylim()
    for axes, panel in ((left, DELETION), (right, INSERTION)):
        bands = [part for part in axes.collections if isinstance(part, PolyCollection)]
        for line, band, found in zip(
            axes.get_lines(), bands, (panel.by_attribution, panel.by_displaced), strict=False
        ):
            assert list(line.get_xdata()) == list(PROPORTIONS)
            assert list(line.get_ydata()) == [each.value for each in found]
            corners = {tuple(corner) for corner in band.get_paths()[0].vertices.round(9)}
            for proportion, each in zip(PROPORTIONS, found, strict=True):
                assert {
                    (proportion, round(each.low, 9)),
                    (proportion, round(each.high, 9)),
                } <= corners
        styles = {line.get_linestyle() for line in axes.get_lines()}
        assert len(styles) == 2  # distinguishable without colours, too


def test_it_is_said_which_direction_is_good_and_how_large_the_areas_are(drawn):
    left, right = drawn().axes
    assert left.get_title() == "Deletion: lower is better"
    assert right.get_title() == "Insertion: higher is better"
    assert [text.get_text() for text in left.texts] == ["area 50.0 %, displaced 70.0 %"]
    assert [text.get_text() for text in right.texts] == ["area 65.0 %, displaced 45.0 %"]


@pytest.mark.parametrize("title", ["MobileNet-Lung, 60 test images", "a long name " * 12])
def test_no_text_lies_on_another(drawn, overlaps, title):
    assert overlaps(drawn(title)) == []


def similarities(count):
    values = [0.9 / (k + 1) for k in range(count)]
    return [Estimate(v, v - 0.02, v + 0.03) for v in values]


@pytest.fixture
def drawn_randomisation(tmp_path, figures):
    def drawn_randomisation(names, title="MobileNet-Lung, 60 test images"):
        path = tmp_path / "randomisation.png"
        draw_randomisation(path, names, similarities(len(names)), 0.115, title)
        return figures[-1]

    return drawn_randomisation


def test_similarity_is_drawn_by_depth_from_one_on_with_its_band_and_chance(drawn_randomisation):
    names = ["classifier", "layer4", "layer3"]
    (axes,) = drawn_randomisation(names).axes
    line, chance = axes.get_lines()
    assert list(line.get_xdata()) == [0, 1, 2, 3]
    assert list(line.get_ydata()) == [1, *(each.value for each in similarities(len(names)))]
    assert list(chance.get_ydata()) == [0.115] * 2
    assert [label.get_text() for label in axes.get_xticklabels()] == ["none", *names]
    (band,) = (part for part in axes.collections if isinstance(part, PolyCollection))
    corners = {tuple(corner) for corner in band.get_paths()[0].vertices.round(9)}
    for place, each in enumerate(similarities(len(names)), start=1):
        ends = {round(each.low, 9), round(each.high, 9)}
        assert {(place, end) for end in ends} <= corners


@pytest.mark.parametrize(
    "names",
    [
        ["classifier"],
        ["classifier", *(str(k) for k in range(18, 0, -1)), "se", "0"],
        ["classifier", "norm5", "denseblock4", "transition3", "denseblock3", "norm0", "conv0"],
    ],
)
@pytest.mark.parametrize("title", ["MobileNet-Lung, 60 test images", "a long name " * 12])
def test_no_text_of_the_randomisation_lies_on_another(drawn_randomisation, overlaps, names, title):
    assert overlaps(drawn_randomisation(names, title)) == []
