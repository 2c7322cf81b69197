import pytest

from lungscope.data.index import Index
from lungscope.data.survey import survey_images
from lungscope.errors import InvalidData, NotFound
from lungscope.reproduction.source_folds import (
    choose_folds,
    load_or_make_folds,
    make_folds_by_source,
)


@pytest.fixture(scope="module")
def surveyed(phantoms):
    """Phantoms of three hospitals: Kyiv has all of one class, Odesa and Lviv share the others."""
    files = sorted(phantoms.rglob("*.png"))
    labels = [file.parent.name for file in files]
    sources = [
        "Kyiv" if label == "Viral_Pneumonia" else ("Lviv", "Odesa")[number % 2]
        for number, label in enumerate(labels)
    ]
    index = Index.from_files(files, labels, sources=sources)
    return index, survey_images(index, 1)


def test_each_source_is_the_whole_test_subset_of_its_fold(surveyed):
    made = make_folds_by_source(*surveyed)
    assert [(fold.name, fold.source) for fold, _ in made] == [
        ("source-1", "Kyiv"),
        ("source-2", "Lviv"),
        ("source-3", "Odesa"),
    ]
    for fold, split in made[1:]:
        assert {entry.source for entry in split.subset("test")} == {fold.source}
        assert fold.source not in {entry.source for entry in split.subset("train")}
        assert len(split.subset("test")) == fold.images == 20


def test_a_source_that_has_all_images_of_a_class_is_not_held_out_and_says_so(surveyed):
    (fold, split), *_ = make_folds_by_source(*surveyed)
    assert split is None
    assert (fold.refusal, fold.removed) == ("removes-class", ("Viral Pneumonia",))
    assert "all images of Viral Pneumonia, so leaving it out removes the class" in (
        fold.describe_refusal()
    )


def test_one_source_is_too_few(phantoms):
    index = Index.open(phantoms)
    with pytest.raises(InvalidData, match="fewer than two sources are named"):
        make_folds_by_source(index, survey_images(index, 1))


def test_folds_are_stored_and_the_data_is_read_once(surveyed, tmp_path):
    made = load_or_make_folds(tmp_path, 0, lambda: surveyed)
    again = load_or_make_folds(tmp_path, 0, lambda: pytest.fail("the data was read again"))
    assert again == made
    other = load_or_make_folds(tmp_path, 1, lambda: surveyed)
    assert other[1][1].seed == 1


def test_damaged_folds_are_refused_unless_forced(surveyed, tmp_path):
    made = load_or_make_folds(tmp_path, 0, lambda: surveyed)
    (tmp_path / "source-2" / "split.json").unlink()
    with pytest.raises(NotFound):
        load_or_make_folds(tmp_path, 0, lambda: surveyed)
    assert load_or_make_folds(tmp_path, 0, lambda: surveyed, force=True) == made


def test_sources_are_chosen_by_name(surveyed):
    folds = make_folds_by_source(*surveyed)
    assert [fold.source for fold, _ in choose_folds(folds, ["Odesa"])] == ["Odesa"]
    assert choose_folds(folds, []) == folds
    with pytest.raises(NotFound, match="no image of source 'Kharkiv'; sources are Kyiv, Lviv"):
        choose_folds(folds, ["Kharkiv"])
