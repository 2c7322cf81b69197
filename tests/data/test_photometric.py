"""What the acquisition decides, varied: exposure, detail, compression, covered parts."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms.v2 import functional as reference

from lungscope.data.photometric import (
    NO_PHOTOMETRIC,
    Photometric,
    match_histogram,
    mix_amplitudes,
    vary_photometry,
)

ALL = Photometric(
    brightness=0.2,
    contrast=0.5,
    gamma=0.5,
    equalize=0.5,
    histogram=0.5,
    sharpness=0.5,
    low_resolution=0.5,
    resolution=0.3,
    jpeg=0.5,
    noise=0.05,
    erase_border=0.5,
    erase_corners=0.5,
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def ramps(count=6, size=48):
    ramp = torch.linspace(0.1, 0.9, size).repeat(size, 1)
    return torch.stack([ramp, ramp.T, 1 - ramp] * (count // 3)).unsqueeze(1)


def only(**values):
    return Photometric(**values)


def test_a_policy_of_nothing_is_the_identity():
    images = ramps()
    assert vary_photometry(images, NO_PHOTOMETRIC, seeded()) is images


@settings(deadline=None, max_examples=40)
@given(
    policy=st.builds(
        Photometric,
        **{
            field.name: st.floats(0.05 if field.name == "resolution" else 0, 0.9)
            for field in fields(Photometric)
        },
    ),
    seed=st.integers(0, 1000),
)
def test_images_keep_shape_type_and_range_and_the_given_ones_are_not_touched(policy, seed):
    images = ramps(3, 32)
    before = images.clone()
    varied = vary_photometry(images, policy, seeded(seed))
    assert (varied.shape, varied.dtype) == (images.shape, images.dtype)
    assert torch.isfinite(varied).all()
    assert varied.min() >= 0
    assert varied.max() <= 1
    assert torch.equal(images, before)


@pytest.mark.parametrize(
    "field", [f.name for f in fields(Photometric) if f.name not in ("resolution", "low_resolution")]
)
def test_each_field_alone_changes_images(field):
    policy = replace(NO_PHOTOMETRIC, **{field: 0.8})
    varied = vary_photometry(ramps(), policy, seeded())
    assert not torch.allclose(varied, ramps(), atol=1e-3)


def test_every_image_has_its_own_draw_and_the_seed_decides_it():
    same = ramps()[:1].repeat(5, 1, 1, 1)
    varied = vary_photometry(same, ALL, seeded(3))
    assert all(not torch.equal(varied[0], each) for each in varied[1:])
    assert torch.equal(vary_photometry(same, ALL, seeded(3)), varied)
    assert not torch.equal(vary_photometry(same, ALL, seeded(4)), varied)


def test_brightness_is_added_up_to_its_limit():
    images = torch.full((200, 1, 8, 8), 0.5)
    added = vary_photometry(images, only(brightness=0.2), seeded())[:, 0, 0, 0] - 0.5
    assert added.abs().max() <= 0.2
    assert added.min() < -0.15
    assert added.max() > 0.15


def test_gamma_is_a_power_within_its_limits():
    images = torch.full((200, 1, 8, 8), 0.5)
    powers = vary_photometry(images, only(gamma=0.5), seeded())[:, 0, 0, 0].log2().neg()
    assert powers.min() >= 1 / 1.5 - 1e-5
    assert powers.max() <= 1.5 + 1e-5
    assert powers.log().mean().abs() < 0.05  # as often below as above


def test_contrast_keeps_the_mean():
    varied = vary_photometry(ramps() * 0.4 + 0.3, only(contrast=0.3), seeded())
    expected = (ramps() * 0.4 + 0.3).mean(dim=(1, 2, 3))
    torch.testing.assert_close(varied.mean(dim=(1, 2, 3)), expected)


def test_equalisation_is_torchvision_s():
    levels = (ramps() ** 2 * 255).round().to(torch.uint8)
    varied = vary_photometry(levels / 255, only(equalize=1), seeded())
    torch.testing.assert_close(varied, reference.equalize(levels) / 255)


def test_low_resolution_takes_fine_detail_away_and_keeps_the_coarse():
    stripes = torch.zeros(1, 1, 64, 64)
    stripes[..., ::2] = 1
    varied = vary_photometry(stripes, only(low_resolution=1, resolution=0.1), seeded(1))
    assert varied.std() < stripes.std() / 2
    assert varied.mean() == pytest.approx(0.5, abs=0.02)


def test_noise_has_the_deviation_that_was_drawn():
    grey = torch.full((64, 1, 32, 32), 0.5)
    deviations = vary_photometry(grey, only(noise=0.1), seeded()).std(dim=(1, 2, 3))
    assert deviations.max() < 0.11
    assert deviations.max() - deviations.min() > 0.05


def test_a_covered_border_is_one_grey_value_and_leaves_the_middle():
    images = ramps(60)
    varied = vary_photometry(images, only(erase_border=1), seeded())
    changed = (varied != images).squeeze(1)
    assert changed.any(dim=(1, 2)).sum() > 50
    assert not changed[:, 10:38, 10:38].any()  # 0.15 of 48 pixels are 7.2
    for image, where in zip(varied.squeeze(1), changed, strict=True):
        assert len(image[where].unique()) <= 1


def test_corners_are_covered_one_by_one():
    images = ramps(300)
    varied = vary_photometry(images, only(erase_corners=0.3), seeded())
    changed = (varied != images).squeeze(1)
    corners = [changed[:, y, x] for y in (0, -1) for x in (0, -1)]
    for covered in corners:
        assert covered.float().mean() == pytest.approx(0.3, abs=0.08)
    assert not changed[:, 15:33].any() or not changed[:, :, 15:33].any()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_draws_do_not_depend_on_the_device():
    there = vary_photometry(ramps().cuda(), ALL, seeded(6))
    torch.testing.assert_close(
        there.cpu(), vary_photometry(ramps(), ALL, seeded(6)), atol=1e-2, rtol=0
    )


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 1000), power=st.floats(0.3, 3))
def test_a_matched_histogram_has_the_grey_values_of_the_reference_in_the_images_order(seed, power):
    image = torch.rand(32, 32, generator=seeded(seed))
    reference = torch.rand(32, 32, generator=seeded(seed + 1)) ** power
    matched = match_histogram(image, reference)
    # by definition: the value of rank n is the reference's value of rank n, to a few of 256 levels
    by_rank = torch.empty(image.numel())
    by_rank[image.flatten().argsort()] = reference.flatten().sort().values
    assert (matched.flatten() - by_rank).abs().mean() < 4 / 255
    order = (image * 255).round().flatten().argsort(stable=True)
    assert (matched.flatten()[order].diff() >= 0).all()


def test_an_image_matched_to_itself_stays_as_it_is():
    image = ramps()[0]
    assert (match_histogram(image, image) - image).abs().max() <= 1 / 255


def test_histograms_come_from_the_same_batch():
    dark, bright = torch.full((1, 32, 32), 0.2), torch.full((1, 32, 32), 0.8)
    found = vary_photometry(torch.stack([dark, bright] * 8), only(histogram=1), seeded())
    means = found.mean(dim=(1, 2, 3))
    assert means[0::2].max() > 0.3
    assert means[1::2].min() < 0.7
    assert ((means > 0.195) & (means < 0.805)).all()


def test_amplitudes_are_mixed_and_phases_kept_as_in_the_paper():
    images, others = torch.rand(2, 2, 1, 16, 16, generator=seeded()) * 0.2 + 0.4
    proportions = torch.tensor([0.0, 0.3])[:, None, None, None]
    mixed = mix_amplitudes(images, others, proportions)
    torch.testing.assert_close(mixed[0], images[0], atol=1e-5, rtol=0)
    own, theirs = (np.fft.fft2(each[1, 0].numpy()) for each in (images, others))
    amplitude = 0.7 * np.abs(own) + 0.3 * np.abs(theirs)
    expected = np.fft.ifft2(amplitude * np.exp(1j * np.angle(own))).real.clip(0, 1)
    np.testing.assert_allclose(mixed[1, 0].numpy(), expected, atol=1e-5)
