from dataclasses import replace

from lungscope.data.split import UNKNOWN_SOURCE
from lungscope.report.composition import Composition


def test_images_and_groups_are_counted(make_split):
    found = Composition.of(make_split())
    assert found.images["Normal"] == {"train": 20, "validation": 20, "test": 20}
    assert found.groups == {"train": 30, "validation": 30, "test": 30}
    assert found.total("test") == 60


def test_sources_are_counted_by_class(make_split):
    found = Composition.of(make_split())
    assert found.sources["Viral Pneumonia"] == {"guangzhou-paediatric": 60}
    assert found.all_sources == ("guangzhou-paediatric", "rsna-adult")


def test_classes_of_one_source_are_found_where_there_are_several(make_split):
    assert len(Composition.of(make_split()).of_one_source) == 3
    alone = Composition.of(make_split(sources=("a", "a", "a")))
    assert alone.of_one_source == {}


def test_unknown_sources_are_no_source(make_split):
    split = make_split(sources=("a", None, "b"))
    found = Composition.of(split)
    assert found.sources["Normal"] == {UNKNOWN_SOURCE: 60}
    assert found.all_sources == ("a", "b", UNKNOWN_SOURCE)
    assert found.of_one_source == {"Lung Opacity": "a", "Viral Pneumonia": "b"}
    nothing = replace(split, entries=tuple(replace(e, source=None) for e in split.entries))
    assert Composition.of(nothing).sources == {}
