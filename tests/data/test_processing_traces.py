import io

import numpy as np
import pytest
from PIL import Image, ImageFilter

from lungscope.data.processing_traces import (
    estimate_jpeg_quality,
    measure_gaps,
    measure_sharpness,
)
from lungscope.images import read_content


def saved(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def film(image):
    return read_content(saved(image), "x.png")


def noise(side, seed=0):
    return Image.fromarray(
        np.random.default_rng(seed).integers(60, 196, (side, side), dtype=np.uint8)
    )


def test_white_noise_has_sharpness_1():
    assert measure_sharpness(film(noise(224))) == pytest.approx(1, abs=0.05)


def test_a_wave_has_the_sharpness_of_its_second_differences():
    frequency = 2 * np.pi / 16
    x = np.arange(224)
    wave = np.broadcast_to(128 + 100 * np.sin(frequency * x), (224, 224)).astype(np.uint8)
    # of sin(f x), second differences with step h are -(2 - 2 cos(f h)) sin(f x)
    ratio = ((2 - 2 * np.cos(frequency)) / (2 - 2 * np.cos(2 * frequency))) ** 2
    assert measure_sharpness(film(Image.fromarray(wave))) == pytest.approx(ratio, rel=0.1)


def test_an_image_that_was_enlarged_or_blurred_is_less_sharp():
    sharp = noise(224)
    enlarged = noise(112).resize((224, 224), Image.Resampling.BICUBIC)
    blurred = sharp.filter(ImageFilter.GaussianBlur(1))
    for softer in (enlarged, blurred):
        assert measure_sharpness(film(softer)) < 0.5 * measure_sharpness(film(sharp))


def test_sharpness_is_that_of_the_picture_not_of_its_stored_size():
    small = noise(28)
    shown = [
        measure_sharpness(film(small.resize((side, side), Image.Resampling.BICUBIC)))
        for side in (448, 896)
    ]
    assert shown[0] == pytest.approx(shown[1], rel=0.15)


def test_gaps_are_the_levels_between_the_darkest_and_the_brightest_that_do_not_occur():
    levels = np.tile(np.array([10, 12, 14, 16], dtype=np.uint8), (64, 16))
    assert measure_gaps(film(Image.fromarray(levels))) == pytest.approx(3 / 7)
    smooth = np.tile(np.arange(64, dtype=np.uint8), (64, 1))
    assert measure_gaps(film(Image.fromarray(smooth))) == 0


@pytest.mark.parametrize("quality", [30, 50, 75, 90, 95])
def test_the_quality_of_a_jpeg_is_estimated_from_its_table(quality):
    content = saved(noise(64), "JPEG", quality=quality)
    assert estimate_jpeg_quality(content) == pytest.approx(quality, abs=1)


def test_other_formats_have_no_quality():
    assert estimate_jpeg_quality(saved(noise(64))) is None
