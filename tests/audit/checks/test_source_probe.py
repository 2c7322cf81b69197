import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_sources import Study, apart, crossed

from lungscope.audit.checks.source_probe import (
    FOLDS,
    Probe,
    SourceProbe,
    conclude_sources,
    probe_sources,
)
from lungscope.data.split import SplitEntry
from lungscope.estimate import Estimate

CLASSES = ("Normal", "Opacity", "Viral")


def entries(rows):
    """Of rows (label, source, group)."""
    return [
        SplitEntry(f"{number}.png", label, str(number), str(group), "test", source)
        for number, (label, source, group) in enumerate(rows)
    ]


def confounded(count=240):
    """As published data are: opacities of adults, pneumonias of children, normals of both.

    Images of a group are of one class and one source; four a group.
    """
    kinds = [(0, "adults"), (0, "children"), (1, "adults"), (2, "children")]
    return entries([(*kinds[(n // 4) % 4], n // 4) for n in range(count)])


def noise(count, features=40, seed=0):
    return np.random.default_rng(seed).normal(size=(count, features))


def is_adult(images):
    return np.array([entry.source == "adults" for entry in images], dtype=np.float64)


def holds(probe, value):
    return probe.balanced_accuracy.low <= value <= probe.balanced_accuracy.high


def test_a_planted_source_is_told():
    images = confounded()
    features = noise(len(images))
    features[:, :5] += 4 * is_adult(images)[:, None]
    found = probe_sources(features, images, CLASSES)
    assert found.overall.balanced_accuracy.value > 0.95
    assert found.within["Normal"].balanced_accuracy.value > 0.95
    assert found.within["Normal"].above_chance
    assert found.overall.balanced_accuracy.value > found.class_alone.balanced_accuracy.high


def test_noise_tells_nothing_more_often_than_chance_has_it():
    images = entries([(n % 2, "ab"[n % 2], n) for n in range(120)])
    found = [probe_sources(noise(120, seed=k), images, CLASSES).overall for k in range(20)]
    assert sum(not holds(each, 0.5) for each in found) <= 2  # 1 is expected


def test_features_that_tell_the_class_alone_tell_the_source_only_between_classes():
    images = confounded()
    features = noise(len(images))
    features[:, :3] += 8 * np.eye(3)[[entry.label for entry in images]]
    found = probe_sources(features, images, CLASSES)
    assert found.overall.above_chance
    assert holds(found.overall, found.class_alone.balanced_accuracy.value)
    assert not found.within["Normal"].above_chance


def test_knowing_the_class_alone_is_worth_what_it_is_by_hand():
    """One source has all of a class and half of the normals: its normals or the other's are lost.

    Either source has as many normals as images of its own class, so 3/4 is the best.
    """
    images = confounded(240)
    found = probe_sources(noise(len(images)), images, CLASSES).class_alone
    assert found.balanced_accuracy.value <= 0.75
    assert holds(found, 0.75)


def test_knowing_a_group_by_heart_is_no_knowing_of_its_source():
    of_group = noise(60, seed=1) * 10
    images = confounded()
    features = of_group[[int(entry.group) for entry in images]]
    found = probe_sources(features, images, CLASSES)
    assert holds(found.overall, 0.5)


def test_a_source_of_few_images_counts_as_much_as_another():
    images = entries(
        [(0, "rare", f"r{n}") for n in range(20)] + [(0, "usual", f"u{n}") for n in range(380)]
    )
    found = probe_sources(noise(400), images, CLASSES).overall
    assert found.images == {"rare": 20, "usual": 380}
    assert holds(found, 0.5)
    assert found.balanced_accuracy.value < 0.75  # naming "usual" always is right in 95 %


def test_three_sources_have_a_chance_of_a_third():
    images = entries([(0, "abc"[n % 3], f"g{n}") for n in range(150)])
    found = probe_sources(noise(150), images, CLASSES).overall
    assert found.chance == pytest.approx(1 / 3)
    assert holds(found, 1 / 3)


def test_a_perfect_probe_is_not_beyond_doubt():
    images = confounded()
    features = np.repeat(is_adult(images)[:, None], 3, axis=1)
    found = probe_sources(features, images, CLASSES).overall.balanced_accuracy
    assert found.value == 1
    assert 0.8 < found.low < 0.95


def test_classes_of_one_source_are_not_probed():
    images = confounded()
    within = probe_sources(noise(len(images)), images, CLASSES).within
    assert within["Opacity"] is None
    assert within["Viral"] is None
    assert within["Normal"].images == {"adults": 60, "children": 60}
    assert within["Normal"].groups == {"adults": 15, "children": 15}


def test_images_of_no_source_or_of_one_with_few_groups_are_left_out():
    few = [(0, "few", f"f{n}") for n in range(FOLDS - 1)]
    nowhere = [(0, None, "n1"), (0, "", "n2")]
    two = [(0, "ab"[n % 2], f"g{n}") for n in range(40)]
    found = probe_sources(noise(46), entries(few + nowhere + two), CLASSES)
    assert found.left_out == 6
    assert set(found.overall.images) == {"a", "b"}


@pytest.mark.parametrize("source", [None, "adults"])
def test_without_two_sources_there_is_nothing_to_probe(source):
    images = entries([(n % 3, source, n) for n in range(60)])
    assert probe_sources(noise(60), images, CLASSES) is None


@pytest.mark.parametrize(("groups", "probed"), [(FOLDS - 1, False), (FOLDS, True)])
def test_two_sources_are_probed_for_from_five_groups_of_each_on(groups, probed):
    images = entries([(0, "ab"[n % 2], n) for n in range(2 * groups)])
    assert (probe_sources(noise(len(images)), images, CLASSES) is not None) == probed


def test_the_same_seed_gives_the_same_answer_which_is_json():
    images = confounded(120)
    first, second = (probe_sources(noise(120), images, CLASSES, seed=3) for _ in range(2))
    assert first == second
    assert json.loads(json.dumps(asdict(first), allow_nan=False))["within"]["Opacity"] is None


def test_constant_features_are_no_fault():
    images = confounded(120)
    found = probe_sources(np.ones((120, 8)), images, CLASSES).overall
    assert holds(found, 0.5)


SIZES = st.lists(st.integers(1, 30), min_size=FOLDS, max_size=9)


@settings(deadline=None, max_examples=8)
@given(SIZES, SIZES, st.booleans())
def test_groups_of_any_size_are_probed(first, second, shared):
    rows = [(0, "a", f"a{k}") for k, size in enumerate(first) for _ in range(size)]
    name = "a" if shared else "b"
    rows += [(0, "b", f"{name}{k}") for k, size in enumerate(second) for _ in range(size)]
    found = probe_sources(noise(len(rows), 4), entries(rows), CLASSES).overall.balanced_accuracy
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high


@pytest.mark.parametrize("images", [6, 60])
def test_sources_that_are_the_classes_fail_with_many_images_and_with_few(images):
    found = Study(apart(images)).probe_finding()
    assert found.verdict == "fail"
    assert found.statement == (
        "The association of class and source is Cramér's V 1.00. No class has images of two "
        "sources. It cannot be determined whether the model recognises the class or the source."
    )


def test_too_few_groups_to_probe_are_said_to_be_too_few_and_how_many_it_takes():
    found = Study(crossed(6)).probe_finding()
    assert found.verdict == "not-measured"
    assert found.statement == (
        "There are too few groups to probe: a class needs two sources with 5 groups or more each "
        "among its validation and test images. The association of class and source is Cramér's V "
        "0.00."
    )


def test_too_few_groups_to_probe_fail_where_class_and_source_go_together():
    counts = {("a", "north"): 90, ("a", "south"): 3, ("b", "south"): 90, ("c", "south"): 90}
    found = Study(counts).probe_finding()
    assert found.verdict == "fail"
    assert "too few groups to probe" in found.statement
    assert "No class has images of two sources" not in found.statement


def test_a_source_that_one_class_alone_names_is_one_that_goes_with_the_class():
    counts = {("a", "north"): 30, ("b", None): 30, ("c", None): 30}
    found = Study(counts).probe_finding()
    assert found.verdict == "fail"
    assert found.statement == (
        "The association of class and source is Cramér's V 0.99, with images of unknown source "
        "counted as one more source. The data names only one source: north. It cannot be "
        "determined whether the model recognises the class or the source."
    )


def test_two_sources_of_one_class_are_not_said_to_be_none():
    counts = {("a", "north"): 6, ("a", "south"): 6, ("b", None): 12, ("c", None): 12}
    found = Study(counts).probe_finding()
    assert found.verdict == "fail"
    assert "too few groups to probe" in found.statement
    assert "counted as one more source" in found.statement


def test_one_source_of_all_is_no_answer_and_no_pass():
    found = Study({(name, "north"): 30 for name in "abc"}).probe_finding()
    assert found.verdict == "not-measured"
    assert found.statement.startswith("The data names only one source: north.")
    assert Study({(name, "north"): 30 for name in "abc"}).source_finding().statement == (
        "All test images come from one source: north."
    )


def test_no_source_is_no_answer_and_no_pass():
    blind = Study(dict.fromkeys(((name, None) for name in "abc"), 30))
    for found, words in (
        (blind.probe_finding(), "No image's source is known."),
        (blind.source_finding(), "No test image's source is known."),
    ):
        assert (found.verdict, found.statement) == ("not-measured", words)


def test_a_predicted_source_warns_and_fails_where_it_goes_with_the_class():
    assert Study(crossed(30), predicted=True).probe_finding().verdict == "warn"
    together = {("a", "north"): 30, ("a", "south"): 30, ("b", "north"): 60, ("c", "south"): 60}
    found = Study(together, predicted=True).probe_finding()
    assert found.verdict == "fail"
    assert "within a" in found.statement
    assert "within b" not in found.statement


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.40, 0.70, "pass"), (0.40, 0.80, "warn"), (0.51, 0.70, "warn")],
)
def test_a_probe_passes_where_it_is_shown_to_predict_little(low, high, verdict):
    probe = Probe({}, {}, Estimate(0.6, low, high), 0.5)
    probed = SourceProbe(probe, probe, {"a": probe, "b": None}, 0)
    study = Study(crossed(30))
    sources = replace(study.sources, probe=probed)
    (found,) = conclude_sources(sources, study.performance)
    assert found.verdict == verdict
    assert ("cannot be excluded: too few images" in found.statement) == (high > 0.75)
