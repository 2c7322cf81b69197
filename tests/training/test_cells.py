"""Cells of class and source: how they are numbered, drawn and judged."""

from collections import Counter

import numpy as np
import pytest

from lungscope.data.split import SplitEntry
from lungscope.training.cells import (
    FEWEST,
    judging_weights,
    number_cells,
    sampling_weights,
    score_epoch,
)
from lungscope.training.recipe import Recipe


def entries(**counts):
    """Entries by class and source, e.g. a0=3: three images of class 0 from hospital a."""
    return [
        SplitEntry(f"{cell}-{n}.png", int(cell[1]), f"{cell}{n}", "g", "train", cell[0])
        for cell, count in counts.items()
        for n in range(count)
    ]


COUNTS = {"a0": 80, "b0": 20, "a1": 300}


def proportions(recipe):
    drawn = entries(**COUNTS)
    weights = sampling_weights(drawn, recipe)
    assert weights.sum() == pytest.approx(1)
    found = Counter()
    for entry, weight in zip(drawn, weights, strict=True):
        found[f"{entry.source}{entry.label}"] += weight
    return pytest.approx(dict(found))


def test_cells_are_numbered_by_class_and_source():
    found = number_cells(entries(b0=1, a0=2, a1=1))
    assert found.tolist() == [1, 0, 0, 2]


def test_images_without_a_source_are_of_one():
    assert number_cells([SplitEntry("a", 0, "1", "g", "train")] * 2).tolist() == [0, 0]


def test_by_default_every_image_is_as_probable_as_any_other():
    assert sampling_weights(entries(**COUNTS), Recipe()) is None


def test_classes_and_sources_are_balanced_each_as_far_as_is_wanted():
    assert proportions(Recipe(balance_classes=1)) == {"a0": 0.4, "b0": 0.1, "a1": 0.5}
    assert proportions(Recipe(balance_sources=1)) == {"a0": 0.125, "b0": 0.125, "a1": 0.75}
    both = Recipe(balance_classes=1, balance_sources=1)
    assert proportions(both) == {"a0": 0.25, "b0": 0.25, "a1": 0.5}
    half = proportions(Recipe(balance_classes=1, balance_sources=0.5))
    assert half == {"a0": 0.5 * 2 / 3, "b0": 0.5 / 3, "a1": 0.5}  # roots of 80 and 20 are 2 to 1


CORRECT = np.array([True] * 90 + [False] * 10 + [True] * 4 + [False] * 6 + [False])
CELLS = np.array([0] * 100 + [1] * 10 + [2])


def test_an_epoch_is_judged_by_all_images_by_cells_or_by_the_worst_cell():
    assert score_epoch(CORRECT, CELLS, "accuracy") == pytest.approx(94 / 111)
    assert score_epoch(CORRECT, CELLS, "balanced") == pytest.approx((0.9 + 0.4) / 2)
    assert score_epoch(CORRECT, CELLS, "worst-cell") == pytest.approx(0.4)


def test_cells_of_few_images_count_only_where_there_are_no_others():
    assert FEWEST == 10
    few = np.array([0, 0, 1])
    assert score_epoch(np.array([True, False, True]), few, "worst-cell") == pytest.approx(0.5)


def test_a_temperature_counts_each_cell_the_same_where_epochs_are_judged_by_cells():
    cells = np.repeat([0, 1, 2], [60, 20, 5])
    weights = judging_weights(cells, "balanced")
    assert weights.sum() == pytest.approx(1)
    shares = np.bincount(cells, weights=weights)
    assert shares[0] == pytest.approx(shares[1])
    assert shares[2] == pytest.approx(shares[0] * 5 / FEWEST)


def test_a_temperature_counts_each_image_the_same_where_epochs_are_judged_by_images():
    assert judging_weights(np.array([0, 0, 1]), "accuracy") is None
