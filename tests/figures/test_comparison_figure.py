import pytest
from matplotlib.colors import to_hex
from PIL import Image

from lungscope.estimate import Estimate
from lungscope.figures.comparison import Panel, draw_comparison

PAIRS = [("MobileNet-Lung", "MobileNet-FT"), ("MobileNet-Lung", "MobileNetV2")]


ACCURACY = Panel(
    "accuracy (points)",
    "higher",
    [Estimate(0.004, -0.011, 0.019), Estimate(0.03, 0.01, 0.05)],
    100,
)
LOSS = Panel("loss (nats)", "lower", [Estimate(-0.1, -0.2, 0.04), Estimate(0.2, 0.1, 0.3)])


@pytest.fixture
def drawn(tmp_path, figures):
    def drawn(pairs=PAIRS, panels=(ACCURACY, LOSS), title="Differences on 307 images"):
        draw_comparison(tmp_path / "comparison.png", pairs, panels, title)
        return figures[-1]

    return drawn


def marks(axes):
    """The value of each row and whether its mark is filled."""
    points = [line for line in axes.get_lines() if line.get_marker() == "o"]
    return [(p.get_xdata()[0], to_hex(p.get_markerfacecolor()) != "#ffffff") for p in points]


def test_each_pair_has_its_value_and_interval_in_the_titles_unit(drawn):
    axes = drawn().axes[0]
    assert [value for value, _ in marks(axes)] == pytest.approx([0.4, 3.0])
    bars = [line.get_xdata() for line in axes.get_lines() if line.get_marker() == "None"][1:]
    assert [x for bar in bars for x in bar] == pytest.approx([-1.1, 1.9, 1.0, 5.0])


def test_marks_are_filled_where_the_interval_leaves_0_out(drawn):
    for axes in drawn().axes:
        assert [filled for _, filled in marks(axes)] == [False, True]


def test_0_is_in_the_middle_and_everything_is_in_view(drawn):
    for axes, panel in zip(drawn().axes, (ACCURACY, LOSS), strict=True):
        low, high = axes.get_xlim()
        assert low == -high
        assert high > panel.scale * max(abs(d.high) for d in panel.differences)


def test_the_better_side_is_named_also_of_a_loss(drawn):
    accuracy, loss = drawn().axes
    assert accuracy.get_xlabel().startswith("← second better")
    assert loss.get_xlabel().startswith("← first better")


def test_the_first_pair_is_on_top(drawn):
    axes = drawn().axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names[0] == "MobileNet-Lung\n- MobileNet-FT"
    top, bottom = axes.transData.transform([(0, 0), (0, 1)])[:, 1]
    assert top > bottom


@pytest.mark.parametrize("name", ["a", "$x_1$ " * 12, "a-long-folder-name-of-a-run-" * 3])
@pytest.mark.parametrize("count", [1, 21])
def test_no_text_lies_on_another(drawn, overlaps, name, count):
    panels = [
        Panel(p.title, p.better, [p.differences[0]] * count, p.scale) for p in (ACCURACY, LOSS)
    ]
    assert overlaps(drawn([(name, name)] * count, panels)) == []


def test_models_that_do_not_differ_at_all_are_drawn(drawn):
    axes = drawn(PAIRS[:1], [Panel("loss (nats)", "lower", [Estimate(0, 0, 0)])]).axes[0]
    assert axes.get_xlim() == (-1, 1)


def test_190_pairs_fit_into_a_picture(tmp_path):
    panel = Panel("accuracy (points)", "higher", [ACCURACY.differences[0]] * 190, 100)
    draw_comparison(tmp_path / "c.png", [("a", "b")] * 190, [panel], "many")
    with Image.open(tmp_path / "c.png") as image:
        assert image.height < 2**15
