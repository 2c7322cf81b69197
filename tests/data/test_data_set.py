import os

import pytest

from lungscope.data.index import Index
from lungscope.data.split import Split
from lungscope.data.splitting import make_split
from lungscope.data.survey import survey_images
from lungscope.errors import InvalidData, InvalidSetting
from lungscope.phantom import write_phantoms


def touch(root, *files):
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


def table(path, *rows, header="file,label,group,source"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.fixture
def two(tmp_path):
    one = touch(tmp_path / "one", "Lung_Opacity/1.png", "Normal/2.png")
    table(
        tmp_path / "other" / "metadata.csv",
        "x/1.png,lung opacity,p1,Kyiv,61",
        "x/2.png,COVID,p2,Lviv,5",
        header="file,label,group,source,age",
    )
    return [one, tmp_path / "other"]


def test_files_keep_a_prefix_by_data_set_below_the_folder_in_common(two, tmp_path):
    index = Index.open(two)
    assert index.root == tmp_path
    assert [entry.file for entry in index.entries] == [
        "one/Lung_Opacity/1.png",
        "one/Normal/2.png",
        "other/x/1.png",
        "other/x/2.png",
    ]
    assert index.data_sets == ("one", "other")


def test_classes_are_matched_by_name(two):
    index = Index.open(two)
    assert index.classes == ("COVID", "Lung Opacity", "Normal")
    assert [index.classes[entry.label] for entry in index.entries] == [
        "Lung Opacity",
        "Normal",
        "Lung Opacity",
        "COVID",
    ]


def test_a_data_set_of_one_class_can_be_joined_with_another(two, tmp_path):
    covid = touch(tmp_path / "third", "COVID/9.png")
    assert len(Index.open([*two, covid]).entries) == 5
    with pytest.raises(InvalidData, match="a single class, COVID"):
        Index.open([covid])


def test_a_data_set_without_sources_is_the_source_of_its_images(two):
    assert [entry.source for entry in Index.open(two).entries] == ["one", "one", "Kyiv", "Lviv"]


def test_columns_of_one_data_set_are_empty_in_the_other(two):
    assert [entry.columns for entry in Index.open(two).entries] == [
        (("age", ""),),
        (("age", ""),),
        (("age", "61"),),
        (("age", "5"),),
    ]


def test_data_sets_of_one_name_in_different_folders_stay_apart(tmp_path):
    for place in ("a", "b"):
        touch(tmp_path / place / "xrays", "A/1.png", "B/2.png")
    index = Index.open([tmp_path / "a" / "xrays", tmp_path / "b" / "xrays"])
    assert index.data_sets == ("a/xrays", "b/xrays")
    assert {entry.source for entry in index.entries} == {"a/xrays", "b/xrays"}


def test_two_tables_in_one_folder_are_two_data_sets(tmp_path):
    first = table(tmp_path / "first.csv", "1.png,A,p,", "2.png,B,q,")
    second = table(tmp_path / "second.csv", "3.png,A,p,", "4.png,B,q,")
    index = Index.open([first, second])
    assert index.data_sets == ("first.csv", "second.csv")
    assert [entry.source for entry in index.entries] == ["first", "first", "second", "second"]


def test_the_same_data_set_twice_is_refused(two):
    with pytest.raises(InvalidData, match="is in two of the data sets; give each once"):
        Index.open([two[0], two[0], two[1]])


def test_a_data_set_around_another_is_refused(tmp_path):
    touch(tmp_path, "A/1.png", "B/2.png", "B/inner/A/3.png", "B/inner/C/4.png")
    with pytest.raises(InvalidData, match="holds another of the data sets"):
        Index.open([tmp_path, tmp_path / "B" / "inner"])


def test_no_data_set_is_refused():
    with pytest.raises(InvalidSetting, match="no data set is given"):
        Index.open([])


@pytest.mark.skipif(os.name == "nt", reason="folders of Windows may be on two drives")
def test_data_sets_without_a_folder_in_common_are_refused_and_links_join_them(two, tmp_path):
    from lungscope.data.data_set import DataSet, join_data_sets

    apart = [
        DataSet(tmp_path / "one", (), (), (), tmp_path / "one"),
        DataSet(type(tmp_path)("/elsewhere/other"), (), (), (), type(tmp_path)("/elsewhere/other")),
    ]
    with pytest.raises(InvalidData, match="no folder in common; put them, or links to them, into"):
        join_data_sets(apart)
    links = tmp_path / "links"
    links.mkdir()
    for each in two:
        (links / each.name).symlink_to(each)
    assert Index.open([links / "one", links / "other"]).root == links


@pytest.fixture
def pair(tmp_path):
    """Two data sets of phantoms, of which one image is in both."""
    folders = [write_phantoms(tmp_path / name, 30, seed, 64) for name, seed in (("a", 1), ("b", 2))]
    copied = folders[0] / "Normal" / "Normal-0001.png"
    (folders[1] / "Normal" / "Normal-0001.png").write_bytes(copied.read_bytes())
    return folders


def test_a_split_of_two_data_sets_keeps_an_image_of_both_in_one_subset(pair, tmp_path):
    index = Index.open(pair)
    split = make_split(index, survey_images(index, 1), (0.6, 0.2, 0.2))
    subset_of = {entry.file: entry.subset for entry in split.entries}
    assert subset_of["a/Normal/Normal-0001.png"] == subset_of["b/Normal/Normal-0001.png"]


def test_a_split_says_which_data_sets_it_was_made_of_and_finds_them_again(pair, tmp_path):
    index = Index.open(pair)
    made = make_split(index, survey_images(index, 1), (0.6, 0.2, 0.2))
    made.save(tmp_path / "split.json")
    split = Split.load(tmp_path / "split.json")
    assert split == made
    assert split.data_sets == ("a", "b")
    assert split.open_index(tmp_path) == index
    assert split.find_root(tmp_path) == split.find_root(pair) == tmp_path
    split.verify(index)
