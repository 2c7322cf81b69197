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


@pytest.mark.parametrize(
    "names", [("stage_2_train_images", "stage_2_test_images"), ("CXR-val", "CXR-train", "docs")]
)
def test_folders_that_differ_in_the_word_of_a_subset_are_no_classes(tmp_path, names):
    touch(tmp_path, *(f"{name}/1.png" for name in names))
    with pytest.raises(InvalidData, match=r"are subsets, not classes, and hold no classes"):
        read_class_folders(tmp_path)


@pytest.mark.parametrize(
    "names",
    [("images_001", "images_002"), ("part1", "part2", "part10"), ("patient00001", "patient2")],
)
def test_folders_that_a_number_tells_apart_are_parts(tmp_path, names):
    touch(tmp_path, *(f"{name}/NORMAL/1.png" for name in names))
    with pytest.raises(InvalidData, match=r"are parts of a data set, not classes"):
        read_class_folders(tmp_path)


@pytest.mark.parametrize("names", [("0", "1", "2"), ("grade 1", "grade 2"), ("T1", "T2")])
def test_classes_may_be_numbers(tmp_path, names):
    touch(tmp_path, *(f"{name}/1.png" for name in names))
    assert {row.label for row in read_class_folders(tmp_path)[0]} == set(names)


def test_folders_that_each_hold_the_classes_are_data_sets_of_their_own(tmp_path):
    touch(tmp_path, *(f"{site}/{own}/1.png" for site in "ab" for own in ("No_Finding", "Mass")))
    with pytest.raises(InvalidData, match=r"a, b each hold Mass, No_Finding, .* of its own"):
        read_class_folders(tmp_path)


def test_classes_may_be_divided_alike(tmp_path):
    touch(tmp_path, *(f"{own}/{view}/1.png" for own in ("Normal", "Mass") for view in ("AP", "PA")))
    assert {row.label for row in read_class_folders(tmp_path)[0]} == {"Normal", "Mass"}


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
