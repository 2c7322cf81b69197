"""How far a picture is from having a single tint."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from dicom_files import dataset, written
from lungscope.images import read_content

ROWS, COLUMNS = 90, 110
GREY = np.add.outer(np.arange(ROWS), np.arange(COLUMNS)).astype(np.uint8)
NOISE = np.random.default_rng(0).integers(0, 256, (ROWS, COLUMNS, 3), np.uint8)
TINTS = {"blue film": (0.6, 0.8, 1), "sepia": (1, 0.75, 0.5), "green monitor": (0.3, 1, 0.4)}


def chroma(image, **options):
    buffer = BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(buffer, **options)
    return read_content(buffer.getvalue(), "image").chroma


def reference(colours):
    """The root mean square distance of (..., 3) colours in 0-255 from their best line."""
    colours = colours.reshape(-1, 3) / 255
    middle = colours - colours.mean(axis=0)
    *_, directions = np.linalg.svd(middle, full_matrices=False)
    along = np.outer(middle @ directions[0], directions[0])
    return np.sqrt(np.square(middle - along).sum(axis=1).mean())


def test_it_is_the_distance_from_the_line_that_fits_the_colours_best():
    assert chroma(NOISE, format="PNG") == pytest.approx(reference(NOISE), rel=1e-9)
    few = NOISE // np.array([1, 2, 8], np.uint8)
    assert chroma(few, format="BMP") == pytest.approx(reference(few), rel=1e-9)


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "TIFF", "BMP"])
@pytest.mark.parametrize("mode", ["1", "L"])
def test_one_channel_has_none(mode, format_):
    if (mode, format_) != ("1", "JPEG"):
        assert chroma(Image.fromarray(GREY).convert(mode), format=format_) == 0


def test_sixteen_bits_and_dicom_have_none():
    assert chroma(GREY.astype(np.uint16) * 257, format="PNG") == 0
    assert read_content(written(dataset(GREY)), "image").chroma == 0


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "LA", "CMYK", "YCbCr"])
def test_grey_stored_as_colour_has_none(mode):
    format_ = "TIFF" if mode in ("CMYK", "YCbCr") else "PNG"
    assert chroma(Image.fromarray(GREY).convert(mode), format=format_) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("quality", [95, 75, 30])
def test_grey_stored_as_colour_jpeg_has_none(quality):
    grey = np.dstack([GREY] * 3)
    assert chroma(grey, format="JPEG", quality=quality) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("tint", TINTS.values(), ids=TINTS)
def test_one_tint_is_none_but_for_the_rounding(tint):
    tinted = np.rint(GREY[..., None] * np.array(tint)).astype(np.uint8)
    assert chroma(tinted, format="PNG") < 0.003


def test_two_tints_are_some():
    blue = np.rint(GREY[..., None] * np.array(TINTS["blue film"])).astype(np.uint8)
    blue[:, COLUMNS // 2 :] = blue[:, COLUMNS // 2 :, ::-1]
    assert chroma(blue, format="PNG") == pytest.approx(reference(blue), rel=1e-9)
    assert chroma(blue, format="PNG") > 0.05


def test_a_palette_is_looked_up():
    palette = Image.fromarray(NOISE).quantize(16)
    assert chroma(palette, format="PNG") == pytest.approx(
        reference(np.asarray(palette.convert("RGB"))), rel=1e-9
    )


def test_what_is_transparent_is_black():
    hidden = np.dstack([NOISE, np.zeros_like(GREY)])
    hidden[:30, :30] = 255
    assert chroma(hidden, format="PNG") == pytest.approx(0, abs=1e-6)


def test_inks_are_turned_into_light():
    inks = Image.fromarray(NOISE).convert("CMYK")
    assert chroma(inks, format="TIFF") == pytest.approx(
        reference(np.asarray(inks.convert("RGB"))), rel=1e-9
    )


def test_of_a_large_picture_a_sample_is_looked_at():
    large = np.random.default_rng(0).integers(0, 256, (500, 700, 3), np.uint8)
    found = chroma(large, format="BMP")
    assert found == pytest.approx(reference(large), rel=0.02)
    assert found != pytest.approx(reference(large), rel=1e-9)
