from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lungscope.errors import LungscopeError
from lungscope.images import read
from lungscope.inference.explain.files import (
    Explained,
    choose_files,
    destinations,
    explain_files,
    refuse_existing,
)
from lungscope.inference.prediction import Failure
from stub_model import StubModel


@pytest.fixture
def films(tmp_path):
    """Two films of one name in two folders, and one beside them."""
    names = ["films/a/1.png", "films/b/1.png", "films/2.png"]
    for number, name in enumerate(names):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        levels = np.random.default_rng(number).integers(0, 255, (80, 70), dtype=np.uint8)
        Image.fromarray(levels).save(path)
    return [tmp_path / name for name in names]


def test_films_of_one_name_get_pictures_in_folders_of_their_own(films, tmp_path):
    out = tmp_path / "out"
    found = destinations(films, out)
    assert list(found) == films
    assert list(found.values()) == [out / "a/1.png.png", out / "b/1.png.png", out / "2.png.png"]


def test_a_single_film_has_its_picture_right_in_the_folder(films, tmp_path):
    assert destinations(films[:1], tmp_path) == {films[0]: tmp_path / "1.png.png"}


def test_films_that_differ_in_suffix_alone_get_two_pictures():
    found = destinations([Path("x/1.png"), Path("x/1.jpg"), Path("x/1")], Path("out"))
    assert [path.name for path in found.values()] == ["1.png.png", "1.jpg.png", "1.png"]


@pytest.mark.parametrize("name", ["../up.png", "a/../../up.png", "/etc/up.png", "./a/./up.png"])
def test_no_picture_leaves_the_folder(name):
    for path in destinations([Path(name), Path("b/2.png")], Path("out")).values():
        assert ".." not in path.parts
        assert path.parts[0] == "out"


def test_no_film_is_replaced_by_a_picture(tmp_path):
    with pytest.raises(LungscopeError, match="would be replaced"):
        destinations([tmp_path / "1.png", tmp_path / "1.png.png"], tmp_path)


def test_of_no_files_there_are_no_pictures():
    assert destinations([], Path("out")) == {}


def test_a_film_that_is_named_twice_is_explained_once(films, tmp_path):
    assert choose_files([*films, *films], tmp_path / "out") == films


def test_pictures_of_an_earlier_explanation_are_passed_over(films, tmp_path):
    out = tmp_path / "films" / "explanations"
    assert choose_files([*films, out / "1.png.png"], out) == films
    assert choose_files(films, tmp_path / "films") == films  # pictures beside the films


def test_every_film_gets_its_picture_and_a_bad_one_its_reason(films, tmp_path):
    bad = tmp_path / "films" / "0.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\nno")
    found = list(explain_files(StubModel(), destinations([bad, *films], tmp_path / "out")))
    assert [type(each) for each in found] == [Failure, Explained, Explained, Explained]
    assert found[0].file == bad
    assert not (tmp_path / "out" / "0.png.png").exists()
    for each, film in zip(found[1:], films, strict=True):
        assert each.explanation.prediction.file == film
        assert each.explanation.label == "Normal"
        with Image.open(each.figure) as picture:
            assert picture.format == "PNG"
            assert picture.mode == "RGB"


def test_a_named_class_is_explained(films, tmp_path):
    (found,) = explain_files(StubModel(), destinations(films[:1], tmp_path / "out"), "Lung Opacity")
    assert found.explanation.label == "Lung Opacity"
    assert found.explanation.unmeasured in ("lung-not-found", "lungs-uncertain")  # it is noise


def test_pictures_hold_no_words_that_are_not_seen(films, tmp_path):
    (found,) = explain_files(StubModel(), destinations(films[:1], tmp_path / "out"))
    with Image.open(found.figure) as picture:
        assert picture.info == {}


def test_a_picture_that_is_there_is_not_replaced_unasked(films, tmp_path):
    pictures = destinations(films, tmp_path / "out")
    refuse_existing(pictures)
    list(explain_files(StubModel(), pictures))
    with pytest.raises(LungscopeError, match="is already there; remove it, or give another folder"):
        refuse_existing(pictures)


def test_a_folder_that_cannot_be_written_to_is_told(films, tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(LungscopeError, match="cannot be written"):
        list(explain_files(StubModel(), destinations(films, tmp_path / "out")))


def test_films_are_left_as_they_were(films, tmp_path):
    before = [read(film).pixels for film in films]
    list(explain_files(StubModel(), destinations(films, tmp_path / "films")))
    for film, pixels in zip(films, before, strict=True):
        assert np.array_equal(read(film).pixels, pixels)
