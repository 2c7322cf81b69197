"""Batches straight from the cache: no image file, no worker process, no copy but one."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from lungscope.data.cache import Cache
from lungscope.data.split import SplitEntry

Batch = tuple[Tensor, Tensor]
"""(B, 1, S, S) uint8 pixels and (B,) int64 labels."""


class CachedImages(Dataset[Any]):
    """Images of one side of a split, fetched a batch at a time."""

    def __init__(self, cache: Cache, entries: Sequence[SplitEntry]) -> None:
        self._pixels = cache.pixels
        self._rows: NDArray[np.intp] = cache.rows(entries)
        self._labels = torch.tensor([entry.label for entry in entries], dtype=torch.int64)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitems__(self, positions: list[int]) -> Batch:
        """A whole batch at once; `DataLoader` calls this instead of item by item."""
        pixels = torch.from_numpy(self._pixels[self._rows[positions]])
        return pixels.unsqueeze(1), self._labels[positions]


class SeededOrder(Sampler[int]):
    """A random order that depends on the seed and the epoch alone, so that it can be resumed."""

    def __init__(self, count: int, seed: int) -> None:
        self._count = count
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Told by Lightning before every epoch, counted from 0."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        order = np.random.default_rng([self._seed, self._epoch]).permutation(self._count)
        return iter(order.tolist())


def training_batches(
    cache: Cache, entries: Sequence[SplitEntry], batch_size: int, seed: int
) -> DataLoader[Batch]:
    """Batches in a new random order every epoch.

    The last batch of an epoch may be smaller, but for a rest of a single image, which is left
    out: BatchNorm cannot normalise one image's features by themselves.
    """
    images = CachedImages(cache, entries)
    alone = len(images) > batch_size and len(images) % batch_size == 1
    return DataLoader(
        images,
        batch_size=batch_size,
        sampler=SeededOrder(len(images), seed),
        collate_fn=_as_it_is,
        drop_last=alone,
    )


def batches(cache: Cache, entries: Sequence[SplitEntry], batch_size: int) -> DataLoader[Batch]:
    """Batches of all images in their given order."""
    return DataLoader(CachedImages(cache, entries), batch_size=batch_size, collate_fn=_as_it_is)


def _as_it_is(batch: Any) -> Any:
    return batch
