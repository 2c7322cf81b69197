import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2.functional import rotate

from lungscope.data.augmentation import PAPER_AUGMENTATION, Augmentation, augment, draw_views, view

NOTHING = Augmentation(0, 0, 0)
ALWAYS_LEFT_RIGHT = Augmentation(1, 0, 0)
ALWAYS_UPSIDE_DOWN = Augmentation(0, 1, 0)
FLIPS = Augmentation(0.5, 0.5, 0)
ROUNDING = 2e-5
"""A flip is sampled like a rotation: at positions that are right to float32's rounding."""


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(count=4, size=33, seed=0):
    return torch.rand((count, 1, size, size), generator=seeded(seed))


def smooth(size=96):
    """A blurred blob off the centre, black towards the border: (1, 1, S, S) in [0, 1]."""
    y, x = np.mgrid[:size, :size] / size - 0.5
    blob = np.exp(-((x - 0.12) ** 2 + (2 * y + 0.2) ** 2) / 0.03) + 0.5 * np.exp(
        -((x + 0.2) ** 2 + (y - 0.1) ** 2) / 0.01
    )
    return torch.from_numpy(blob / blob.max()).float()[None, None]


def draws(seed, count):
    """What `augment` draws, by its own description: flips and an angle for every image."""
    return torch.rand((7, count), generator=seeded(seed))[:3]


# Flips


def test_a_policy_of_nothing_is_the_identity_to_the_bit():
    images = noise()
    assert torch.equal(augment(images, NOTHING, seeded()), images)


def test_a_certain_left_right_flip_is_torch_s_within_rounding():
    images = noise()
    flipped = augment(images, ALWAYS_LEFT_RIGHT, seeded())
    torch.testing.assert_close(flipped, images.flip(-1), rtol=0, atol=ROUNDING)


def test_a_certain_upside_down_flip_is_torch_s_within_rounding():
    images = noise()
    flipped = augment(images, ALWAYS_UPSIDE_DOWN, seeded())
    torch.testing.assert_close(flipped, images.flip(-2), rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("size", [32, 33, 224])
def test_flips_of_bytes_are_exact_once_they_are_bytes_again(size):
    images = torch.randint(0, 256, (2, 1, size, size), generator=seeded()).float()
    flipped = augment(images / 255, Augmentation(1, 1, 0), seeded()) * 255
    assert torch.equal(flipped.round(), images.flip((-1, -2)))


def test_an_image_is_flipped_or_left_but_nothing_in_between():
    images = noise(count=64)
    done = augment(images, FLIPS, seeded())
    ways = [(), (-1,), (-2,), (-1, -2)]
    errors = torch.stack(
        [(done - images.flip(way) if way else done - images).abs().amax((1, 2, 3)) for way in ways]
    )
    assert (errors.min(0).values < ROUNDING).all()
    assert set(errors.argmin(0).tolist()) == {0, 1, 2, 3}


# Rotations


def angle_of(seed, largest):
    return float((2 * draws(seed, 1)[2, 0] - 1) * largest)


@pytest.mark.parametrize("seed", range(4))
def test_a_rotation_is_torchvision_s_by_the_angle_that_was_drawn(seed):
    image, largest = smooth(), 30
    ours = augment(image, Augmentation(0, 0, largest), seeded(seed))
    theirs = rotate(image, angle_of(seed, largest), InterpolationMode.BILINEAR)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)
    assert (ours - image).abs().max() > 0.01


@pytest.mark.parametrize("seed", range(4))
def test_a_rotation_is_scipy_s_too(seed):
    image, largest = smooth(), 180
    ours = augment(image, Augmentation(0, 0, largest), seeded(seed))[0, 0].numpy()
    angle = angle_of(seed, largest)
    theirs = ndimage.rotate(
        image[0, 0].numpy(), angle, reshape=False, order=1, mode="grid-constant"
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_a_flip_and_a_rotation_are_one_sampling_of_the_rotated_image_flipped():
    image, seed = smooth(), 3
    ours = augment(image, Augmentation(1, 1, 30), seeded(seed))
    theirs = rotate(image, angle_of(seed, 30), InterpolationMode.BILINEAR).flip((-1, -2))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)


def test_a_stretch_changes_the_aspect_ratio_uniformly_in_its_logarithm_and_keeps_the_area():
    size, count, most = 65, 400, 0.5
    y, x = torch.meshgrid(*[torch.arange(size) - size // 2] * 2, indexing="ij")
    spot = torch.exp(-(x**2 + y**2) / 60.0)[None, None]
    images = augment(spot.repeat(count, 1, 1, 1), Augmentation(0, 0, 0, stretch=most), seeded(4))[
        :, 0
    ]
    mass = images.sum((1, 2))
    wide, high = ((images * axis**2).sum((1, 2)) / mass for axis in (x, y))
    ratio = torch.sqrt(wide / high)
    assert ratio.max() <= 1 + most + 0.01
    assert ratio.min() >= 1 / (1 + most) - 0.01
    quartiles = torch.histc(torch.log(ratio), 4, -math.log(1 + most), math.log(1 + most))
    assert (quartiles - count / 4).abs().max() < 5 * math.sqrt(count * 3 / 16)
    torch.testing.assert_close(mass, spot.sum().expand(count), rtol=0.01, atol=0)


def test_what_comes_from_outside_the_image_is_black():
    white = torch.ones(16, 1, 64, 64)
    rotated = augment(white, Augmentation(0, 0, 45), seeded(1))
    angles = (2 * draws(1, 16)[2] - 1) * 45
    turned = rotated[angles.abs() > 5]
    assert len(turned) > 8
    assert (turned[:, 0, 0, 0] == 0).all()
    torch.testing.assert_close(turned[:, 0, 32, 32], torch.ones(len(turned)))


def test_angles_are_uniform_up_to_the_largest_and_never_beyond():
    # A bright spot right of the centre tells the angle by where it goes.
    size, count, largest = 65, 600, 10.0
    y, x = torch.meshgrid(*[torch.arange(size) - size // 2] * 2, indexing="ij")
    spot = torch.exp(-((x - 24) ** 2 + y**2) / 8.0)[None, None]
    rotated = augment(spot.repeat(count, 1, 1, 1), Augmentation(0, 0, largest), seeded(5))
    mass = rotated.sum((1, 2, 3))
    angles = torch.rad2deg(
        torch.atan2((rotated[:, 0] * y).sum((1, 2)) / mass, (rotated[:, 0] * x).sum((1, 2)) / mass)
    )
    assert angles.abs().max() <= largest + 0.05
    deciles = torch.histc(angles, 10, -largest, largest)
    assert deciles.sum() >= count - 3
    assert (deciles - count / 10).abs().max() < 5 * math.sqrt(count / 10)


# Draws


@pytest.mark.parametrize("probability", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("axis", [-1, -2])
def test_flips_happen_as_often_as_their_probability_says(axis, probability):
    count = 2000
    images = torch.zeros(count, 1, 4, 4)
    images[:, 0, 0, 0] = 1
    chances = (probability, 0) if axis == -1 else (0, probability)
    flipped = augment(images, Augmentation(*chances, 0), seeded(2))
    corner = flipped[:, 0, 0, -1] if axis == -1 else flipped[:, 0, -1, 0]
    happened = (corner > 0.5).sum().item()
    assert abs(happened - count * probability) < 5 * math.sqrt(
        count * probability * (1 - probability)
    )


def test_the_two_flips_and_the_angle_are_drawn_independently():
    count = 2000
    images = torch.zeros(count, 1, 4, 4)
    images[:, 0, 0, 0] = 1
    flipped = augment(images, FLIPS, seeded(3))[:, 0] > 0.5
    corners = [flipped[:, y, x].sum().item() for y in (0, -1) for x in (0, -1)]
    assert sum(corners) == count
    assert max(abs(corner - count / 4) for corner in corners) < 5 * math.sqrt(count * 3 / 16)


def test_every_image_has_its_own_draw():
    same = smooth(48).repeat(16, 1, 1, 1)
    done = augment(same, PAPER_AUGMENTATION, seeded(1))
    assert len({image.numpy().tobytes() for image in done}) == 16


def test_one_image_does_not_change_what_becomes_of_the_others():
    images = noise(count=6)
    others = images.clone()
    others[2] = 0.5
    one, other = (
        augment(images, PAPER_AUGMENTATION, seeded()),
        augment(others, PAPER_AUGMENTATION, seeded()),
    )
    kept = [0, 1, 3, 4, 5]
    assert torch.equal(one[kept], other[kept])


def test_the_generator_decides_the_draws_and_nothing_else_does():
    images = noise()
    torch.manual_seed(1)
    first = augment(images, PAPER_AUGMENTATION, seeded(7))
    torch.manual_seed(2)
    assert torch.equal(augment(images, PAPER_AUGMENTATION, seeded(7)), first)
    assert not torch.equal(augment(images, PAPER_AUGMENTATION, seeded(8)), first)


@pytest.mark.parametrize("policy", [NOTHING, FLIPS, PAPER_AUGMENTATION])
def test_every_policy_takes_the_same_number_of_draws(policy):
    # So that the draws after it, and a resumed training, do not depend on the policy.
    generator, reference = seeded(4), seeded(4)
    augment(noise(count=5), policy, generator)
    torch.rand((7, 5), generator=reference)
    assert torch.equal(generator.get_state(), reference.get_state())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_draws_do_not_depend_on_the_device():
    images = noise(count=8, size=64)
    there = augment(images.cuda(), PAPER_AUGMENTATION, seeded(6))
    torch.testing.assert_close(
        there.cpu(), augment(images, PAPER_AUGMENTATION, seeded(6)), rtol=0, atol=1e-4
    )


# Views: what an image can look like where only flips are drawn


@pytest.mark.parametrize(
    ("chances", "views"),
    [
        ((0, 0), {(False, False)}),
        ((1, 0), {(True, False)}),
        ((0.5, 0), {(False, False), (True, False)}),
        ((1, 0.1), {(True, False), (True, True)}),
        ((0.5, 0.5), {(False, False), (False, True), (True, False), (True, True)}),
    ],
)
def test_views_are_the_flips_that_the_probabilities_allow(chances, views):
    found = Augmentation(*chances, 0).views
    assert len(found) == len(views)
    assert set(found) == views


def test_there_is_no_end_of_views_with_a_rotation():
    assert PAPER_AUGMENTATION.views == ()
    assert Augmentation(0, 0, 0.1).views == ()


@pytest.mark.parametrize(
    "policy", [FLIPS, NOTHING, ALWAYS_LEFT_RIGHT, Augmentation(0.3, 1, 0), Augmentation(0, 0.8, 0)]
)
@pytest.mark.parametrize("seed", range(3))
def test_the_view_that_is_drawn_is_what_augment_makes_to_the_bit(policy, seed):
    images = noise(count=16)
    generator, reference = seeded(seed), seeded(seed)
    drawn = draw_views(16, policy, generator)
    expected = augment(images, policy, reference)
    assert torch.equal(generator.get_state(), reference.get_state())
    shown = torch.stack([view(images, policy, flips) for flips in policy.views])
    assert torch.equal(shown[drawn, torch.arange(16)], expected)


# What comes out


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shape_and_type_are_kept_and_the_given_images_are_not_touched(dtype):
    images = noise().to(dtype)
    before = images.clone()
    done = augment(images, PAPER_AUGMENTATION, seeded())
    assert done.shape == images.shape
    assert done.dtype == dtype
    assert torch.equal(images, before)


@pytest.mark.parametrize("policy", [FLIPS, PAPER_AUGMENTATION, Augmentation(0.5, 0.5, 180)])
def test_no_pixel_leaves_the_unit_range_but_by_rounding(policy):
    extremes = torch.cat([(noise(count=32) > 0.5).float(), torch.ones(8, 1, 33, 33)])
    done = augment(extremes, policy, seeded(1))
    assert done.min() >= 0
    assert done.max() <= 1 + 1e-6
