import os
from pathlib import Path

import pytest

from lungscope.images.files import find_images, is_image_file

DICOM = b"\0" * 128 + b"DICM"


@pytest.mark.parametrize("name", ["a.png", "a.JPG", "a.jpe", "a.tiff", "a.dic", "a.DCM", "a.webp"])
def test_a_suffix_of_images_is_enough(name):
    assert is_image_file(Path(name))


@pytest.mark.parametrize("name", [".a.png", "DICOMDIR", "notes.txt", "a.gif", "a", "absent.1"])
def test_other_names_are_not_images(name):
    assert not is_image_file(Path(name))


@pytest.mark.parametrize("name", ["IM000001", "1.2.840.113619", "a.img"])
def test_dicom_is_an_image_under_any_name(tmp_path, name):
    (tmp_path / name).write_bytes(DICOM)
    assert is_image_file(tmp_path / name)


@pytest.mark.parametrize("name", [".hidden", "DICOMDIR"])
def test_hidden_files_and_tables_of_contents_are_not_images_though_dicom(tmp_path, name):
    (tmp_path / name).write_bytes(DICOM)
    assert not is_image_file(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "IM000001")
    assert not is_image_file(tmp_path / "IM000001")


def test_images_come_folder_by_folder_and_hidden_folders_are_passed_over(tmp_path):
    for name in ("b.png", "a.png", "deep/c.dcm", ".cache/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path)]
    assert found == ["a.png", "b.png", "deep/c.dcm"]


def test_a_folder_that_cannot_be_listed_is_reported(tmp_path):
    errors = []
    assert list(find_images(tmp_path / "absent", errors.append)) == []
    assert [Path(error.filename) for error in errors] == [tmp_path / "absent"]
