"""What a network says of cached images: scores, and the features that they are made of."""

from collections.abc import Callable, Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lungscope.images import Preprocessing
from lungscope.models import Network
from lungscope.models.network import normalise, to_unit
from lungscope.training.loading import Batch

BATCH = 64

Change = Callable[[Tensor], Tensor]
"""(B, 1, S, S) float32 in [0, 1] -> the same shape and range: what is done to images first."""

OnImages = Callable[[int], None]
"""Told how many images are done."""


def unchanged(images: Tensor) -> Tensor:
    """Images as they are."""
    return images


def compute_logits(
    network: Network,
    preprocessing: Preprocessing,
    loader: Iterable[Batch],
    device: str = "cpu",
    change: Change = unchanged,
    on_images: OnImages = lambda _: None,
) -> NDArray[np.float64]:
    """Computes logits, in evaluation mode.

    Args:
        network: any; it is moved to the device and put into evaluation mode.
        preprocessing: its mean and standard deviation.
        loader: batches of N images in all.
        device: "cpu" or "cuda".
        change: what is done to images before they are normalised.
        on_images: called with the number of images done, after every batch.

    Returns:
        (N, K) unnormalised scores.
    """
    return _through(network, network, preprocessing, loader, device, change, on_images)


def compute_features(
    network: Network,
    preprocessing: Preprocessing,
    loader: Iterable[Batch],
    device: str = "cpu",
    on_images: OnImages = lambda _: None,
) -> NDArray[np.float64]:
    """Computes what the classifier is given: the pooled features.

    Args:
        network: any; it is moved to the device and put into evaluation mode.
        preprocessing: its mean and standard deviation.
        loader: batches of N images in all.
        device: "cpu" or "cuda".
        on_images: called with the number of images done, after every batch.

    Returns:
        (N, F); maps that the network does not pool before its classifier are averaged.
    """

    def pooled(images: Tensor) -> Tensor:
        found: Tensor = network.pool(network.features(images))
        return found if found.ndim == 2 else found.mean(dim=(2, 3))

    return _through(network, pooled, preprocessing, loader, device, unchanged, on_images)


def _through(
    network: Network,
    stage: Callable[[Tensor], Tensor],
    preprocessing: Preprocessing,
    loader: Iterable[Batch],
    device: str,
    change: Change,
    on_images: OnImages,
) -> NDArray[np.float64]:
    network.to(device).to(memory_format=torch.channels_last).eval()
    found: list[Tensor] = []
    done = 0
    with torch.inference_mode():
        for batch in loader:
            images = change(to_unit(batch.pixels.to(device)))
            found.append(stage(normalise(images, preprocessing)).double().cpu())
            done += len(batch.pixels)
            on_images(done)
    together: NDArray[np.float64] = torch.cat(found).numpy()
    return together
