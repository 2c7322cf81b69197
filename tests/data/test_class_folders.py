import pytest

from lungscope.data.class_folders import read_class_folders
from lungscope.errors import InvalidData


def touch(root, *files):
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


def test_each_image_has_the_name_of_its_class_folder_and_other_files_are_listed(tmp_path):
    touch(tmp_path, "A/1.png", "A/x/2.jpg", "B/3.png", "B/notes.nii", "beside.png")
    rows, others = read_class_folders(tmp_path)
    assert sorted((row.file, row.label) for row in rows) == [
        ("A/1.png", "A"),
        ("A/x/2.jpg", "A"),
        ("B/3.png", "B"),
    ]
    assert others == ("B/notes.nii",)


@pytest.mark.parametrize("names", [("train", "test", "val"), ("Training", "Testing")])
def test_folders_of_subsets_are_no_classes(tmp_path, names):
    touch(tmp_path, *(f"{name}/{own}/1.png" for name in names for own in ("NORMAL", "SICK")))
    with pytest.raises(InvalidData, match="are subsets, not classes, whose classes are NORMAL, SI"):
        read_class_folders(tmp_path)


def test_a_class_that_is_called_test_is_one(tmp_path):
    touch(tmp_path, "test/1.png", "control/2.png")
    assert len(read_class_folders(tmp_path)[0]) == 2


def test_images_without_class_folders_have_a_message_of_their_own(tmp_path):
    touch(tmp_path, "1.png")
    with pytest.raises(InvalidData, match=r"images but no class folders; .* give the folder above"):
        read_class_folders(tmp_path)


def test_an_empty_folder_has_no_classes(tmp_path):
    with pytest.raises(InvalidData, match="0 classes found"):
        read_class_folders(tmp_path)
