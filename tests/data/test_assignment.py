from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from lungscope.data.assignment import assign_groups

PAPER = (0.8, 0.1, 0.1)
FIFTHS = (0.2,) * 5

IMAGES = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 2)), min_size=1, max_size=60
)
FRACTIONS = st.sampled_from([PAPER, (0.6, 0.2, 0.2), FIFTHS, (1.0,)])
SEEDS = st.integers(0, 2**32)


def apart(images):
    groups, labels = zip(*images, strict=True)
    return list(groups), list(labels)


def blocks(counts, size):
    """Groups of `size` images of one class; the last one of a class may be smaller."""
    return apart(
        (f"{label}-{number // size}", label)
        for label, count in enumerate(counts)
        for number in range(count)
    )


def patients(seed, count):
    """Groups of 1 to 10 images, a few of them of several classes, as patients are."""
    rng = np.random.default_rng(seed)
    images = []
    while len(images) < count:
        size, mixed = int(rng.integers(1, 11)), rng.random() < 0.1
        labels = rng.integers(0, 3, size) if mixed else np.full(size, rng.integers(0, 3))
        images += [(f"p{len(images)}", int(label)) for label in labels]
    return apart(images)


def shares(labels, parts, count):
    """(parts, classes): the share of each class that each part has."""
    table = np.zeros((count, max(labels) + 1))
    np.add.at(table, (parts, labels), 1)
    return table / table.sum(axis=0)


@settings(deadline=None, max_examples=60)
@given(IMAGES, FRACTIONS, SEEDS)
def test_every_image_has_one_part_and_every_group_stays_together(images, fractions, seed):
    groups, labels = apart(images)
    parts = assign_groups(groups, labels, fractions, seed)
    assert parts.shape == (len(images),)
    assert set(parts.tolist()) <= set(range(len(fractions)))
    assert len(set(zip(groups, parts.tolist(), strict=True))) == len(set(groups))


@settings(deadline=None, max_examples=60)
@given(IMAGES, FRACTIONS, SEEDS, st.randoms())
def test_the_order_of_the_images_makes_no_difference(images, fractions, seed, random):
    order = random.sample(range(len(images)), len(images))
    parts = assign_groups(*apart(images), fractions, seed)
    shuffled = assign_groups(*apart([images[i] for i in order]), fractions, seed)
    assert shuffled.tolist() == [parts[i] for i in order]


def test_one_seed_gives_one_assignment_and_another_seed_another():
    images = blocks([400, 400, 400], 10)
    first = assign_groups(*images, PAPER, 0).tolist()
    assert assign_groups(*images, PAPER, 0).tolist() == first
    assert assign_groups(*images, PAPER, 1).tolist() != first


def test_a_seed_gives_what_it_always_gave():
    # So that a split that is in a paper can be made again; one digit a block of ten images.
    parts = assign_groups(*blocks([150, 90, 120], 10), PAPER, 0)
    assert "".join(map(str, parts[::10])) == "210000000100000010000002000000200100"


@pytest.mark.parametrize("seed", range(5))
def test_blocks_of_ten_come_within_two_points_of_the_wanted_shares(seed):
    groups, labels = blocks([975, 1024, 1025], 10)
    assert len(labels) == 3024
    found = shares(labels, assign_groups(groups, labels, PAPER, seed), 3)
    assert np.abs(found - np.array(PAPER)[:, None]).max() <= 0.02


@pytest.mark.parametrize("seed", range(5))
def test_patients_of_one_to_ten_images_come_within_one_point(seed):
    groups, labels = patients(seed, 3000)
    found = shares(labels, assign_groups(groups, labels, PAPER, seed), 3)
    assert np.abs(found - np.array(PAPER)[:, None]).max() <= 0.01


def test_single_images_are_split_exactly():
    groups, labels = blocks([100, 50, 30], 1)
    found = shares(labels, assign_groups(groups, labels, PAPER, 0), 3)
    np.testing.assert_allclose(found, np.repeat(np.array(PAPER)[:, None], 3, axis=1), atol=1e-12)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("images", [patients, lambda _, count: blocks([count // 3] * 3, 7)])
def test_folds_are_balanced_as_well_as_scikit_learns(images, seed):
    groups, labels = images(seed, 400)
    theirs = np.empty(len(labels), dtype=int)
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    for fold, (_, test) in enumerate(folds.split(labels, labels, groups)):
        theirs[test] = fold
    ours = assign_groups(groups, labels, FIFTHS, seed)
    worst_of_ours = np.abs(shares(labels, ours, 5) - 0.2).max()
    worst_of_theirs = np.abs(shares(labels, theirs, 5) - 0.2).max()
    assert worst_of_ours <= 1.5 * worst_of_theirs


@pytest.mark.parametrize("sizes", [(10, 10, 10), (30, 1, 1), (5, 4, 100), (1, 1, 1)])
def test_three_groups_a_class_give_every_part_every_class(sizes):
    images = apart(
        (f"{label}-{number}", label)
        for label in range(3)
        for number, size in enumerate(sizes)
        for _ in range(size)
    )
    assert (shares(images[1], assign_groups(*images, PAPER, 0), 3) > 0).all()


@st.composite
def few_mixed_groups(draw):
    groups = draw(st.lists(st.tuples(*[st.sampled_from([0, 0, 1, 9])] * 3), min_size=3, max_size=6))
    images = [
        (f"g{number}", label)
        for number, counts in enumerate(groups)
        for label, count in enumerate(counts)
        for _ in range(count)
    ]
    return [*images, *(("g0", label) for label in range(3))]


@settings(deadline=None, max_examples=60)
@given(few_mixed_groups(), SEEDS)
def test_where_any_assignment_gives_every_part_every_class_so_does_ours(images, seed):
    groups, labels = apart(images)
    names = sorted(set(groups))
    held = {name: {label for group, label in images if group == name} for name in names}

    def complete(parts):
        having = [
            set().union(*(held[name] for name, p in zip(names, parts, strict=True) if p == part))
            for part in range(3)
        ]
        return all(classes == {0, 1, 2} for classes in having)

    parts = assign_groups(groups, labels, PAPER, seed)
    ours = [parts[groups.index(name)] for name in names]
    if any(complete(parts) for parts in product(range(3), repeat=len(names))):
        assert complete(ours)


def test_a_case_where_the_greedy_rule_alone_leaves_a_class_out_is_completed_by_few_moves():
    counts = {
        "a": (3, 2, 5),
        "b": (1, 0, 0),
        "c": (10, 0, 0),
        "d": (10, 9, 11),
        "e": (9, 13, 8),
        "f": (0, 2, 0),
    }
    images = apart(
        (name, label)
        for name, row in counts.items()
        for label, count in enumerate(row)
        for _ in range(count)
    )
    parts = assign_groups(*images, PAPER, 0)
    assert (shares(images[1], parts, 3) > 0).all()
    assert np.bincount(parts).argmax() == 0


def test_too_few_groups_of_a_class_are_distributed_all_the_same():
    groups, labels = blocks([30, 2], 1)
    parts = assign_groups(groups, labels, PAPER, 0)
    np.testing.assert_array_equal(np.bincount(parts[:30]), [24, 3, 3])
