from json import JSONDecodeError

import pytest

from lungscope.text import (
    describe_fault,
    file_name,
    format_count,
    format_decimal,
    format_duration,
    format_quantity,
    format_short,
    html_table,
    join_words,
    list_some,
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


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyError("classes"), "'classes' is missing"),
        (RecursionError("maximum recursion depth exceeded"), "nested too deeply"),
        (MemoryError(), "not enough memory"),
        (UnicodeDecodeError("utf-8", b"x", 0, 1, "invalid start byte"), "not text in UTF-8"),
        (JSONDecodeError("Expecting value", "", 0), "not JSON: Expecting value, line 1 column 1"),
        (FileNotFoundError(2, "No such file or directory", "x"), "x: No such file or directory"),
        (ValueError("two\nlines"), "two"),
        (ValueError(), ""),
    ],
)
def test_a_fault_is_said_without_the_names_of_exceptions(error, words):
    assert describe_fault(error) == words


def test_of_many_words_the_first_ones_are_listed():
    assert list_some(["a", "b"]) == "a, b"
    assert list_some(list("abcdefghij")) == "a, b, c, d, e, f, g, h and 2 more"
