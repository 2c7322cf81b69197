import hashlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lungscope.data import splitting
from lungscope.data.index import Entry, Index
from lungscope.data.split import SUBSETS, Split
from lungscope.data.splitting import (
    group_images,
    hold_out_sources,
    join_groups,
    make_folds,
    make_split,
)
from lungscope.data.survey import Survey
from lungscope.errors import InvalidData, InvalidSetting, LungscopeError, NotFound

CLASSES = ("Lung Opacity", "Normal", "Viral Pneumonia")
NAN = float("nan")


@pytest.fixture(autouse=True)
def without_look_alikes(monkeypatch):
    monkeypatch.setattr(splitting, "cluster_duplicates", clusters_by_content)


def clusters_by_content(survey, _pairs=None):
    first = {}
    return {image.file: first.setdefault(image.sha256, image.file) for image in survey.readable}


def surveyed(images, order=None, sources=None):
    """An index and what a survey finds, from (label, group) of each image, and its source."""
    images = list(images)
    sources = sources or [f"hospital {label}" for label, _ in images]
    entries = tuple(
        Entry(f"{number:04}.png", label, group, source)
        for number, ((label, group), source) in enumerate(zip(images, sources, strict=True))
    )
    if order:
        entries = tuple(entries[place] for place in order)
    readable = tuple(
        SimpleNamespace(
            file=e.file, label=e.label, sha256=hashlib.sha256(e.file.encode()).hexdigest()
        )
        for e in entries
    )
    return Index(Path("data"), CLASSES, entries), Survey(readable=readable, refused=())


def patients(groups_a_class, size=3):
    return surveyed(
        (label, f"p{label}-{group}")
        for label in range(3)
        for group in range(groups_a_class)
        for _ in range(size)
    )


def subsets(made):
    return {entry.file: entry.subset for entry in made.entries}


IMAGES = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from([f"p{n}" for n in range(30)])),
    min_size=1,
    max_size=80,
)


@settings(deadline=None, max_examples=40)
@given(
    IMAGES, st.sampled_from([(0.8, 0.1, 0.1), (0.4, 0.3, 0.3)]), st.integers(0, 99), st.randoms()
)
def test_a_split_is_complete_free_of_leaks_and_the_same_in_any_order(images, shares, seed, random):
    index, survey = surveyed(images)
    shuffled = surveyed(images, random.sample(range(len(images)), len(images)))
    try:
        made = make_split(index, survey, shares, seed)
    except LungscopeError:
        with pytest.raises(LungscopeError):
            make_split(*shuffled, shares, seed)
        return
    assert [entry.file for entry in made.entries] == [entry.file for entry in index.entries]
    group_subsets = {(entry.group, entry.subset) for entry in made.entries}
    assert len(group_subsets) == len({entry.group for entry in index.entries})
    for subset in SUBSETS:
        assert {entry.label for entry in made.subset(subset)} == {0, 1, 2}
    again = make_split(*shuffled, shares, seed)
    assert subsets(again) == subsets(made)
    assert again.fingerprint == made.fingerprint


def test_a_split_carries_what_is_known_of_each_image():
    index, survey = patients(10)
    made = make_split(index, survey, seed=3)
    assert (made.classes, made.seed, made.description) == (CLASSES, 3, "80/10/10")
    assert made.grouped_by == "group-column"
    for entry, known, seen in zip(made.entries, index.entries, survey.readable, strict=True):
        assert (entry.file, entry.label, entry.group) == (known.file, known.label, known.group)
        assert (entry.source, entry.sha256) == (known.source, seen.sha256)


def test_a_split_can_be_saved_and_loaded(tmp_path):
    made = make_split(*patients(10))
    made.save(tmp_path / "split.json")
    assert Split.load(tmp_path / "split.json") == made


def test_the_paper_s_share_of_every_class_is_on_every_subset():
    made = make_split(*patients(10, size=10))
    counts = np.zeros((3, 3))
    for entry in made.entries:
        counts[SUBSETS.index(entry.subset), entry.label] += 1
    np.testing.assert_array_equal(counts, [[80] * 3, [10] * 3, [10] * 3])


def test_unreadable_images_are_left_out():
    index, survey = patients(10)
    read = SimpleNamespace(readable=survey.readable[1:], refused=survey.readable[:1])
    assert len(make_split(index, read).entries) == len(index.entries) - 1


def test_byte_equal_pictures_of_two_patients_are_on_one_subset():
    for seed in range(10):
        index, survey = patients(5)
        survey.readable[0].sha256 = survey.readable[40].sha256 = "same"
        survey.readable[0].label = survey.readable[40].label
        made = make_split(index, survey, (0.4, 0.3, 0.3), seed)
        assert made.entries[0].subset == made.entries[40].subset
        assert made.entries[0].group == made.entries[40].group


@pytest.mark.parametrize(
    "fractions",
    [
        (0.8, 0.1),
        (0.7, 0.1, 0.1, 0.1),
        (),
        (0.8, 0.1, 0.2),
        (0.9, 0.1, 0.0),
        (1.2, -0.1, -0.1),
        (NAN, 0.5, 0.5),
        (0.5, NAN, 0.5),
        (0.5, 0.5, NAN),
        (float("inf"), 0.1, 0.1),
        (80, 10, 10),
    ],
)
def test_bad_fractions_are_refused(fractions):
    with pytest.raises(LungscopeError, match="must be three positive numbers that sum to 1"):
        make_split(*patients(10), fractions)


@pytest.mark.parametrize("fractions", [(0.7, 0.2, 0.1), (1 / 3, 1 / 3, 1 / 3), (0.98, 0.01, 0.01)])
def test_fractions_need_only_sum_to_one_within_rounding(fractions):
    assert len(make_split(*patients(10), fractions).entries) == 90


def test_a_class_of_too_few_groups_is_refused_and_named():
    images = [(label, f"p{label}-{n % 9}") for label in range(2) for n in range(30)]
    images += [(2, f"p2-{n % 2}") for n in range(30)]
    with pytest.raises(LungscopeError, match=r"'Viral Pneumonia' has 2 groups .* too few for 3"):
        make_split(*surveyed(images))
    images[60:] = [(2, "p2") for _ in range(30)]
    with pytest.raises(LungscopeError, match=r"'Viral Pneumonia' has 1 group \("):
        make_split(*surveyed(images))


def test_a_class_without_a_readable_image_is_refused():
    index, survey = patients(4)
    survey = replace(survey, readable=tuple(image for image in survey.readable if image.label))
    with pytest.raises(LungscopeError, match="'Lung Opacity' has 0 groups"):
        make_split(index, survey)
    survey = replace(survey, readable=())
    with pytest.raises(LungscopeError, match="'Lung Opacity' has 0 groups"):
        make_split(index, survey)


def test_three_groups_a_class_are_enough():
    made = make_split(*patients(3))
    assert [len(made.subset(subset)) for subset in SUBSETS] == [9, 9, 9]


# Folds


@pytest.mark.parametrize("count", [3, 5])
def test_every_image_is_tested_once_validates_once_and_trains_otherwise(count):
    index, survey = patients(2 * count)
    made = make_folds(index, survey, count)
    assert [each.description for each in made] == [f"fold {n + 1} of {count}" for n in range(count)]
    for entry in index.entries:
        where = [subsets(each)[entry.file] for each in made]
        assert where.count("test") == where.count("validation") == 1
        assert where.count("train") == count - 2


def test_the_fold_after_the_tested_one_validates():
    made = make_folds(*patients(10), 5)
    tested = [{e.file for e in each.subset("test")} for each in made]
    validating = [{e.file for e in each.subset("validation")} for each in made]
    assert validating == tested[1:] + tested[:1]


def test_folds_are_balanced_in_every_class():
    for each in make_folds(*patients(10, size=4), 5):
        for subset, images in (("train", 24), ("validation", 8), ("test", 8)):
            labels = [entry.label for entry in each.subset(subset)]
            assert [labels.count(label) for label in range(3)] == [images] * 3


def test_folds_of_one_seed_are_the_same_and_of_another_are_not():
    images = patients(10)
    assert make_folds(*images, 5, seed=1) == make_folds(*images, 5, seed=1)
    assert [subsets(s) for s in make_folds(*images, 5, seed=2)] != [
        subsets(s) for s in make_folds(*images, 5, 1)
    ]


@pytest.mark.parametrize("count", [2, 1, 0, -1])
def test_fewer_than_three_folds_are_refused(count):
    with pytest.raises(LungscopeError, match="at least 3 folds are needed"):
        make_folds(*patients(10), count)


@pytest.mark.parametrize("count", [11, 10**9])
def test_more_folds_than_a_class_has_groups_are_refused_at_once(count):
    with pytest.raises(LungscopeError, match=rf"has 10 groups .* too few for {count} parts"):
        make_folds(*patients(10), count)


# Groups


NAMES = st.sampled_from(["a", "b", "c", "d", "e", "f"])


def naive(first, second):
    """Components by repainting: slow, and plainly right."""
    colour = list(range(len(first)))
    for i in range(len(first)):
        for j in range(i):
            if first[i] == first[j] or second[i] == second[j]:
                old, new = colour[i], colour[j]
                colour = [new if c == old else c for c in colour]
    return colour


def partition(numbers):
    return {
        frozenset(place for place, other in enumerate(numbers) if other == number)
        for number in numbers
    }


def grouped(monkeypatch, groups, alike=None, unreadable=()):
    """`group` for files that are named 1, 2, ..., whose near-duplicates are said to be `alike`."""
    readable = [file for file in groups if file not in unreadable]
    clusters = {file: file for file in readable} | (alike or {})
    monkeypatch.setattr(splitting, "cluster_duplicates", lambda *_: clusters)
    index = Index(Path(), ("A", "B"), tuple(Entry(file, 0, name) for file, name in groups.items()))
    return group_images(
        index, SimpleNamespace(readable=[SimpleNamespace(file=f) for f in readable])
    )


@settings(deadline=None)
@given(st.lists(st.tuples(NAMES, NAMES), max_size=14))
def test_joining_agrees_with_the_naive_way(names):
    first, second = [a for a, _ in names], [b for _, b in names]
    joined = join_groups(first, second)
    assert partition(joined) == partition(naive(first, second))
    assert partition(join_groups(second, first)) == partition(joined)


def test_a_long_chain_is_one_group():
    count = 2000
    joined = join_groups([n // 2 for n in range(count)], [(n + 1) // 2 for n in range(count)])
    assert len(set(joined)) == 1


def test_a_name_in_the_first_naming_has_nothing_to_do_with_the_same_one_in_the_second():
    assert len(set(join_groups(["a", "b"], ["b", "c"]))) == 2


@pytest.mark.parametrize("count", [0, 1, 256, 512])
def test_many_things_with_both_names_in_common_are_one_group(count):
    assert len(set(join_groups(["a"] * count, ["b"] * count))) == min(count, 1)


def test_without_a_group_column_look_alikes_are_the_groups(monkeypatch):
    found = grouped(monkeypatch, {"1": None, "2": None, "3": None}, alike={"1": "1", "3": "1"})
    assert found.by == "near-duplicates"
    assert found.of == {"1": "1", "2": "2", "3": "1"}


def test_a_group_column_keeps_its_names(monkeypatch):
    found = grouped(monkeypatch, {"1": "Ann", "2": "Bob", "3": "Ann"})
    assert found.by == "group-column"
    assert found.of == {"1": "Ann", "2": "Bob", "3": "Ann"}


def test_two_patients_who_share_a_picture_become_one_in_turn(monkeypatch):
    patients = {"1": "Ann", "2": "Ann", "3": "Bob", "4": "Bob", "5": "Cay", "6": "Dee"}
    found = grouped(monkeypatch, patients, alike={"2": "2", "3": "2", "4": "4", "5": "4"})
    assert {found.of[file] for file in "12345"} == {"Ann"}
    assert found.of["6"] == "Dee"


def test_an_image_without_a_group_in_a_table_that_has_them_is_on_its_own(monkeypatch):
    found = grouped(monkeypatch, {"1": "Ann", "2": None, "3": None, "4": "Bob"})
    assert found.by == "group-column"
    assert len(set(found.of.values())) == 4


def test_an_image_without_a_group_joins_the_patient_it_looks_like(monkeypatch):
    found = grouped(monkeypatch, {"1": None, "2": "Ann"}, alike={"1": "1", "2": "1"})
    assert len(set(found.of.values())) == 1


def test_unreadable_files_have_no_group_and_link_nothing(monkeypatch):
    found = grouped(monkeypatch, {"1": "Ann", "2": None}, unreadable={"1"})
    assert found.of == {"2": "2"}
    assert found.by == "near-duplicates"


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.none() | NAMES, NAMES), max_size=12), st.randoms())
def test_groups_have_one_name_each_and_do_not_depend_on_the_order(rows, random):
    # Clusters are named by their first file, as `clusters` does.
    numbered = [(f"{n:02}", name, alike) for n, (name, alike) in enumerate(rows)]
    first = {alike: file for file, _, alike in reversed(numbered)}

    def groups(order):
        with pytest.MonkeyPatch.context() as patch:
            return grouped(
                patch,
                {file: name for file, name, _ in order},
                {file: first[alike] for file, _, alike in order},
            )

    found = groups(numbered)
    assert groups(random.sample(numbered, len(numbered))) == found
    names = [found.of[file] for file, _, _ in numbered]
    given_names = [name or f"alone {file}" for file, name, _ in numbered]
    assert partition(names) == partition(naive(given_names, [alike for _, _, alike in numbered]))


def in_hospitals(groups_a_class, tested):
    """Patients of three classes in Kyiv, and others, by class and group, in Lviv."""
    at_home = [(label, f"p{label}-{n}") for label in range(3) for n in range(groups_a_class)]
    sources = ["Kyiv"] * len(at_home) + ["Lviv"] * len(tested)
    return surveyed([*at_home, *tested], sources=sources)


def test_a_source_that_is_held_out_is_the_whole_test_subset_and_in_no_other(tmp_path):
    index, survey = in_hospitals(20, [(0, "l1"), (0, "l2"), (2, "l3")])
    made = hold_out_sources(index, survey, ["Lviv"], seed=1)
    assert {entry.source for entry in made.subset("test")} == {"Lviv"}
    assert [len(made.subset(subset)) for subset in SUBSETS] == [54, 6, 3]
    assert (made.description, made.held_out) == ("Lviv held out", ("Lviv",))
    made.save(tmp_path / "split.json")
    assert Split.load(tmp_path / "split.json") == made


def test_a_patient_of_the_held_out_source_is_in_no_other_subset():
    index, survey = in_hospitals(20, [(0, "p0-3"), (1, "l2")])
    made = hold_out_sources(index, survey, ["Lviv"])
    assert {e.source for e in made.entries if e.group == "p0-3"} == {"Lviv"}
    assert len(made.entries) == 61  # one image of that patient in Kyiv is left out


def test_a_source_that_is_unknown_is_refused_with_those_that_are_known():
    with pytest.raises(NotFound, match="no image of source 'Odesa'; sources are Kyiv, Lviv"):
        hold_out_sources(*in_hospitals(20, [(0, "l1")]), ["Odesa"])


def test_too_few_groups_beside_a_held_out_source_are_refused():
    with pytest.raises(InvalidData, match="too few for 2 parts"):
        hold_out_sources(*in_hospitals(1, [(0, "l1")]), ["Lviv"])


def test_bad_fractions_beside_a_held_out_source_are_refused():
    with pytest.raises(InvalidSetting, match="three positive numbers"):
        hold_out_sources(*in_hospitals(20, [(0, "l1")]), ["Lviv"], (0.9, 0.1))
