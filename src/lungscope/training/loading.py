"""Batches straight from memory: no image file, no worker process, no copy but one."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from lungscope.data.cache import Cache
from lungscope.data.split import SplitEntry
from lungscope.training.cells import number_cells
from lungscope.training.surroundings import LungMasks


class Batch(NamedTuple):
    """Images of one subset of a split.

    Attributes:
        pixels: (B, 1, S, S) uint8.
        labels: (B,) int64.
        cells: (B,) int64, of class and source, as `number_cells` numbers those of the subset.
        lungs: (B, 1, S, S) bool, where the lungs are; None where nobody asked.
    """

    pixels: Tensor
    labels: Tensor
    cells: Tensor
    lungs: Tensor | None = None


class FeatureBatch(NamedTuple):
    """What a frozen backbone makes of the images of a batch, in place of their pixels.

    Attributes:
        features: (B, V, ...) float, of V views of each image; `Network.pool`'s output, which is
            what the classifier is given.
        labels: (B,) int64.
        cells: (B,) int64, as of `Batch`.
    """

    features: Tensor
    labels: Tensor
    cells: Tensor

    def of(self, views: Tensor) -> Tensor:
        """The features of one view of each image.

        Args:
            views: (B,) int64, which of the V, on any device.

        Returns:
            (B, ...), channels last in memory where they are maps, as the backbone leaves them:
            dropout draws in the order of memory.
        """
        device = self.features.device
        chosen = self.features[torch.arange(len(views), device=device), views.to(device)]
        return chosen.contiguous(
            memory_format=torch.channels_last if chosen.ndim == 4 else torch.contiguous_format
        )


class CachedImages(Dataset[Any]):
    """Images of one subset of a split, fetched a batch at a time.

    Attributes:
        labels: (N,) int64.
        cells: (N,) int64, of class and source.
    """

    def __init__(
        self, cache: Cache, entries: Sequence[SplitEntry], lungs: LungMasks | None = None
    ) -> None:
        self._lungs = lungs
        self._pixels = cache.pixels
        self._rows: NDArray[np.intp] = cache.rows(entries)
        self.labels = torch.tensor([entry.label for entry in entries], dtype=torch.int64)
        self.cells = torch.from_numpy(number_cells(entries))

    def __len__(self) -> int:
        return len(self._rows)

    def __getitems__(self, positions: list[int]) -> Batch:
        """A whole batch at once; `DataLoader` calls this instead of item by item."""
        pixels = torch.from_numpy(self._pixels[self._rows[positions]])
        lungs = self._lungs.of(positions) if self._lungs is not None else None
        return Batch(pixels.unsqueeze(1), self.labels[positions], self.cells[positions], lungs)


class CachedFeatures(Dataset[Any]):
    """Features of the images of one subset of a split, fetched a batch at a time."""

    def __init__(self, features: Tensor, labels: Tensor, cells: Tensor) -> None:
        """Holds (N, V, ...) features of N images and their (N,) int64 labels and cells."""
        self._features = features
        self._labels = labels
        self._cells = cells

    def __len__(self) -> int:
        return len(self._labels)

    def __getitems__(self, positions: list[int]) -> FeatureBatch:
        """A whole batch at once, as of `CachedImages`."""
        return FeatureBatch(
            self._features[positions], self._labels[positions], self._cells[positions]
        )


SubsetImages = CachedImages | CachedFeatures
"""One subset of a split, in the form that is trained on."""


class SeededOrder(Sampler[int]):
    """A random order that depends on the seed and the epoch alone, so that it can be resumed.

    Every image once; or, with weights, as many draws as there are images, each by the weights.
    """

    def __init__(self, count: int, seed: int, weights: NDArray[np.float64] | None = None) -> None:
        self._count = count
        self._seed = seed
        self._weights = weights
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Told by Lightning before every epoch, counted from 0."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        random = np.random.default_rng([self._seed, self._epoch])
        if self._weights is None:
            return iter(random.permutation(self._count).tolist())
        return iter(random.choice(self._count, self._count, p=self._weights).tolist())


def training_batches(
    subset: SubsetImages,
    batch_size: int,
    seed: int,
    weights: NDArray[np.float64] | None = None,
) -> DataLoader[Any]:
    """Batches in a new random order every epoch, the same one for images and for features.

    With weights, (N,) and summing to 1, images are drawn by them.

    The last batch of an epoch may be smaller, but for a rest of a single image, which is left
    out: BatchNorm cannot normalise one image's features by themselves.
    """
    alone = len(subset) > batch_size and len(subset) % batch_size == 1
    return DataLoader(
        subset,
        batch_size=batch_size,
        sampler=SeededOrder(len(subset), seed, weights),
        collate_fn=_as_it_is,
        drop_last=alone,
    )


def validation_batches(subset: SubsetImages, batch_size: int) -> DataLoader[Any]:
    """Batches of the whole subset in its order."""
    return DataLoader(subset, batch_size=batch_size, collate_fn=_as_it_is)


def make_batches(cache: Cache, entries: Sequence[SplitEntry], batch_size: int) -> DataLoader[Batch]:
    """Batches of all images in their given order."""
    return validation_batches(CachedImages(cache, entries), batch_size)


def _as_it_is(batch: Any) -> Any:
    return batch
