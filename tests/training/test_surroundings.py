"""Lungs within the surroundings of another image."""

import numpy as np
import pytest
import torch

from lungscope.phantom.drawing import draw_phantom
from lungscope.training.surroundings import LungMasks, find_lung_masks, swap_surroundings


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def pair():
    """Two images, one dark and one bright, with lungs that are bright squares."""
    images = 0.2 + 0.1 * torch.rand(2, 1, 32, 32, generator=seeded())
    images[1] += 0.4
    lungs = torch.zeros(2, 1, 32, 32, dtype=torch.bool)
    lungs[0, :, 8:20, 4:14] = True
    lungs[1, :, 10:26, 16:28] = True
    return images, lungs


def swapped(images, lungs, probability=1.0):
    """A draw in which each image has the other's surroundings."""
    for seed in range(100):
        drawn = seeded(seed)
        torch.rand(2, generator=drawn)
        if torch.randint(2, (2,), generator=drawn).tolist() == [1, 0]:
            return swap_surroundings(images, lungs, probability, seeded(seed))
    raise AssertionError


def test_lungs_are_kept_to_the_bit(pair):
    images, lungs = pair
    found = swapped(images, lungs)
    assert torch.equal(found[lungs], images[lungs])


def test_the_lungs_of_the_other_image_do_not_show(pair):
    images, lungs = pair
    images = images.masked_fill(lungs, 1.0)  # lungs that nobody could overlook
    found = swapped(images, lungs)
    where_only_the_others_are = lungs[[1, 0]] & ~lungs
    assert found[where_only_the_others_are].max() < 0.8


def test_surroundings_are_the_others_at_the_images_own_mean_and_spread(pair):
    images, lungs = pair
    found = swapped(images, lungs)
    outside = ~(lungs[0] | lungs[1])
    outside[:, 1:-1, 1:-1] &= outside[:, :-2, 1:-1] & outside[:, 2:, 1:-1]
    for one, other in ((0, 1), (1, 0)):
        far = outside.clone()
        far[:, 5:29, 1:31] = False  # beyond the fading
        given, donor, made = (each[far] for each in (images[one], images[other], found[one]))
        assert np.corrcoef(made, donor)[0, 1] > 0.99
        assert made.mean().item() == pytest.approx(given.mean().item(), abs=0.02)


def test_a_probability_of_zero_changes_nothing(pair):
    assert torch.equal(swap_surroundings(*pair, 0.0, seeded()), pair[0])


def test_the_share_of_changed_images_is_the_probability(pair):
    images, lungs = (each[:1].expand(2000, -1, -1, -1).clone() for each in pair)
    images += 0.05 * torch.rand(2000, 1, 1, 32, generator=seeded(3))
    found = swap_surroundings(images, lungs, 0.3, seeded())
    changed = (found != images).any(dim=(1, 2, 3)).float().mean().item()
    assert changed == pytest.approx(0.3, abs=0.04)


def test_an_image_without_plausible_lungs_is_kept_and_gives_nothing(pair):
    images, lungs = pair
    lungs[1] = True
    assert torch.equal(swapped(images, lungs), images)


def test_masks_are_those_of_the_images_that_are_asked_for():
    masks = np.random.default_rng(0).random((5, 9, 9)) < 0.5
    packed = np.stack([np.packbits(mask) for mask in masks])
    found = LungMasks(packed, 9).of([3, 0, 3])
    assert found.dtype == torch.bool
    assert np.array_equal(found[:, 0].numpy(), masks[[3, 0, 3]])


def test_lungs_are_found_on_chests_and_everything_is_kept_of_noise():
    phantom = draw_phantom("Normal", 501, 128)
    noise = np.random.default_rng(0).integers(0, 255, (128, 128), dtype=np.uint8)
    done = []
    found = find_lung_masks(np.stack([phantom.pixels, noise]), lambda *now: done.append(now))
    chest, other = found.of([0, 1])[:, 0]
    lungs = torch.from_numpy(phantom.lungs)
    assert 2 * (chest & lungs).sum() / (chest.sum() + lungs.sum()) > 0.8
    assert other.all()
    assert done == [(1, 2), (2, 2)]
