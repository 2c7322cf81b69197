from dataclasses import replace

import pytest

from lungscope.data.index import Index
from lungscope.data.split import Split
from lungscope.data.survey import survey_images
from lungscope.errors import LungscopeError
from lungscope.reproduction.plan import Plan
from lungscope.reproduction.splits import adopt_split, find_split_origin, load_or_draw_splits
from lungscope.training.recipes import PAPER_RECIPE

ONE, FOLDS = Plan(("vgg11",)), Plan(("vgg11",), folds=3)
OF_SEED_5 = replace(PAPER_RECIPE, seed=5)


@pytest.fixture(scope="module")
def surveyed(phantoms):
    index = Index.open(phantoms)
    return index, survey_images(index)


def never():
    raise AssertionError("the data set was surveyed again")


@pytest.mark.parametrize("plan", [ONE, FOLDS])
def test_splits_are_made_once_and_then_read(plan, surveyed, tmp_path):
    made = load_or_draw_splits(tmp_path, plan, lambda: surveyed)
    again = load_or_draw_splits(tmp_path, plan, never)
    assert [split.fingerprint for split in again] == [split.fingerprint for split in made]


def test_one_split_is_80_10_10(surveyed, tmp_path):
    (split,) = load_or_draw_splits(tmp_path, ONE, lambda: surveyed)
    assert split.description == "80/10/10"
    assert Split.load(tmp_path / "split.json") == split


def test_folds_test_every_image_once_and_keep_groups_in_one_subset(surveyed, tmp_path):
    splits = load_or_draw_splits(tmp_path, FOLDS, lambda: surveyed)
    tested = [entry.file for split in splits for entry in split.subset("test")]
    assert sorted(tested) == sorted(entry.file for entry in surveyed[0].entries)
    for split in splits:
        trained = {entry.group for entry in split.subset("train")}
        assert trained.isdisjoint(entry.group for entry in split.subset("test"))
    assert (tmp_path / "folds" / "fold-3.json").is_file()


def test_folds_of_another_number_are_not_taken_for_these(surveyed, tmp_path):
    load_or_draw_splits(tmp_path, Plan(("vgg11",), folds=4), lambda: surveyed)
    splits = load_or_draw_splits(tmp_path, FOLDS, lambda: surveyed)
    assert [split.description for split in splits] == [f"fold {n} of 3" for n in (1, 2, 3)]


def test_folds_that_are_incomplete_are_drawn_again(surveyed, tmp_path):
    before = load_or_draw_splits(tmp_path, FOLDS, lambda: surveyed)
    (tmp_path / "folds" / "fold-2.json").unlink()
    assert load_or_draw_splits(tmp_path, FOLDS, lambda: surveyed) == before


def test_a_adopt_split_is_kept(phantom_split, tmp_path):
    phantom_split.save(tmp_path / "mine.json")
    assert adopt_split(tmp_path / "out", ONE, tmp_path / "mine.json", force=False) == (
        phantom_split,
    )
    given = replace(ONE, split="given")
    assert load_or_draw_splits(tmp_path / "out", given, never) == (phantom_split,)


@pytest.mark.parametrize("plan", [ONE, FOLDS])
def test_what_was_drawn_with_another_seed_is_drawn_again(plan, surveyed, tmp_path):
    before = load_or_draw_splits(tmp_path, plan, lambda: surveyed)
    after = load_or_draw_splits(tmp_path, replace(plan, recipe=OF_SEED_5), lambda: surveyed)
    assert {split.seed for split in after} == {5}
    assert [split.fingerprint for split in after] != [split.fingerprint for split in before]


def test_what_was_given_stays_whatever_the_seed(phantom_split, tmp_path):
    phantom_split.save(tmp_path / "split.json")
    plan = replace(ONE, recipe=OF_SEED_5, split="given")
    assert load_or_draw_splits(tmp_path, plan, never, force=True) == (phantom_split,)


def test_a_damaged_split_is_drawn_again_only_by_force_and_a_given_one_never(surveyed, tmp_path):
    (before,) = load_or_draw_splits(tmp_path, ONE, lambda: surveyed)
    (tmp_path / "split.json").write_text("{")
    for plan, force in ((ONE, False), (replace(ONE, split="given"), True)):
        with pytest.raises(LungscopeError, match="not a split manifest"):
            load_or_draw_splits(tmp_path, plan, never, force=force)
    assert load_or_draw_splits(tmp_path, ONE, lambda: surveyed, force=True) == (before,)


@pytest.mark.parametrize("recorded", ["drawn", "given"])
def test_the_record_tells_whether_a_split_was_given(recorded, surveyed, tmp_path):
    load_or_draw_splits(tmp_path, ONE, lambda: surveyed)
    replace(ONE, split=recorded).save(tmp_path / "reproduction.json")
    assert find_split_origin(tmp_path, replace(ONE, recipe=OF_SEED_5)) == recorded


def test_a_split_that_the_plan_before_cannot_have_drawn_was_given(phantom_split, tmp_path):
    phantom_split.save(tmp_path / "split.json")
    replace(ONE, recipe=OF_SEED_5).save(tmp_path / "reproduction.json")
    assert find_split_origin(tmp_path, replace(ONE, recipe=OF_SEED_5)) == "given"


@pytest.mark.parametrize("plan", [ONE, FOLDS])
def test_where_nothing_is_kept_a_split_is_to_be_drawn(plan, tmp_path):
    assert find_split_origin(tmp_path, plan) == "drawn"


def test_another_split_takes_the_place_of_a_kept_one_only_by_force(
    phantom_split, surveyed, tmp_path
):
    (before,) = load_or_draw_splits(tmp_path, ONE, lambda: surveyed)
    phantom_split.save(tmp_path / "mine.json")
    with pytest.raises(LungscopeError, match="differs from"):
        adopt_split(tmp_path, ONE, tmp_path / "mine.json", force=False)
    assert load_or_draw_splits(tmp_path, ONE, never) == (before,)
    adopt_split(tmp_path, ONE, tmp_path / "mine.json", force=True)
    assert load_or_draw_splits(tmp_path, replace(ONE, split="given"), never) == (phantom_split,)


def test_folds_take_no_adopt_split(phantom_split, tmp_path):
    phantom_split.save(tmp_path / "mine.json")
    with pytest.raises(LungscopeError, match="folds draw their own splits"):
        adopt_split(tmp_path, FOLDS, tmp_path / "mine.json", force=False)
