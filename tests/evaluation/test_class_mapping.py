import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungscope.errors import InvalidData, InvalidSetting
from lungscope.evaluation.class_mapping import map_labels

CLASSES = ("Lung Opacity", "Normal", "Viral Pneumonia")


def test_names_match_without_case_spaces_and_underscores():
    labels = ("lung_opacity", "NORMAL", "Viral  pneumonia", "ViralPneumonia")
    assert map_labels(labels, CLASSES, {}, "clinic") == {
        "lung_opacity": "Lung Opacity",
        "NORMAL": "Normal",
        "Viral  pneumonia": "Viral Pneumonia",
        "ViralPneumonia": "Viral Pneumonia",
    }


@given(st.sampled_from(CLASSES), st.sampled_from(["", " ", "_", "-"]), st.booleans())
def test_every_spelling_of_a_class_is_the_class(name, gap, upper):
    spelled = name.replace(" ", gap)
    spelled = spelled.upper() if upper else spelled.lower()
    assert map_labels([spelled], CLASSES, {}, "clinic") == {spelled: name}


def test_a_mapping_names_the_class_of_other_labels_or_leaves_them_out():
    mapped = map_labels(
        ("COVID", "Normal", "Other"), CLASSES, {"covid": "viral_pneumonia", "Other": ""}, "clinic"
    )
    assert mapped == {"COVID": "Viral Pneumonia", "Normal": "Normal", "Other": None}


def test_a_mapping_wins_over_the_name():
    assert map_labels(("Normal", "x"), CLASSES, {"Normal": None, "x": "Normal"}, "c") == {
        "Normal": None,
        "x": "Normal",
    }


def test_labels_that_are_no_class_are_all_named_in_one_line():
    with pytest.raises(InvalidData) as refused:
        map_labels(("COVID", "Normal", "Other"), CLASSES, {}, "clinic")
    said = str(refused.value)
    assert said.startswith("clinic: labels 'COVID', 'Other' are no class of the model, which has ")
    assert "mapping=" in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({"Flu": "Normal"}, "clinic has no label 'Flu'; its labels are COVID, Normal"),
        ({"COVID": "Flu"}, "'Flu' is no class of the model; its classes are Lung Opacity"),
    ],
)
def test_a_mapping_of_what_does_not_exist_is_refused(mapping, said):
    with pytest.raises(InvalidSetting, match=said):
        map_labels(("COVID", "Normal"), CLASSES, mapping, "clinic")


def test_something_must_be_left():
    with pytest.raises(InvalidData, match="every label is left out"):
        map_labels(("a", "b"), CLASSES, {"a": "", "b": None}, "clinic")
