import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageFont

from lungscope.inference.explain import lettering
from lungscope.inference.explain.lettering import draw_text, fit_text, wrap_text


@pytest.fixture
def no_fonts(monkeypatch):
    """A machine that has no font but Pillow's own."""
    monkeypatch.setattr(lettering, "_FURTHER", ())


@pytest.mark.parametrize("size", [10, 14, 24, 40])
def test_english_is_written_in_pillows_own_font(size):
    text, font = draw_text("Viral Pneumonia, probability 0.973 (95 %)", size)
    assert text == "Viral Pneumonia, probability 0.973 (95 %)"
    assert font.getname() == ImageFont.load_default(size).getname()
    assert font.size == size


def test_accents_are_dropped_where_no_font_has_them(no_fonts):
    assert draw_text("Thorax-é-Łódź-n°1.png", 14)[0] == "Thorax-e-?odz-n°1.png"


def test_letters_of_other_scripts_are_question_marks_where_no_font_has_them(no_fonts):
    assert draw_text("胸部 7.png", 14)[0] == "?? 7.png"


def test_a_font_of_the_machine_is_taken_where_it_has_the_letters(monkeypatch):
    dejavu = pytest.importorskip("matplotlib").get_data_path() + "/fonts/ttf/DejaVuSans.ttf"
    monkeypatch.setattr(lettering, "_FURTHER", ("no such font.ttf", dejavu))
    text, font = draw_text("Lunge-größer-Ω.png", 14)
    assert text == "Lunge-größer-Ω.png"
    assert font.getname()[0] == "DejaVu Sans"


def test_the_font_with_most_of_the_letters_is_taken(monkeypatch):
    dejavu = pytest.importorskip("matplotlib").get_data_path() + "/fonts/ttf/DejaVuSans.ttf"
    monkeypatch.setattr(lettering, "_FURTHER", (dejavu,))
    assert draw_text("胸部 größer.png", 14)[0] == "?? größer.png"


def test_an_accent_that_stands_alone_in_the_name_is_put_on_its_letter(no_fonts):
    assert draw_text("gro\u0308\u00dfer", 14)[0] == "gro?er"


def test_control_characters_are_shown_as_question_marks(no_fonts):
    assert draw_text("a\nb\x1b[31m.png", 14)[0] == "a?b?[31m.png"


@given(st.text(max_size=60))
def test_any_name_can_be_written(name):
    text, font = draw_text(name, 14)
    font.getmask(text)


@given(st.text(st.characters(min_codepoint=48, max_codepoint=122)), st.integers(20, 300))
def test_a_shortened_text_fits_and_keeps_both_ends(text, width):
    font = ImageFont.load_default(14)
    short = fit_text(text, font, width)
    assert font.getlength(short) <= width
    if short != text:
        begin, end = short.split("...")
        assert text.startswith(begin)
        assert text.endswith(end)


@given(st.lists(st.text("abc", min_size=1, max_size=12), max_size=30))
def test_wrapping_loses_no_word(words):
    font = ImageFont.load_default(14)
    lines = wrap_text(" ".join(words), font, 120)
    assert " ".join(lines).split() == words
    assert all(font.getlength(line) <= 120 for line in lines)
