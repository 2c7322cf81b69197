"""Cached bytes to a network's input, on the network's device."""

import torch
from torch import Tensor

from lungscope.images import Preprocessing


def to_unit(pixels: Tensor) -> Tensor:
    """Scales bytes to [0, 1].

    Args:
        pixels: (B, 1, S, S) uint8.

    Returns:
        (B, 1, S, S) float32.
    """
    return pixels.to(torch.float32) / 255


def normalise(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Normalises and repeats the grey channel, as ImageNet's networks take three.

    Args:
        images: (B, 1, S, S) float32 in [0, 1].
        preprocessing: whose mean and standard deviation.

    Returns:
        (B, 3, S, S) float32, channels last in memory.
    """
    scaled = (images - preprocessing.mean) / preprocessing.std
    return scaled.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
