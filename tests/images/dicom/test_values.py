"""What the stored values of a DICOM image mean: rescale, values of interest, polarity, padding."""

import contextlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from dicom_files import EVERY_VALUE, RAMP8, RAMP12, dataset, item, written
from lungscope.errors import UnreadableImage
from lungscope.images import read as read_file

SETTINGS = settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
ALL_12 = np.resize(np.arange(4096, dtype=np.uint16), (64, 64))
ALL_12_SIGNED = (ALL_12.astype(np.int16) - 2048).astype(np.int16)
ALL_8 = np.resize(np.arange(256, dtype=np.uint8), (64, 64))


@pytest.fixture
def grey(tmp_path):
    def of(samples, bits=None, **elements):
        path = tmp_path / "image"
        path.write_bytes(written(dataset(samples, bits, **elements)))
        return read_file(path).pixels

    return of


@pytest.fixture
def refusal(tmp_path):
    def of(samples, bits=None, **elements):
        path = tmp_path / "image"
        path.write_bytes(written(dataset(samples, bits, **elements)))
        with pytest.raises(UnreadableImage) as caught:
            read_file(path)
        assert "\n" not in caught.value.reason
        return caught.value.reason

    return of


class TestWithoutValuesOfInterest:
    @pytest.mark.parametrize("bits", [8, 9, 10, 12, 14, 15, 16])
    def test_white_is_the_largest_value_that_the_stored_bits_can_hold(self, grey, bits):
        samples = EVERY_VALUE.astype(int) % 2**bits
        expected = (samples / (2**bits - 1)).astype(np.float32)
        np.testing.assert_array_equal(grey(samples.astype(np.uint16), bits), expected)

    @pytest.mark.parametrize(("slope", "intercept"), [(2.5, -1000), (0.25, 0), (1, 300), (1e-3, 9)])
    def test_a_rising_rescale_changes_nothing(self, grey, slope, intercept):
        rescaled = grey(ALL_12, 12, RescaleSlope=slope, RescaleIntercept=intercept)
        np.testing.assert_allclose(rescaled, grey(ALL_12, 12), atol=1e-6)

    def test_a_falling_rescale_turns_black_and_white_round(self, grey):
        rescaled = grey(ALL_12, 12, RescaleSlope=-1, RescaleIntercept=4095)
        np.testing.assert_allclose(rescaled, 1 - grey(ALL_12, 12), atol=1e-6)

    def test_a_modality_lut_is_white_at_its_largest_output(self, grey):
        entries = (np.arange(4096) ** 2 // 4096).astype(np.uint16)
        pixels = grey(ALL_12, 12, ModalityLUTSequence=[item(0, entries, 12)])
        np.testing.assert_array_equal(pixels, (entries[ALL_12] / 4095).astype(np.float32))


numbers = st.integers(-5000, 9000) | st.floats(-5000, 9000)


class TestWindow:
    @SETTINGS
    @given(
        samples=st.sampled_from([ALL_12, ALL_12_SIGNED]),
        center=numbers,
        width=st.integers(1, 9000) | st.floats(1, 9000),
        function=st.sampled_from([None, "LINEAR", "LINEAR_EXACT", "SIGMOID"]),
        slope=st.sampled_from([None, 1.0, 0.5, 2.25]),
        intercept=st.integers(-2000, 2000),
    )
    def test_it_is_what_pydicom_makes_of_it(
        self, tmp_path, samples, center, width, function, slope, intercept
    ):
        made = dataset(
            samples,
            12,
            WindowCenter=f"{center:.6g}",
            WindowWidth=f"{width:.6g}",
            VOILUTFunction=function,
            RescaleSlope=slope,
            RescaleIntercept=intercept if slope else None,
        )
        with np.errstate(over="ignore"):
            theirs = apply_voi_lut(apply_modality_lut(samples, made), made).astype(np.float64)
        ends = np.array([-2048, 2047] if samples.dtype.kind == "i" else [0, 4095], np.float64)
        ends = ends * (slope or 1) + (intercept if slope else 0)
        expected = (theirs - ends[0]) / (ends[1] - ends[0])
        path = tmp_path / "image"
        path.write_bytes(written(made))
        if np.ptp(expected) < 1e-6:  # far from the window: black, or so nearly that it is blank
            with contextlib.suppress(UnreadableImage):
                assert np.ptp(read_file(path).pixels) < 2e-6
            return
        np.testing.assert_allclose(read_file(path).pixels, expected, atol=2e-7)

    def test_linear_by_the_formula_of_the_standard(self, grey):
        center, width = 2048, 1024
        # PS3.3 C.11.2.1.2.1, written out
        x = ALL_12.astype(np.float64)
        expected = ((x - (center - 0.5)) / (width - 1) + 0.5).clip(0, 1)
        expected[x <= center - 0.5 - (width - 1) / 2] = 0
        expected[x > center - 0.5 + (width - 1) / 2] = 1
        pixels = grey(ALL_12, 12, WindowCenter=center, WindowWidth=width)
        np.testing.assert_allclose(pixels, expected, atol=1e-7)

    def test_a_window_of_one_value_is_a_threshold(self, grey):
        pixels = grey(ALL_12, 12, WindowCenter=100, WindowWidth=1)
        np.testing.assert_array_equal(pixels, ALL_12 > 99.5)

    def test_of_several_windows_the_first_counts(self, grey):
        several = grey(ALL_12, 12, WindowCenter=[2000, 100], WindowWidth=[3000, 10])
        first = grey(ALL_12, 12, WindowCenter=2000, WindowWidth=3000)
        np.testing.assert_array_equal(several, first)

    def test_a_window_reads_rescaled_values_even_where_they_fall(self, grey):
        falling = {"RescaleSlope": -1, "RescaleIntercept": 4095}
        pixels = grey(ALL_12, 12, WindowCenter=1000, WindowWidth=1001, **falling)
        expected = np.clip((4095.0 - ALL_12 - 999.5) / 1000 + 0.5, 0, 1)
        np.testing.assert_allclose(pixels, expected, atol=1e-7)

    @pytest.mark.parametrize(
        ("elements", "words"),
        [
            ({"WindowCenter": 100}, "without a window width"),
            ({"WindowWidth": 100}, "without a window width, or the reverse"),
            ({"WindowCenter": 1, "WindowWidth": 0}, "window width must be"),
            ({"WindowCenter": 1, "WindowWidth": "0.5"}, "1 or more where it is LINEAR"),
            ({"WindowCenter": 1, "WindowWidth": -4}, "window width must be"),
            ({"WindowCenter": 1, "WindowWidth": 9, "VOILUTFunction": "CUBIC"}, "CUBIC is not read"),
            ({"RescaleSlope": 0, "RescaleIntercept": 0}, "rescale slope is 0"),
        ],
    )
    def test_what_means_nothing_is_refused(self, refusal, elements, words):
        assert words in refusal(ALL_12, 12, **elements)

    @pytest.mark.parametrize("text", [b"nan ", b"inf ", b"x   ", b"-inf"])
    @pytest.mark.parametrize("keyword", ["WindowCenter", "RescaleSlope", "RescaleIntercept"])
    def test_numbers_that_are_none(self, tmp_path, keyword, text):
        values = {"WindowCenter": "1234", "WindowWidth": "9", "RescaleSlope": "1"}
        values["RescaleIntercept"] = "0"
        values[keyword] = "7777"
        content = written(dataset(ALL_12, 12, **values)).replace(b"7777", text)
        (tmp_path / "image").write_bytes(content)
        with pytest.raises(UnreadableImage):
            read_file(tmp_path / "image")


class TestVoiLut:
    @SETTINGS
    @given(
        samples=st.sampled_from([ALL_12, ALL_12_SIGNED]),
        first=st.integers(-3000, 3000),
        bits=st.sampled_from([8, 10, 12, 14, 16]),
        count=st.sampled_from([1, 2, 256, 1000, 4096, 65536]),
        seed=st.integers(0, 9),
    )
    def test_it_is_what_pydicom_makes_of_it(self, tmp_path, samples, first, bits, count, seed):
        if samples.dtype.kind == "u":
            first = abs(first)
        entries = np.random.default_rng(seed).integers(0, 2**bits, count).astype(np.uint16)
        entries[-1] = 2**bits - 1  # else white might be less: tests/images/test_depth.py
        made = dataset(samples, 12, VOILUTSequence=[item(first, entries, bits)])
        path = tmp_path / "image"
        path.write_bytes(written(made))
        # pydicom counts places in the LUT's own type, where those below 0 would wrap round
        places = np.clip(samples.astype(int) - first, 0, count - 1)
        expected = (entries[places] / (2**bits - 1)).astype(np.float32)
        if bits > 8 and count > 4096:
            theirs = apply_voi_lut(samples.astype(np.int32), made) / (2**bits - 1)
            np.testing.assert_array_equal(theirs.astype(np.float32), expected)
        if np.ptp(expected) == 0:
            with pytest.raises(UnreadableImage, match="blank"):
                read_file(path)
            return
        np.testing.assert_array_equal(read_file(path).pixels, expected)

    def test_of_several_the_first_counts_and_a_window_beside_it_does_not(self, grey):
        falling = item(0, np.arange(4096)[::-1], 12)
        rising = item(0, np.arange(4096), 12)
        both = {"WindowCenter": 5, "WindowWidth": 10}
        pixels = grey(ALL_12, 12, VOILUTSequence=[falling, rising], **both)
        np.testing.assert_array_equal(pixels, ((4095 - ALL_12) / 4095).astype(np.float32))

    def test_an_undefined_length_makes_no_difference(self, tmp_path):
        made = dataset(ALL_12, 12, VOILUTSequence=[item(0, np.arange(4096)[::-1], 12)])
        made["VOILUTSequence"].is_undefined_length = True
        made.VOILUTSequence[0].is_undefined_length_sequence_item = True
        (tmp_path / "undefined").write_bytes(written(made))
        pixels = read_file(tmp_path / "undefined").pixels
        np.testing.assert_array_equal(pixels, ((4095 - ALL_12) / 4095).astype(np.float32))

    def test_entries_of_8_bits_may_be_packed(self, grey):
        entries = np.arange(256, dtype=np.uint8)[::-1]
        packed = grey(ALL_8, VOILUTSequence=[item(0, entries, 8, np.uint8)])
        np.testing.assert_array_equal(packed, ((255 - ALL_8) / 255).astype(np.float32))
        np.testing.assert_array_equal(packed, grey(ALL_8, VOILUTSequence=[item(0, entries, 8)]))

    def test_big_endian_entries(self, tmp_path):
        from pydicom.uid import ExplicitVRBigEndian

        table = item(0, np.arange(4096)[::-1], 12, ">u2")
        made = dataset(ALL_12, 12, VOILUTSequence=[table])
        (tmp_path / "image").write_bytes(written(made, ExplicitVRBigEndian))
        pixels = read_file(tmp_path / "image").pixels
        np.testing.assert_array_equal(pixels, ((4095 - ALL_12) / 4095).astype(np.float32))

    def test_an_empty_sequence_is_none(self, grey):
        np.testing.assert_array_equal(grey(ALL_12, 12, VOILUTSequence=[]), grey(ALL_12, 12))

    @pytest.mark.parametrize("change", [-2, 2, -4000])
    def test_fewer_or_more_entries_than_the_descriptor_says(self, refusal, change):
        table = item(0, np.arange(4096), 12)
        table.LUTData = (table.LUTData + b"\0\0")[: 8192 + change]
        assert "its descriptor says 4096 entries" in refusal(ALL_12, 12, VOILUTSequence=[table])

    def test_a_descriptor_of_too_few_numbers(self, refusal):
        table = item(0, np.arange(4096), 12)
        table.LUTDescriptor = [4096, 0]
        assert "no LUT descriptor" in refusal(ALL_12, 12, VOILUTSequence=[table])

    def test_entries_of_too_many_bits(self, refusal):
        table = item(0, np.arange(4096), 17)
        assert "entries of 17 bits" in refusal(ALL_12, 12, VOILUTSequence=[table])


class TestPolarity:
    @pytest.mark.parametrize("samples", [RAMP8, EVERY_VALUE], ids=["8", "16"])
    def test_monochrome1_of_the_negative_is_exactly_the_positive(self, grey, samples):
        white = np.iinfo(samples.dtype).max
        negative = grey(white - samples, PhotometricInterpretation="MONOCHROME1")
        np.testing.assert_array_equal(negative, grey(samples))

    @pytest.mark.parametrize(
        ("photometric", "shape", "turned"),
        [
            ("MONOCHROME2", None, False),
            ("MONOCHROME2", "IDENTITY", False),
            ("MONOCHROME1", None, True),
            ("MONOCHROME1", "INVERSE", True),
            ("MONOCHROME2", "INVERSE", True),
        ],
    )
    def test_one_inversion_however_often_it_is_stated(self, grey, photometric, shape, turned):
        pixels = grey(RAMP12, 12, PhotometricInterpretation=photometric, PresentationLUTShape=shape)
        expected = grey(RAMP12, 12)
        np.testing.assert_allclose(pixels, 1 - expected if turned else expected, atol=1e-7)

    def test_it_follows_the_window(self, grey):
        window = {"WindowCenter": 1000, "WindowWidth": 500}
        turned = grey(RAMP12, 12, PhotometricInterpretation="MONOCHROME1", **window)
        np.testing.assert_allclose(turned, 1 - grey(RAMP12, 12, **window), atol=1e-7)

    def test_an_unknown_presentation_lut_shape(self, refusal):
        assert "LIN OD is not read" in refusal(RAMP8, PresentationLUTShape="LIN OD")


class TestPadding:
    @pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
    def test_it_is_black_whatever_the_polarity(self, grey, photometric):
        samples = RAMP8.copy()
        samples[:9] = 255
        made = {"PhotometricInterpretation": photometric, "PixelPaddingValue": 255}
        pixels = grey(samples, **made)
        assert (pixels[samples == 255] == 0).all()
        without = grey(samples, PhotometricInterpretation=photometric)
        np.testing.assert_array_equal(pixels[samples < 255], without[samples < 255])

    @pytest.mark.parametrize("ends", [(10, 20), (20, 10)])
    def test_a_range_of_it(self, grey, ends):
        pixels = grey(RAMP8 + 1, PixelPaddingValue=ends[0], PixelPaddingRangeLimit=ends[1])
        padded = (RAMP8 + 1 >= 10) & (RAMP8 + 1 <= 20)
        expected = np.where(padded, 0, ((RAMP8 + 1).astype(np.uint8) / 255).astype(np.float32))
        np.testing.assert_array_equal(pixels, expected)

    def test_a_signed_one(self, grey):
        pixels = grey(ALL_12_SIGNED, 12, PixelPaddingValue=-2000)
        assert (pixels[ALL_12_SIGNED == -2000] == 0).all()
        assert (pixels[ALL_12_SIGNED > -2000] > 0).all()
