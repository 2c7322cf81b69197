import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from lungscope.images import Preprocessing
from lungscope.models.normalisation import normalise, to_unit

PREPROCESSING = Preprocessing(size=32, mean=0.48, std=0.23)


def test_bytes_become_shares_of_white():
    pixels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    found = to_unit(pixels)
    assert found.dtype == torch.float32
    assert found.numpy().ravel() == pytest.approx(np.arange(256) / 255, rel=1e-7)
    assert (found.min(), found.max()) == (0, 1)


def test_the_same_numbers_as_torchvisions_transforms():
    pixels = torch.randint(0, 256, (4, 1, 32, 32), dtype=torch.uint8)
    theirs = v2.Compose(
        [
            v2.ToDtype(torch.float32, scale=True),
            v2.Grayscale(3),
            v2.Normalize([0.48] * 3, [0.23] * 3),
        ]
    )(pixels)
    torch.testing.assert_close(normalise(to_unit(pixels), PREPROCESSING), theirs)


def test_the_training_pixels_get_mean_0_and_standard_deviation_1():
    images = torch.rand(8, 1, 32, 32)
    own = Preprocessing(32, float(images.mean()), float(images.std(correction=0)))
    found = normalise(images, own)
    assert found.mean().item() == pytest.approx(0, abs=1e-5)
    assert found.std(correction=0).item() == pytest.approx(1, abs=1e-5)


def test_one_grey_channel_becomes_three_equal_ones_channels_last_in_memory():
    found = normalise(torch.rand(2, 1, 32, 32), PREPROCESSING)
    assert found.shape == (2, 3, 32, 32)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(found[:, 0], found[:, 1])
    assert torch.equal(found[:, 0], found[:, 2])


def test_what_is_given_is_not_changed():
    images = torch.rand(2, 1, 32, 32)
    before = images.clone()
    normalise(images, PREPROCESSING)
    assert torch.equal(images, before)
