import pytest
from matplotlib.collections import PolyCollection

from lungscope.estimate import Estimate
from lungscope.figures.randomisation import draw_randomisation


def similarities(count):
    values = [0.9 / (k + 1) for k in range(count)]
    return [Estimate(v, v - 0.02, v + 0.03) for v in values]


@pytest.fixture
def drawn(tmp_path, figures):
    def drawn(names, title="MobileNet-Lung, 60 test images"):
        path = tmp_path / "randomisation.png"
        draw_randomisation(path, names, similarities(len(names)), 0.115, title)
        return figures[-1]

    return drawn


def test_similarity_is_drawn_by_depth_from_one_on_with_its_band_and_chance(drawn):
    names = ["classifier", "layer4", "layer3"]
    (axes,) = drawn(names).axes
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
def test_no_text_lies_on_another(drawn, overlaps, names, title):
    assert overlaps(drawn(names, title)) == []
