from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lungscope.data.cache import Cache
from lungscope.data.split import SplitEntry
from lungscope.training.cells import number_cells
from lungscope.training.loading import (
    CachedFeatures,
    CachedImages,
    FeatureBatch,
    SeededOrder,
    make_batches,
    training_batches,
    validation_batches,
)

SIZE = 8


def cached(count):
    """A cache of `count` images, and entries in another order than its rows."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, SIZE, SIZE), dtype=np.uint8)
    cache = Cache(pixels, {f"hash {row}": row for row in range(count)}, Path("nowhere"))
    order = np.random.default_rng(1).permutation(count)
    return cache, [SplitEntry(f"{r}.png", int(r) % 3, f"hash {r}", "g", "train") for r in order]


def rows_of(loader, cache):
    """The cache row of each image, batch by batch."""
    return [
        [
            int((cache.pixels == image.numpy()).all(axis=(1, 2)).argmax())
            for image in batch.pixels[:, 0]
        ]
        for batch in loader
    ]


def test_batches_are_the_caches_bytes_and_the_entries_labels_in_their_order():
    cache, entries = cached(10)
    loader = make_batches(cache, entries, 4)
    assert [len(batch.labels) for batch in loader] == [4, 4, 2]
    pixels = torch.cat([batch.pixels for batch in loader])
    labels = torch.cat([batch.labels for batch in loader])
    assert pixels.shape == (10, 1, SIZE, SIZE)
    assert (pixels.dtype, labels.dtype) == (torch.uint8, torch.int64)
    for image, label, entry in zip(pixels, labels, entries, strict=True):
        assert np.array_equal(image[0].numpy(), cache.pixels[cache.row[entry.sha256]])
        assert label == entry.label


def test_a_batch_is_a_copy_so_that_nothing_can_write_into_the_cache():
    cache, entries = cached(4)
    before = cache.pixels.copy()
    for batch in make_batches(cache, entries, 2):
        batch.pixels.zero_()
    assert np.array_equal(cache.pixels, before)


def test_labels_keep_to_their_images_when_the_order_is_random():
    cache, entries = cached(20)
    labels = {cache.row[entry.sha256]: entry.label for entry in entries}
    loader = training_batches(CachedImages(cache, entries), 6, seed=3)
    for rows, batch in zip(rows_of(loader, cache), loader, strict=True):
        assert batch.labels.tolist() == [labels[row] for row in rows]


def test_a_batch_knows_the_cell_of_class_and_source_of_each_image():
    cache, entries = cached(6)
    entries = [replace(entry, source="ab"[place % 2]) for place, entry in enumerate(entries)]
    (batch,) = make_batches(cache, entries, 6)
    assert torch.equal(batch.cells, torch.from_numpy(number_cells(entries)))
    assert len(set(batch.cells.tolist())) > 3  # more than classes


@settings(deadline=None, max_examples=40)
@given(count=st.integers(1, 40), batch_size=st.integers(1, 12))
def test_an_epoch_has_every_image_once_but_for_a_rest_of_a_single_one(count, batch_size):
    cache, entries = cached(count)
    found = rows_of(training_batches(CachedImages(cache, entries), batch_size, seed=0), cache)
    flat = [row for rows in found for row in rows]
    assert len(set(flat)) == len(flat)
    alone = count > batch_size > 1 and count % batch_size == 1
    assert len(flat) == count - alone
    if count > 1 and batch_size > 1:
        assert min(map(len, found)) > 1  # BatchNorm needs two
    assert max(map(len, found)) <= batch_size


def test_the_image_that_is_left_out_is_another_one_each_epoch():
    cache, entries = cached(9)
    loader = training_batches(CachedImages(cache, entries), 4, seed=0)
    missing = set()
    for epoch in range(30):
        loader.sampler.set_epoch(epoch)
        missing |= set(range(9)) - {row for rows in rows_of(loader, cache) for row in rows}
    assert len(missing) > 5


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 200), st.integers(0, 2**32 - 1), st.integers(0, 10_000))
def test_an_order_is_a_permutation(count, seed, epoch):
    order = SeededOrder(count, seed)
    order.set_epoch(epoch)
    assert sorted(order) == list(range(count))
    assert len(order) == count


def order(seed, epoch):
    sampler = SeededOrder(100, seed)
    sampler.set_epoch(epoch)
    return list(sampler)


def test_the_order_is_another_one_each_epoch_and_for_each_seed():
    orders = {tuple(order(seed, epoch)) for seed in range(5) for epoch in range(5)}
    assert len(orders) == 25


def test_the_order_of_an_epoch_does_not_depend_on_the_epochs_before_it():
    sampler = SeededOrder(100, seed=7)
    for epoch in range(3):
        sampler.set_epoch(epoch)
        torch.rand(5)
        np.random.default_rng().random()
        assert list(sampler) == order(7, epoch) == list(sampler)


@pytest.mark.parametrize("epoch", [0, 5])
def test_batches_are_resumed_in_the_middle_of_a_training(epoch):
    cache, entries = cached(30)
    going, resumed = (training_batches(CachedImages(cache, entries), 8, seed=2) for _ in range(2))
    for number in range(epoch + 1):
        going.sampler.set_epoch(number)
        expected = rows_of(going, cache)
    resumed.sampler.set_epoch(epoch)
    assert rows_of(resumed, cache) == expected


# Features in place of images


def test_features_come_in_the_order_in_which_their_images_would():
    cache, entries = cached(21)
    images = CachedImages(cache, entries)
    # one "feature" of two views: the image's position, and the same below zero
    positions = torch.arange(21.0)
    features = CachedFeatures(
        torch.stack([positions, -positions], dim=1), images.labels, images.cells
    )
    row_of = cache.rows(entries)
    for epoch in (0, 3):
        loaders = [training_batches(subset, 4, seed=2) for subset in (images, features)]
        for loader in loaders:
            loader.sampler.set_epoch(epoch)
        rows = rows_of(loaders[0], cache)
        assert len(rows) == len(loaders[1]) == 5  # the single one that is left is left out
        for expected, images_of, batch in zip(rows, *loaders, strict=True):
            assert torch.equal(batch.features[:, 0], -batch.features[:, 1])
            assert [row_of[int(at)] for at in batch.features[:, 0]] == expected
            assert torch.equal(batch.labels, images_of.labels)
            assert torch.equal(batch.cells, images_of.cells)


def test_validation_features_come_in_their_order_all_of_them():
    features = CachedFeatures(torch.arange(9.0)[:, None], torch.arange(9), torch.zeros(9))
    found = list(validation_batches(features, 4))
    assert [len(batch.labels) for batch in found] == [4, 4, 1]
    assert torch.cat([batch.features for batch in found])[:, 0].tolist() == list(range(9))


@pytest.mark.parametrize("shape", [(7,), (5, 2, 3)])
def test_the_chosen_view_of_each_image_is_laid_out_as_the_backbone_leaves_it(shape):
    features = torch.rand(4, 3, *shape)
    chosen = FeatureBatch(features, torch.zeros(4), torch.zeros(4)).of(torch.tensor([2, 0, 1, 2]))
    assert torch.equal(chosen, torch.stack([features[i, v] for i, v in enumerate([2, 0, 1, 2])]))
    last = torch.channels_last if len(shape) == 3 else torch.contiguous_format
    assert chosen.is_contiguous(memory_format=last)
