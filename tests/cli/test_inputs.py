import io
from pathlib import Path

import pytest

from lungscope.cli.inputs import list_files
from lungscope.errors import LungscopeError

DICOM = b"\0" * 128 + b"DICM"


def names(paths, standard_input=""):
    return [str(path) for path in list_files(paths, io.StringIO(standard_input))]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("xrays/b.png", "xrays/a.JPG", "xrays/deep/c.dcm", "xrays/deep/.hidden.png",
                 "xrays/.cache/d.png", "xrays/notes.txt", "xrays/thumbs.db"):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "xrays" / "deep" / "1.2.840.113619").write_bytes(DICOM)
    (tmp_path / "xrays" / "deep" / "IM000001").write_bytes(DICOM)
    (tmp_path / "xrays" / "deep" / "DICOMDIR").write_bytes(DICOM)
    return tmp_path


def test_files_stand_for_themselves_in_the_order_given(folder):
    assert names(["xrays/b.png", "xrays/notes.txt", "absent.png"]) == [
        "xrays/b.png", "xrays/notes.txt", "absent.png",
    ]  # fmt: skip


def test_a_folder_stands_for_the_images_below_it_dicom_of_any_name_included(folder):
    assert names(["xrays"]) == [
        "xrays/a.JPG", "xrays/b.png", "xrays/deep/1.2.840.113619", "xrays/deep/IM000001",
        "xrays/deep/c.dcm",
    ]  # fmt: skip


def test_a_byte_order_mark_in_a_list_is_no_part_of_the_first_name(folder):
    assert names(["-"], "\ufeffa.png\r\nb.png\r\n") == ["a.png", "b.png"]


def test_a_pattern_that_the_shell_left_stands_for_what_it_matches(folder):
    assert names(["xrays/*.png", "xrays/**/*.dcm"]) == ["xrays/b.png", "xrays/deep/c.dcm"]


def test_a_file_named_like_a_pattern_is_that_file(folder):
    (folder / "scan[1].png").touch()
    (folder / "scan1.png").touch()
    assert names(["scan[1].png"]) == ["scan[1].png"]


def test_a_dash_stands_for_the_lines_of_standard_input(folder):
    assert names(["first.png", "-", "last.png"], "a.png\r\n\nb c.png\n") == [
        "first.png", "a.png", "b c.png", "last.png",
    ]  # fmt: skip


def test_a_folder_of_files_that_are_not_named_as_images_is_refused_with_the_rule(folder):
    for name in ("a", "b"):
        (folder / "bare" / name).parent.mkdir(exist_ok=True)
        (folder / "bare" / name).write_bytes(b"\x89PNG")
    with pytest.raises(LungscopeError, match=r"2 files that are neither named as images \(\.png"):
        names(["bare"])


def test_files_in_a_folder_that_are_passed_over_are_reported(folder):
    others = []
    list(list_files(["xrays"], io.StringIO(), others.append))
    assert [path.name for path in others] == ["notes.txt", "thumbs.db"]


@pytest.mark.parametrize(
    ("name", "words"), [("empty", "no images in this folder"), ("*.gif", "matches no file")]
)
def test_what_stands_for_nothing_is_a_mistake(folder, name, words):
    (folder / "empty").mkdir()
    with pytest.raises(LungscopeError, match=words):
        names([name])


def test_a_link_that_leads_in_a_circle_is_passed_over(folder):
    (folder / "xrays" / "deep" / "up").symlink_to(folder / "xrays", target_is_directory=True)
    assert len(names(["xrays"])) == 5


def test_files_are_listed_as_they_are_taken(folder):
    assert next(list_files(["xrays", "nowhere*"], io.StringIO())).name == "a.JPG"
