"""What a network sees of a radiograph: the same numbers on every path."""

import json
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from lungscope.errors import LungscopeError
from lungscope.images import Preprocessing, Radiograph, read, to_square


def radiograph(pixels):
    return Radiograph(np.asarray(pixels, np.float32), Path("made.png"), "PNG", "L", 8)


def triangle(source, size):
    """(size, source) float64: antialiased linear interpolation, written out as a matrix.

    Row i weighs the source pixels by a triangle around the place of target pixel i, as wide as
    the larger of a source and a target pixel to each side, and cut at the border.
    """
    step = source / size
    places = (np.arange(size) + 0.5) * step
    distances = np.abs(np.arange(source) + 0.5 - places[:, None]) / max(step, 1)
    weights = np.clip(1 - distances, 0, None)
    return weights / weights.sum(axis=1, keepdims=True)


pictures = hnp.arrays(
    np.float32,
    st.tuples(st.integers(64, 100), st.integers(64, 100)),
    elements=st.floats(0, 1, width=32),
)
sizes = st.integers(32, 150)


@settings(deadline=None, max_examples=40)
@given(pictures, sizes)
def test_it_is_antialiased_linear_interpolation_by_definition(pixels, size):
    height, width = pixels.shape
    exact = triangle(height, size) @ pixels.astype(np.float64) @ triangle(width, size).T * 255
    # Half a level for the rounding, and what 32-bit floats lose between the two passes.
    assert np.abs(to_square(radiograph(pixels), size) - exact).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("size", [32, 100, 224])
@pytest.mark.parametrize("shape", [(64, 64), (64, 300), (300, 64), (224, 225)])
def test_any_shape_is_stretched_to_a_square_of_bytes(shape, size):
    square = to_square(radiograph(np.random.default_rng(0).random(shape)), size)
    assert square.shape == (size, size)
    assert square.dtype == np.uint8


@settings(deadline=None, max_examples=25)
@given(hnp.arrays(np.uint8, (64, 64)))
def test_a_square_of_that_size_keeps_its_bytes(samples):
    np.testing.assert_array_equal(to_square(radiograph(samples / np.float32(255)), 64), samples)


@pytest.mark.parametrize(
    ("shape", "size", "crc"),
    [((240, 240), 224, 0xC41328F7), ((700, 900), 224, 0xA0F914E3), ((70, 90), 96, 0xB2999F36)],
)
def test_the_bytes_are_those_that_models_were_trained_on(shape, size, crc):
    """A change here makes every cache and every published number a thing of the past."""
    samples = np.random.default_rng(0).integers(0, 65536, shape, np.uint16)
    square = to_square(radiograph(samples / np.float32(65535)), size)
    assert zlib.crc32(square.tobytes()) == crc


@pytest.mark.parametrize("size", [50, 64, 96, 224])
@pytest.mark.parametrize("shape", [(64, 64), (70, 90)])
def test_the_depth_of_the_file_makes_no_difference(tmp_path, shape, size):
    samples = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    Image.fromarray(samples).save(tmp_path / "8.png")
    Image.fromarray(samples.astype(np.uint16) * 257).save(tmp_path / "16.png")
    shallow, deep = read(tmp_path / "8.png"), read(tmp_path / "16.png")
    assert (shallow.bits, deep.bits) == (8, 16)
    np.testing.assert_array_equal(to_square(shallow, size), to_square(deep, size))


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_detail_finer_than_a_pixel_becomes_grey_rather_than_a_pattern(factor):
    rows, columns = np.indices((64 * factor, 64 * factor))
    square = to_square(radiograph((rows + columns) % 2), 64)
    # Nearest neighbours, or interpolation without antialiasing, give stripes of 0 and 255.
    assert np.abs(square[1:-1, 1:-1].astype(int) - 127.5).max() <= 128 / factor**2


@pytest.mark.parametrize("size", [32, 48, 128, 224])  # up, or down by a whole number
def test_a_slope_stays_a_slope(size):
    columns = (np.arange(96) + 0.5) / 96
    square = to_square(radiograph(np.tile(columns, (96, 1))), size)
    expected = (np.arange(size) + 0.5) / size * 255
    inside = slice(size // 16, -size // 16)  # at the border the triangle is cut
    assert np.abs(square[:, inside] - expected[inside]).max() <= 0.51


@settings(deadline=None, max_examples=25)
@given(pictures, sizes)
def test_nothing_comes_out_darker_or_brighter_than_it_was(pixels, size):
    square = to_square(radiograph(pixels), size)
    assert square.min() >= np.floor(pixels.min() * 255)
    assert square.max() <= np.ceil(pixels.max() * 255)


@settings(deadline=None, max_examples=25)
@given(pictures, sizes, st.floats(0, 1, width=32))
def test_a_brighter_picture_comes_out_nowhere_darker(pixels, size, floor):
    brighter = np.maximum(pixels, np.float32(floor))
    dark, bright = to_square(radiograph(pixels), size), to_square(radiograph(brighter), size)
    assert (bright >= dark).all()


@pytest.mark.parametrize(("value", "byte"), [(0, 0), (1, 255), (0.5, 128), (0.499, 127)])
def test_a_grey_level_is_rounded_to_the_nearest_byte(value, byte):
    assert (to_square(radiograph(np.full((64, 80), value)), 48) == byte).all()


def test_the_radiograph_is_left_as_it_was():
    pixels = np.random.default_rng(0).random((64, 64), np.float32)
    pixels.flags.writeable = False
    before = pixels.copy()
    to_square(radiograph(pixels), 64)[0, 0] = 7
    np.testing.assert_array_equal(pixels, before)


@given(
    st.integers(32, 1024), st.floats(0, 1), st.floats(0, 1, exclude_min=True, allow_subnormal=False)
)
def test_preprocessing_survives_json(size, mean, std):
    preprocessing = Preprocessing(size, mean, std)
    for each in (preprocessing, replace(preprocessing, normalisation="image")):
        assert Preprocessing.from_json(json.loads(json.dumps(each.to_json()))) == each


def test_preprocessing_of_before_there_was_a_choice_takes_the_training_pixels():
    value = Preprocessing(224, 0.5, 0.2).to_json()
    del value["normalisation"]
    assert Preprocessing.from_json(value).normalisation == "training"


def test_an_unknown_normalisation_is_refused():
    value = {**Preprocessing(224, 0.5, 0.2).to_json(), "normalisation": "batch"}
    with pytest.raises(LungscopeError, match="normalisation 'batch' is unknown"):
        Preprocessing.from_json(value)


def test_preprocessing_from_another_version_is_refused():
    value = {**Preprocessing(224, 0.5, 0.2).to_json(), "resizing": "lanczos-letterboxed"}
    with pytest.raises(LungscopeError, match="'lanczos-letterboxed' is unknown to this version"):
        Preprocessing.from_json(value)


@pytest.mark.parametrize("field", ["resizing", "size", "mean", "std"])
def test_preprocessing_without_a_field_is_refused_by_name(field):
    value = Preprocessing(224, 0.5, 0.2).to_json()
    del value[field]
    with pytest.raises(LungscopeError, match=field):
        Preprocessing.from_json(value)
