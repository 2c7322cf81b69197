import logging
import warnings

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from lungscope.errors import LungscopeError
from lungscope.figures import style
from lungscope.figures.style import BLUE, DOTS, GREEN, ORANGE, figure, wrap_label


def draw(path, title="A title"):
    with figure(path, 4, 3) as drawn:
        axes = drawn.subplots()
        axes.plot([0, 1], [1, 0])
        axes.set(title=title, xlabel="epoch")


def test_a_figure_is_a_png_of_about_the_size_that_was_asked_for(tmp_path):
    draw(tmp_path / "new" / "figure.png")
    with Image.open(tmp_path / "new" / "figure.png") as image:
        assert image.format == "PNG"
        assert np.array(image.size) == pytest.approx(np.array([4, 3]) * DOTS, rel=0.1)


def test_the_same_numbers_give_the_same_bytes(tmp_path):
    draw(tmp_path / "one.png")
    draw(tmp_path / "two.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_the_users_own_settings_are_neither_used_nor_changed(tmp_path):
    draw(tmp_path / "plain.png")
    own = {"font.size": 30.0, "axes.facecolor": "black", "savefig.dpi": 10.0}
    with mpl.rc_context(own):
        draw(tmp_path / "own.png")
        assert {name: mpl.rcParams[name] for name in own} == own
    assert (tmp_path / "own.png").read_bytes() == (tmp_path / "plain.png").read_bytes()


def test_a_block_that_fails_leaves_the_picture_that_was_there(tmp_path):
    (tmp_path / "figure.png").write_bytes(b"before")
    with pytest.raises(ZeroDivisionError), figure(tmp_path / "figure.png", 4, 3):
        1 / 0  # noqa: B018
    assert (tmp_path / "figure.png").read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["figure.png"]


def test_a_place_that_cannot_be_written_to_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LungscopeError, match="cannot be written"):
        draw(tmp_path / "file" / "figure.png")


@pytest.mark.parametrize("name", ["costs $5", "$\\frac{1}{$", "a_b^c", "50 % off"])
def test_a_name_is_never_read_as_a_formula(tmp_path, name):
    draw(tmp_path / "figure.png", name)


def test_a_letter_that_no_font_has_is_a_box_and_no_word_on_the_terminal(tmp_path, capfd, caplog):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for name in ("one", "two"):  # neither letter is in any font: not in use
            draw(tmp_path / f"{name}.png", "Normal \uffff \U0003fffd")
        draw(tmp_path / "bare.png", "Normal")
    assert caught == []
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
    assert (tmp_path / "one.png").read_bytes() != (tmp_path / "bare.png").read_bytes()


def test_letters_of_chinese_are_looked_for_in_the_families_that_the_machine_has(
    tmp_path, monkeypatch
):
    there = ["Serif", "Noto Sans CJK JP", "DejaVu Sans"]
    monkeypatch.setattr(style.fontManager, "get_font_names", lambda: there)
    with figure(tmp_path / "figure.png", 2, 2):
        assert mpl.rcParams["font.family"] == ["DejaVu Sans", "Noto Sans CJK JP"]


def test_a_title_that_sticks_out_widens_the_picture(tmp_path):
    draw(tmp_path / "short.png")
    draw(tmp_path / "long.png", "a title that is much wider than the four inches of the figure")
    with Image.open(tmp_path / "short.png") as short, Image.open(tmp_path / "long.png") as long:
        assert long.width > short.width


# Machado, Oliveira and Fernandes (2009): how colours look without one of the three cones.
BLINDNESS = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


@pytest.mark.parametrize("kind", BLINDNESS)
def test_colours_are_told_apart_by_colour_blind_people(kind):
    def seen(colour):
        rgb = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
        return np.clip(np.array(BLINDNESS[kind]) @ rgb**2.2, 0, 1) ** (1 / 2.2)

    for one, other in ((BLUE, ORANGE), (ORANGE, GREEN)):
        assert np.abs(seen(one) - seen(other)).max() > 0.2


def test_a_long_name_is_broken_between_its_words_and_cut_after_three_lines():
    assert wrap_label("Viral Pneumonia", 12) == "Viral\nPneumonia"
    assert wrap_label("Normal", 12) == "Normal"
    lines = wrap_label("a name that goes on and on for ever and a day", 12).split("\n")
    assert len(lines) == 3
    assert lines[-1].endswith("…")
    assert max(map(len, lines)) <= 12


def test_a_family_without_a_bold_face_is_drawn_without_a_word(tmp_path, caplog):
    search = logging.getLogger("matplotlib.font_manager")
    with figure(tmp_path / "bold.png", 2, 2):
        search.warning("findfont: Failed to find font weight bold")
    assert not caplog.records
    search.warning("findfont: as before")
    assert caplog.messages == ["findfont: as before"]
