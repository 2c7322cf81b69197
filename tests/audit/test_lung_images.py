from pathlib import Path

import numpy as np
import pytest

from lungscope.audit.lung_images import draw_donors, find_lungs, hide, transplant
from lungscope.data.cache import Cache
from lungscope.data.split import SplitEntry
from lungscope.phantom.drawing import draw_phantom


def entries(rows):
    return [
        SplitEntry(f"{row}.png", label, f"hash {row}", group, "test", source)
        for row, (label, group, source) in enumerate(rows)
    ]


def two_lungs(size, top, bottom, left, right):
    found = np.zeros((2, size, size), dtype=bool)
    found[0, top:bottom, left : size // 2 - 1] = True
    found[1, top:bottom, size // 2 + 1 : right] = True
    return found


def test_lungs_are_found_on_chests_and_not_on_noise():
    phantoms = [draw_phantom("Normal", seed, 224) for seed in (501, 502)]
    noise = np.random.default_rng(0).integers(0, 255, (224, 224), dtype=np.uint8)
    pixels = np.stack([phantoms[0].pixels, noise, phantoms[1].pixels])
    listed = entries([(0, "a", None), (0, "b", None), (0, "c", None)])
    done = []
    found = find_lungs(
        Cache(pixels, {f"hash {row}": row for row in range(3)}, Path()),
        listed,
        lambda *now: done.append(now),
    )
    assert found.rows.tolist() == [0, 2]
    assert found.entries == (listed[0], listed[2])
    assert done == [(1, 3), (2, 3), (3, 3)]
    for phantom, lungs in zip(phantoms, found.lungs, strict=True):
        both = (phantom.lungs & lungs.any(axis=0)).sum()
        assert 2 * both / (phantom.lungs.sum() + lungs.sum()) > 0.8
        left, right = (np.argwhere(side)[:, 1].mean() for side in lungs)
        assert left < 112 < right


def test_what_is_hidden_has_the_images_mean_and_the_rest_is_kept():
    images = np.random.default_rng(0).integers(0, 255, (3, 8, 8), dtype=np.uint8)
    hidden = np.random.default_rng(1).random((3, 8, 8)) < 0.5
    found = hide(images, hidden)
    for before, after, mask in zip(images, found, hidden, strict=True):
        assert np.array_equal(after[~mask], before[~mask])
        assert set(after[mask].tolist()) == {round(float(before.mean()))}


def test_transplanted_lungs_fill_the_outline_and_nothing_else():
    generator = np.random.default_rng(0)
    here, there = (generator.integers(100, 156, (32, 32), dtype=np.uint8) for _ in range(2))
    lungs, donated = two_lungs(32, 8, 24, 4, 28), two_lungs(32, 4, 28, 2, 30)
    there[donated[0]], there[donated[1]] = 20, 230
    made = transplant(here, lungs, there, donated)
    whole = lungs.any(axis=0)
    assert np.array_equal(made[~whole], here[~whole])
    assert made[lungs[0]].max() < 60  # at the edges of a box, a pixel is partly what is beside it
    assert made[lungs[1]].min() > 190


def test_a_darker_and_flatter_donor_is_adapted():
    here = np.random.default_rng(0).integers(0, 255, (32, 32), dtype=np.uint8)
    lungs = two_lungs(32, 8, 24, 4, 28)
    there = (here * 0.5 + 10).astype(np.uint8)
    made = transplant(here, lungs, there, lungs)
    assert np.abs(made.astype(int) - here).max() <= 3


def test_donors_are_of_the_class_and_of_another_group():
    listed = entries(
        [
            (0, "a", "north"),
            (0, "b", "north"),
            (0, "c", "south"),
            (0, "c", "south"),
            (1, "d", "north"),
            (1, "e", "north"),
            (0, "f", None),
        ]
    )
    found = draw_donors(listed)
    assert found.recipients.tolist() == [0, 1]  # the south has one group; class 1 has one source
    assert found.same.tolist() == [1, 0]
    assert set(found.other.tolist()) <= {2, 3}


@pytest.mark.parametrize("sources", [("north",), (None,)])
def test_without_two_sources_there_are_no_donors(sources):
    listed = entries([(0, f"g{row}", sources[0]) for row in range(4)])
    assert not len(draw_donors(listed).recipients)
