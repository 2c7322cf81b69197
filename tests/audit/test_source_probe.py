import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lungscope.audit.source_probe import FOLDS, probe_sources
from lungscope.data.split import SplitEntry

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
    assert found.within["Normal"].tells
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
    assert found.overall.tells
    assert holds(found.overall, found.class_alone.balanced_accuracy.value)
    assert not found.within["Normal"].tells


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
