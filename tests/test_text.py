import pytest

from lungscope.text import (
    file_name,
    format_count,
    format_decimal,
    format_duration,
    format_quantity,
    format_short,
    html_table,
    join_words,
)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "0 s"), (59.6, "1 min 0 s"), (368, "6 min 8 s"), (7500, "2 h 5 min")],
)
def test_a_time_has_at_most_two_units(seconds, words):
    assert format_duration(seconds) == words


def test_names_are_joined_with_commas_and_and():
    assert join_words(["a"]) == "a"
    assert join_words(iter("abc")) == "a, b and c"


def test_numbers_are_short():
    assert format_short(0.1) == "0.1"
    assert format_short(1e-4) == "0.0001"
    assert format_count(2415) == "2,415"
    assert format_decimal(0.12345, 4) == "0.1235"


@pytest.mark.parametrize("path", ["/home/me/start.pt", r"C:\Users\me\start.pt", "start.pt"])
def test_the_file_name_of_a_path_of_any_system(path):
    assert file_name(path) == "start.pt"


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 epochs"), (1, "1 epoch"), (2, "2 epochs"), (2415, "2,415 epochs")]
)
def test_one_has_no_plural(count, words):
    assert format_quantity(count, "epoch") == words


def test_every_part_of_a_table_is_escaped():
    table = html_table(["<a>"], [["<b>"], ["&"]], caption="<c>")
    assert table == (
        "<table><caption>&lt;c&gt;</caption><tr><th>&lt;a&gt;</th></tr>"
        "<tr><td>&lt;b&gt;</td></tr><tr><td>&amp;</td></tr></table>"
    )
