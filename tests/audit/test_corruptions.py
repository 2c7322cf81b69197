import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lungscope.audit.corruptions import CORRUPTIONS, SEVERITIES, corrupt_example
from lungscope.models.network import to_unit

BY_NAME = {corruption.name: corruption for corruption in CORRUPTIONS}
CORRUPTION = st.sampled_from(CORRUPTIONS)
SEVERITY = st.sampled_from(SEVERITIES)


def radiograph(size=64):
    """A bright body with dark lungs and fine ribs on black, (size, size) uint8."""
    row, column = np.mgrid[:size, :size] / size
    body = 170.0 * (abs(column - 0.5) < 0.42)
    for middle in (0.32, 0.68):
        body -= 110 * (((column - middle) / 0.13) ** 2 + ((row - 0.45) / 0.3) ** 2 < 1)
    return (body + 18 * np.sin(40 * row)).clip(0, 255).astype(np.uint8)


def batch(count=2, size=64):
    return to_unit(torch.from_numpy(np.stack([radiograph(size)] * count)).unsqueeze(1))


def test_there_are_seven_kinds_at_five_severities():
    assert list(BY_NAME) == [
        *("contrast", "brightness", "blur", "noise", "jpeg", "rotation", "downscaling")
    ]
    for corruption in CORRUPTIONS:
        assert len(corruption.values) == len(SEVERITIES) == 5


@settings(deadline=None, max_examples=100)
@given(
    CORRUPTION,
    SEVERITY,
    st.integers(32, 70),
    st.integers(1, 3),
    st.integers(0, 2**32 - 1),
    st.integers(1, 255),
)
def test_shape_range_and_8_bits_stay_and_the_images_given_are_left_alone(
    corruption, severity, size, count, seed, brightest
):
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, brightest + 1, (count, 1, size, size), dtype=np.uint8)
    images = to_unit(torch.from_numpy(pixels))
    kept = images.clone()
    found = corruption.at(severity)(images)
    assert torch.equal(images, kept)
    assert found.shape == images.shape
    assert found.dtype == torch.float32
    assert (found >= 0).all()
    assert (found <= 1).all()
    # bit for bit what the same image would be, had it been stored and read again
    stored = (found * 255).round().to(torch.uint8)
    assert torch.equal(found, to_unit(stored))


@settings(deadline=None, max_examples=60)
@given(CORRUPTION, SEVERITY, st.integers(0, 2**32 - 1))
def test_every_run_begins_anew_and_gives_the_same_bits(corruption, severity, seed):
    torch.manual_seed(seed)  # the caller's own generator has no say
    one = corruption.at(severity)
    first = [one(batch()), one(batch())]
    two = corruption.at(severity)
    again = [two(batch()), two(batch())]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert torch.initial_seed() == seed


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda each: each.name)
@pytest.mark.parametrize("size", [32, 64, 224])
def test_a_greater_severity_changes_more(corruption, size):
    images = batch(1, size)
    changes = [float((corruption.at(s)(images) - images).abs().mean()) for s in SEVERITIES]
    assert changes == sorted(changes)
    assert changes[-1] > 2 * changes[0]
    assert changes[-1] > 0.01


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda each: each.name)
def test_the_first_severity_is_hardly_visible(corruption):
    images = batch(1, 224)
    assert float((corruption.at(1)(images) - images).abs().mean()) < 0.06


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(["contrast", "blur", "downscaling", "jpeg"]), SEVERITY, st.integers(0, 255))
def test_a_flat_image_stays_flat(name, severity, level):
    images = torch.full((1, 1, 48, 48), level) / 255
    found = BY_NAME[name].at(severity)(images) * 255
    assert float(found.max() - found.min()) == 0
    assert float((found - level).abs().max()) <= (8 if name == "jpeg" else 0)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_contrast_shrinks_each_images_own_deviation_about_its_mean(severity):
    images = 0.3 + 0.4 * batch(1)
    found = BY_NAME["contrast"].at(severity)(images)
    factor = BY_NAME["contrast"].values[severity - 1]
    assert float(found.mean()) == pytest.approx(float(images.mean()), abs=1 / 255)
    assert float(found.std() / images.std()) == pytest.approx(factor, rel=0.02)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_brightness_multiplies_and_white_is_the_end(severity):
    images = torch.linspace(0, 1, 32 * 32).reshape(1, 1, 32, 32)
    factor = BY_NAME["brightness"].values[severity - 1]
    found = BY_NAME["brightness"].at(severity)(images)
    torch.testing.assert_close(found, (factor * images).clamp(max=1), atol=0.501 / 255, rtol=0)


@pytest.mark.parametrize("size", [112, 224])
@pytest.mark.parametrize("severity", [3, 4, 5])
def test_blur_spreads_a_point_by_its_deviation_in_pixels_of_224(severity, size):
    images = torch.zeros(1, 1, size, size)
    middle = size // 2
    images[..., middle - 10 : middle + 10, middle - 10 : middle + 10] = 1
    spread = BY_NAME["blur"].at(severity)(images)[0, 0, middle].double()
    steps = spread.diff()[: middle - 1]  # the edge's derivative is the kernel
    places = torch.arange(len(steps), dtype=torch.float64)
    mean = (places * steps).sum() / steps.sum()
    deviation = float((((places - mean) ** 2 * steps).sum() / steps.sum()).sqrt())
    wanted = BY_NAME["blur"].values[severity - 1] * size / 224
    assert deviation == pytest.approx(wanted, rel=0.06)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_noise_has_its_deviation_and_no_mean(severity):
    images = torch.full((4, 1, 64, 64), 0.5)
    noise = BY_NAME["noise"].at(severity)(images) - 0.5
    wanted = BY_NAME["noise"].values[severity - 1]
    assert float(noise.std()) == pytest.approx(wanted, rel=0.1)
    assert abs(float(noise.mean())) < 0.004


def test_noise_is_another_on_every_image_and_in_every_batch():
    change = BY_NAME["noise"].at(5)
    flat = torch.full((2, 1, 32, 32), 0.5)
    one, two = change(flat), change(flat)
    images = [*one, *two]
    for number, image in enumerate(images):
        assert not any(torch.equal(image, other) for other in images[number + 1 :])


def test_an_image_has_the_same_noise_in_whichever_batches_it_came():
    images = torch.full((6, 1, 32, 32), 0.5)
    together = BY_NAME["noise"].at(3)(images)
    change = BY_NAME["noise"].at(3)
    apart = torch.cat([change(part) for part in images.split(2)])
    assert torch.equal(together, apart)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_jpeg_is_what_pillow_makes_at_that_quality(severity):
    image = radiograph()
    stored = io.BytesIO()
    quality = BY_NAME["jpeg"].values[severity - 1]
    Image.fromarray(image).save(stored, "JPEG", quality=int(quality))
    with Image.open(stored) as opened:
        expected = np.asarray(opened).astype(int)
    found = corrupt_example(BY_NAME["jpeg"], image)[severity - 1].astype(int)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_rotation_is_counter_clockwise_about_the_middle_on_black(severity):
    image = radiograph()
    degrees = BY_NAME["rotation"].values[severity - 1]
    turned = Image.fromarray(image).rotate(degrees, Image.Resampling.BILINEAR)
    found = corrupt_example(BY_NAME["rotation"], image)[severity - 1].astype(int)
    off = abs(found - np.asarray(turned).astype(int))
    assert np.mean(off > 2) < 0.03  # the two round at the edges in other ways
    assert found[0, -1] == 0


@pytest.mark.parametrize("severity", SEVERITIES)
def test_downscaling_leaves_no_more_than_its_share_of_detail(severity):
    size = 224
    image = np.random.default_rng(0).integers(0, 256, (size, size), dtype=np.uint8)
    found = corrupt_example(BY_NAME["downscaling"], image)[severity - 1].astype(float)
    left = round(BY_NAME["downscaling"].values[severity - 1] * size)
    spectrum = abs(np.fft.fftshift(np.fft.fft2(found - found.mean()))) ** 2
    middle, half = size // 2, left // 2
    inside = spectrum[middle - half : middle + half + 1, middle - half : middle + half + 1].sum()
    assert inside / spectrum.sum() > 0.75


def test_examples_are_what_a_run_would_see():
    image = radiograph()
    for corruption in CORRUPTIONS:
        shown = corrupt_example(corruption, image)
        assert [picture.dtype for picture in shown] == [np.uint8] * 5
        for severity, picture in zip(SEVERITIES, shown, strict=True):
            seen = corruption.at(severity)(batch(1))
            assert torch.equal(to_unit(torch.from_numpy(picture)), seen[0, 0])
