"""Values that stay far below what their file states: white is that of the depth they use."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_files import COLUMNS, RAMP12, ROWS, dataset, item, written
from lungscope.images.depth import find_used_bits
from raster_files import encoded, tiff

DEEP12 = RAMP12.astype(np.uint16)
EXPECTED = np.float32(DEEP12 / 4095)


@given(largest=st.integers(0, 65535), bits=st.integers(8, 16))
def test_a_depth_holds_the_value_and_is_far_below_the_stated_one(largest, bits):
    found = find_used_bits(largest, bits)
    if found is None:
        assert largest >= 2 ** min(8, bits) or bits < 10 or largest >= 2 ** (bits - 2)
    else:
        assert largest < 2**found <= 2 ** (bits - 2)


@pytest.mark.parametrize(
    ("largest", "bits", "used"),
    [
        *((4095, 16, 12), (4096, 16, 14), (16383, 16, 14), (16384, 16, None), (200, 16, 8)),
        *((1023, 12, 10), (1024, 12, None), (255, 10, 8), (3, 8, None)),
    ],
)
def test_depths_are_those_of_detectors(largest, bits, used):
    assert find_used_bits(largest, bits) == used


def test_12_bits_in_a_16_bit_png_are_read_as_12(read):
    radiograph = read(encoded(DEEP12, format="PNG"))
    np.testing.assert_array_equal(radiograph.pixels, EXPECTED)
    assert (radiograph.bits, radiograph.used_bits) == (16, 12)


def test_so_are_those_in_a_tiff_whose_white_is_zero(read):
    radiograph = read(tiff([DEEP12.tobytes()], {262: [0]}))
    np.testing.assert_allclose(radiograph.pixels, 1 - EXPECTED, atol=1e-7)
    assert radiograph.used_bits == 12


def test_an_image_that_uses_its_range_is_left_as_it_is(read):
    samples = DEEP12 * 5  # 20,475 of 65,535
    radiograph = read(encoded(samples, format="PNG"))
    np.testing.assert_array_equal(radiograph.pixels, np.float32(samples / 65535))
    assert radiograph.used_bits is None


def test_a_voi_lut_whose_descriptor_says_more_than_its_entries_have(read):
    entries = np.arange(4096)
    stated, true = (
        read(written(dataset(RAMP12, 12, VOILUTSequence=[item(0, entries, bits)])))
        for bits in (16, 12)
    )
    np.testing.assert_array_equal(stated.pixels, true.pixels)
    assert (stated.used_bits, true.used_bits) == (12, None)


def test_so_has_a_modality_lut(read):
    entries = np.arange(4096)
    radiograph = read(written(dataset(RAMP12, 12, ModalityLUTSequence=[item(0, entries, 16)])))
    np.testing.assert_array_equal(radiograph.pixels, EXPECTED)
    assert radiograph.used_bits == 12


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(
    "elements",
    [
        {},
        {"RescaleSlope": "2", "RescaleIntercept": "-100"},
        {"PixelPaddingValue": 0},
    ],
    ids=["", "rescaled", "padding"],
)
def test_12_bits_in_dicom_that_says_16(read, photometric, signed, elements):
    samples = DEEP12.astype(np.int16) if signed else DEEP12
    made = dataset(samples, 16, PhotometricInterpretation=photometric, **elements)
    expected = 1 - EXPECTED if photometric == "MONOCHROME1" else EXPECTED.copy()
    if "PixelPaddingValue" in elements:
        expected[DEEP12 == 0] = 0
    radiograph = read(written(made))
    np.testing.assert_allclose(radiograph.pixels, expected, atol=1e-6)
    assert (radiograph.bits, radiograph.used_bits) == (16, 12)


def test_negative_values_take_as_many_bits_on_the_other_side(read):
    samples = (DEEP12.astype(np.int16) - 2048).astype(np.int16)
    radiograph = read(written(dataset(samples, 16)))
    np.testing.assert_allclose(radiograph.pixels, EXPECTED, atol=1e-6)
    assert radiograph.used_bits == 12


def test_padding_does_not_count_as_a_value(read):
    samples = DEEP12.copy()
    samples[0] = 65535
    radiograph = read(written(dataset(samples, 16, PixelPaddingValue=65535)))
    np.testing.assert_allclose(radiograph.pixels[1:], EXPECTED[1:], atol=1e-6)
    assert radiograph.pixels[0].max() == 0


def test_nor_do_bits_above_the_stored_ones(read):
    samples = DEEP12 // 8 | np.uint16(0xC000)
    radiograph = read(written(dataset(samples, 14)))
    np.testing.assert_allclose(radiograph.pixels, DEEP12 // 8 / 1023, atol=1e-6)
    assert radiograph.used_bits == 10


def test_a_window_over_the_whole_range_says_nothing(read):
    whole = dataset(DEEP12, 16, WindowCenter="32768", WindowWidth="65536")
    np.testing.assert_allclose(read(written(whole)).pixels, EXPECTED, atol=1e-6)


def test_any_other_window_is_applied_as_it_is(read):
    made = dataset(DEEP12, 16, WindowCenter="16384", WindowWidth="32768")
    radiograph = read(written(made))
    assert radiograph.used_bits is None
    assert radiograph.pixels.max() < 0.13
    assert radiograph.pixels.shape == (ROWS, COLUMNS)
