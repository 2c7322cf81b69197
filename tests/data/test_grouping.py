from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lungscope.data import splitting as module
from lungscope.data.index import Entry, Index
from lungscope.data.splitting import group_images, join_groups

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
    monkeypatch.setattr(module, "cluster_duplicates", lambda *_: clusters)
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
