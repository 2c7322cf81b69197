import pytest

from lungscope.data.checks.layout import find_left_out, find_misplaced
from lungscope.data.index import Index


@pytest.fixture
def layout(tmp_path):
    def make(*files, table=None):
        for file in files:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).touch()
        if table is not None:
            (tmp_path / "metadata.csv").write_text("\n".join(["file,label", *table]))
        return Index.open(tmp_path)

    return make


def test_a_plain_layout_has_no_issues(layout):
    index = layout("Normal/1.png", "Lung_Opacity/2.png")
    assert find_misplaced(index) == []
    assert find_left_out(index, index.root) == []


def test_an_image_beside_the_class_folders_is_named(layout):
    index = layout("Normal/1.png", "Sick/2.png", "stray.png", "README.txt")
    (issue,) = find_left_out(index, index.root)
    assert (issue.level, issue.code) == ("warning", "images-left-out")
    assert "1 image beside those of the classes" in issue.text
    assert "first stray.png" in issue.text


def test_an_image_that_a_table_does_not_list_is_named(layout):
    index = layout(
        "Normal/1.png", "Sick/2.png", "Sick/3.png", table=["Normal/1.png,Normal", "Sick/2.png,Sick"]
    )
    (issue,) = find_left_out(index, index.root)
    assert "first Sick/3.png" in issue.text


def test_a_table_that_contradicts_the_folders_is_an_error(layout):
    index = layout(
        "Normal/1.png",
        "lung_opacity/2.png",
        table=[
            "Normal/1.png,Lung Opacity",
            "lung_opacity/2.png,Lung_Opacity",
            "Normal/3.png,Normal",
        ],
    )
    (issue,) = find_misplaced(index)
    assert (issue.level, issue.code) == ("error", "folder-contradicts-label")
    assert "first Normal/1.png (folder Normal, label Lung Opacity)" in issue.text


def test_a_class_folder_inside_another_class_is_an_error(layout):
    (issue,) = find_misplaced(layout("Normal/Sick/1.png", "Normal/2.png", "Sick/3.png"))
    assert issue.code == "folder-contradicts-label"
    assert "first Normal/Sick/1.png" in issue.text


def test_a_class_that_was_unpacked_into_itself_is_a_warning(layout):
    (issue,) = find_misplaced(layout("Normal/Normal/1.png", "Normal/1.png", "Sick/3.png"))
    assert (issue.level, issue.code) == ("warning", "nested-class-folder")
    assert "most likely Normal was copied or unpacked into itself" in issue.text
