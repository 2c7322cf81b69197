import pytest

from lungscope.estimate import Estimate
from lungscope.text import counted, duration, file_name, interval, listed, plain, several, told


def test_an_estimate_is_told_with_its_interval():
    assert told(Estimate(0.92131, 0.88888, 0.95206)) == "0.921 (95\u00a0% 0.889 to 0.952)"
    assert interval(Estimate(0.92131, 0.88888, 0.95206), 4) == "0.8889 to 0.9521"


def test_an_interval_without_width_is_none():
    assert told(Estimate(1.0, 1.0, 1.0)) == "1.000 (no interval)"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "0 s"), (59.6, "1 min 0 s"), (368, "6 min 8 s"), (7500, "2 h 5 min")],
)
def test_a_time_is_told_in_two_units(seconds, words):
    assert duration(seconds) == words


def test_names_are_listed():
    assert listed(["a"]) == "a"
    assert listed(iter("abc")) == "a, b and c"


def test_numbers_are_short():
    assert plain(0.1) == "0.1"
    assert plain(1e-4) == "0.0001"
    assert counted(2415) == "2,415"


@pytest.mark.parametrize("path", ["/home/me/start.pt", r"C:\Users\me\start.pt", "start.pt"])
def test_a_path_is_told_by_its_last_part(path):
    assert file_name(path) == "start.pt"


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 epochs"), (1, "1 epoch"), (2, "2 epochs"), (2415, "2,415 epochs")]
)
def test_one_has_no_plural(count, words):
    assert several(count, "epoch") == words
