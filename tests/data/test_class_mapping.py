import pytest

from lungscope.data.class_mapping import map_labels, match_classes, parse_mapping, relabel
from lungscope.data.index import Index
from lungscope.errors import InvalidData, InvalidSetting

CLASSES = ("Lung Opacity", "Normal", "Viral Pneumonia")


def test_a_pair_is_a_label_and_its_class():
    assert parse_mapping(["COVID = Viral Pneumonia", "TB=a=b"]) == {
        "COVID": "Viral Pneumonia",
        "TB": "a=b",
    }


def test_a_label_with_nothing_after_the_sign_is_left_out():
    assert parse_mapping(["Other="]) == {"Other": None}


@pytest.mark.parametrize("pair", ["COVID", "=Normal", "", " = "])
def test_a_pair_without_a_label_or_a_sign_is_refused_with_its_text(pair):
    with pytest.raises(InvalidSetting, match="give LABEL=CLASS") as refused:
        parse_mapping([pair])
    assert repr(pair) in str(refused.value)


def test_one_label_given_twice_is_refused_in_any_spelling():
    with pytest.raises(InvalidSetting, match="'no_finding' is given more than once"):
        parse_mapping(["No Finding=Normal", "no_finding="])


def test_labels_that_are_not_mapped_keep_their_name_written_for_people():
    assert map_labels(["Lung_Opacity", "TB", "TB"], {}) == {
        "Lung_Opacity": "Lung Opacity",
        "TB": "TB",
    }


@pytest.mark.parametrize("nothing", [None, "", " "])
def test_a_label_mapped_to_nothing_is_left_out(nothing):
    assert map_labels(["other", "Normal"], {"Other": nothing}) == {
        "other": None,
        "Normal": "Normal",
    }


def test_a_mapping_of_a_label_that_is_not_there_is_refused():
    with pytest.raises(InvalidSetting, match="no label 'Covid-19'; it has COVID, Normal"):
        map_labels(["Normal", "COVID"], {"Covid-19": "Viral"})


def test_labels_are_matched_to_classes_whatever_their_case_spaces_and_underscores():
    assert match_classes(["lung_opacity", "NORMAL", "ViralPneumonia"], CLASSES) == {
        "lung_opacity": "Lung Opacity",
        "NORMAL": "Normal",
        "ViralPneumonia": "Viral Pneumonia",
    }


def test_the_mapping_goes_before_the_name():
    assert match_classes(["Normal", "TB"], CLASSES, {"normal": None, "tb": "LUNG OPACITY"}) == {
        "Normal": None,
        "TB": "Lung Opacity",
    }


def test_labels_that_are_no_class_are_refused_in_one_line_that_names_them():
    with pytest.raises(InvalidData, match="labels 'COVID', 'Other' are no class") as refused:
        match_classes(["Other", "Normal", "COVID"], CLASSES)
    assert "\n" not in str(refused.value)
    assert "Lung Opacity, Normal, Viral Pneumonia" in str(refused.value)


def test_a_class_that_the_model_does_not_have_is_refused():
    with pytest.raises(InvalidSetting, match="no class 'Covid'"):
        match_classes(["COVID"], CLASSES, {"COVID": "Covid"})


def test_an_index_is_relabelled_and_loses_what_is_left_out(tmp_path):
    table = tmp_path / "t.csv"
    rows = ["a.png,COVID,p1,x", "b.png,Viral_Pneumonia,p2,x", "c.png,Other,p3,y", "d.png,Normal,,"]
    table.write_text("\n".join(["file,label,group,source,age", *(f"{r},9" for r in rows)]))
    index = Index.open(table)
    found = relabel(index, {"COVID": "viral pneumonia", "other": None})
    assert found.classes == ("Normal", "Viral Pneumonia")
    assert [(e.file, found.classes[e.label], e.group) for e in found.entries] == [
        ("a.png", "Viral Pneumonia", "p1"),
        ("b.png", "Viral Pneumonia", "p2"),
        ("d.png", "Normal", None),
    ]
    assert found.entries[0].columns == (("age", "9"),)


def test_a_mapping_that_leaves_one_class_is_refused(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("file,label\na.png,A\nb.png,B\n")
    with pytest.raises(InvalidData, match="a single class, A; a classifier needs two"):
        relabel(Index.open(table), {"B": None})
