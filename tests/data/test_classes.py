import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lungscope.data.classes import display, key, merge

NAMES = st.text(st.sampled_from("aBüİ1+-_ .\t"), max_size=8) | st.text(max_size=8)


@pytest.mark.parametrize(
    "spelling", ["Lung_Opacity", "lung opacity", "Lung-Opacity", " LUNG  _opacity ", "LungOpacity"]
)
def test_spellings_of_one_class_have_one_key(spelling):
    assert key(spelling) == key("Lung Opacity")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("COVID+", "COVID-"),
        ("TB +", "TB -"),
        ("1", "-1"),
        ("1.0", "10"),
        ("Pneumonia", "No Pneumonia"),
        ("正常", "肺炎"),
        ("+", "-"),
    ],
)
def test_classes_that_differ_in_more_than_spelling_have_two_keys(one, other):
    assert key(one) != key(other)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Lung_Opacity", "Lung Opacity"),
        ("viral-pneumonia", "viral pneumonia"),
        (" Normal\t", "Normal"),
        ("a __ b", "a b"),
        ("COVID-", "COVID-"),
        ("-1", "-1"),
    ],
)
def test_a_name_for_people_has_single_spaces_between_its_words(name, shown):
    assert display(name) == shown


def test_the_first_spelling_in_alphabetical_order_stands_for_all():
    names = ["lung opacity", "Normal", "Lung_Opacity", "lung opacity"]
    assert merge(names) == {
        "lung opacity": "Lung Opacity",
        "Lung_Opacity": "Lung Opacity",
        "Normal": "Normal",
    }


@settings(deadline=None, max_examples=60)
@given(NAMES)
def test_showing_a_name_does_not_change_which_class_it_is(name):
    assert key(display(name)) == key(name)
    assert display(display(name)) == display(name)


@settings(deadline=None, max_examples=60)
@given(st.lists(NAMES, max_size=8), st.randoms())
def test_two_names_are_merged_exactly_if_their_keys_are_equal_in_any_order(names, random):
    merged = merge(names)
    assert set(merged) == set(names)
    for one in names:
        for other in names:
            assert (merged[one] == merged[other]) == (key(one) == key(other))
    shuffled = random.sample(names, len(names))
    assert merge(shuffled) == merged
