import numpy as np
import pytest

from lungscope.figures.feedback import draw_evidence


@pytest.fixture
def drawn(tmp_path, figures):
    def drawn(monitors):
        draw_evidence(tmp_path / "evidence.png", monitors, "Evidence")
        return figures[-1]

    return drawn


def test_each_monitor_has_a_line_of_its_own_dashes(drawn):
    figure = drawn({"wrong answers": np.array([0.1, 2.0]), "missed Normal": np.array([0.2])})
    limit, first, second = figure.axes[0].lines
    assert set(limit.get_ydata()) == {1}
    assert first.get_ydata().tolist() == [0.1, 2.0]
    assert first.get_xdata().tolist() == [1, 2]
    assert first.get_linestyle() != second.get_linestyle()
    assert first.get_color() != second.get_color()


def test_nothing_and_endless_evidence_stay_in_the_picture(drawn):
    figure = drawn({"wrong answers": np.array([0.0, np.inf]), "missed Normal": np.array([])})
    axes = figure.axes[0]
    low, high = axes.get_ylim()
    assert axes.lines[1].get_ydata().tolist() == pytest.approx([low, high])
