"""What becomes of PNG, JPEG, TIFF, BMP and WebP: the samples, and what is refused."""

import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import ExifTags, Image

from lungscope.errors import UnreadableImage
from lungscope.images import raster
from lungscope.images import read as read_file
from raster_files import (
    ALPHA,
    COLOUR,
    COLUMNS,
    ENCODINGS,
    NOISE,
    PILLOW,
    RAMP8,
    RAMP16,
    ROWS,
    encoded,
    luma,
    png,
    tiff,
)


class TestGrey:
    @settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
    @given(
        hnp.arrays(
            st.sampled_from([np.uint8, np.uint16]),
            st.tuples(st.integers(64, 80), st.integers(64, 80)),
        )
    )
    def test_png_samples_read_back_exactly(self, tmp_path, samples):
        samples[0, 0], samples[0, 1] = 0, np.iinfo(samples.dtype).max  # neither blank nor dark
        path = tmp_path / "image.png"
        path.write_bytes(encoded(samples, format="PNG"))
        radiograph = read_file(path)
        expected = (samples / np.iinfo(samples.dtype).max).astype(np.float32)
        assert radiograph.pixels.dtype == np.float32
        np.testing.assert_array_equal(radiograph.pixels, expected)

    def test_every_16_bit_value_keeps_its_depth(self, read):
        samples = np.arange(65536, dtype=np.uint16).reshape(256, 256)
        assert len(np.unique(read(encoded(samples, format="PNG")).pixels)) == 65536

    @pytest.mark.parametrize("name", ["png", "tif", "deflate.tif", "bmp", "webp"])
    def test_lossless_formats_agree_on_8_bits(self, read, name):
        radiograph = read(encoded(RAMP8, **ENCODINGS[name]), f"image.{name}")
        np.testing.assert_array_equal(radiograph.pixels, np.float32(RAMP8 / 255))

    def test_jpeg_is_near_what_was_written(self, read):
        radiograph = read(encoded(RAMP8.clip(0, 200), format="JPEG", quality=98))
        assert np.abs(radiograph.pixels - RAMP8.clip(0, 200) / 255).max() < 0.1

    @pytest.mark.parametrize("compression", [None, "tiff_adobe_deflate", "tiff_lzw", "packbits"])
    def test_16_bit_tiff_reads_exactly(self, read, compression):
        radiograph = read(encoded(RAMP16, format="TIFF", compression=compression))
        np.testing.assert_array_equal(radiograph.pixels, np.float32(RAMP16 / 65535))
        assert (radiograph.mode, radiograph.bits) == ("I;16", 16)

    @pytest.mark.parametrize("compression", [1, 8], ids=["plain", "deflate"])
    @pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
    def test_16_bit_tiff_of_either_byte_order_reads_exactly(self, read, order, compression):
        strip = RAMP16.astype(order + "u2").tobytes()
        if compression == 8:
            strip = zlib.compress(strip)
        radiograph = read(tiff([strip], {259: [compression]}, order))
        np.testing.assert_array_equal(radiograph.pixels, np.float32(RAMP16 / 65535))

    @pytest.mark.parametrize("format_", ["PNG", "TIFF", "BMP"])
    def test_1_bit_is_black_and_white(self, read, format_):
        pattern = RAMP8 % 3 == 0
        radiograph = read(encoded(Image.fromarray(pattern), format=format_))
        np.testing.assert_array_equal(radiograph.pixels, pattern.astype(np.float32))
        assert radiograph.bits == 1

    @pytest.mark.parametrize("depth", [2, 4])
    def test_the_few_levels_of_a_small_depth_span_black_to_white(self, read, depth):
        levels = np.tile(np.arange(2**depth, dtype=np.uint8), (64, 64 // 2**depth * 2))
        bits = (levels[..., None] >> np.arange(depth)[::-1]) & 1
        rows = [np.packbits(row.reshape(-1)).tobytes() for row in bits]
        radiograph = read(png(levels.shape[1], 64, depth, 0, rows))
        expected = np.float32(levels / (2**depth - 1))
        np.testing.assert_allclose(radiograph.pixels, expected, atol=1e-7)
        assert radiograph.bits == depth

    def test_12_bit_tiff_is_white_at_4095(self, read):
        values = (RAMP16 % 4096).astype(np.uint16)
        first, second = values.reshape(-1, 2).T
        packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], axis=-1)
        radiograph = read(tiff([packed.astype(np.uint8).tobytes()], {258: [12]}))
        np.testing.assert_array_equal(radiograph.pixels, np.float32(values / 4095))
        assert radiograph.bits == 12

    def test_float_tiff_within_0_and_1_is_taken_as_it_is(self, read):
        samples = (RAMP16 / 65535).astype(np.float32)
        radiograph = read(encoded(samples, format="TIFF"))
        np.testing.assert_array_equal(radiograph.pixels, samples)
        assert radiograph.bits == 32

    def test_32_bit_integers_are_16_bit_values_in_a_wider_box(self, read):
        radiograph = read(encoded(RAMP16.astype(np.int32), format="TIFF"))
        np.testing.assert_array_equal(radiograph.pixels, np.float32(RAMP16 / 65535))

    @pytest.mark.parametrize("bits", [8, 16])
    def test_a_tiff_whose_white_is_zero_comes_out_bright_where_dense(self, read, bits):
        samples = RAMP8 if bits == 8 else RAMP16
        content = tiff([samples.tobytes()], {258: [bits], 262: [0]})
        white = 2**bits - 1
        np.testing.assert_allclose(read(content).pixels, 1 - samples / white, atol=1e-7)

    def test_a_float_tiff_whose_white_is_zero_is_turned_round(self, read):
        samples = (RAMP16 / 65535).astype(np.float32)
        content = tiff([samples.tobytes()], {258: [32], 339: [3], 262: [0]})
        np.testing.assert_allclose(read(content).pixels, 1 - samples, atol=1e-7)


class TestColour:
    @pytest.mark.parametrize("format_", ["PNG", "TIFF", "BMP"])
    def test_colour_becomes_the_luma_of_bt_601(self, read, format_):
        radiograph = read(encoded(COLOUR, format=format_))
        assert np.abs(radiograph.pixels - luma(COLOUR)).max() <= 0.51 / 255
        assert radiograph.mode == "RGB"

    @pytest.mark.parametrize("format_", ["PNG", "TIFF", "BMP"])
    def test_grey_stored_as_colour_stays_exact(self, read, format_):
        content = encoded(np.repeat(RAMP8[..., None], 3, axis=-1), format=format_)
        np.testing.assert_array_equal(read(content).pixels, np.float32(RAMP8 / 255))

    @pytest.mark.parametrize("format_", ["PNG", "TIFF", "BMP"])
    def test_a_palette_is_looked_up(self, read, format_):
        image = Image.fromarray(RAMP8)
        image.putpalette([channel for grey in range(256) for channel in (255 - grey, grey, 7)])
        palette = np.stack([255 - RAMP8, RAMP8, np.full_like(RAMP8, 7)], axis=-1)
        radiograph = read(encoded(image, format=format_))
        assert radiograph.mode == "P"
        assert np.abs(radiograph.pixels - luma(palette)).max() <= 0.51 / 255

    @pytest.mark.parametrize("format_", ["PNG", "TIFF"])
    def test_transparent_grey_is_laid_on_black(self, read, format_):
        image = Image.merge("LA", [Image.fromarray(RAMP8), Image.fromarray(ALPHA)])
        expected = RAMP8 / 255 * (ALPHA / 255)
        assert np.abs(read(encoded(image, format=format_)).pixels - expected).max() <= 0.51 / 255

    @pytest.mark.parametrize("name", ["png", "tif", "webp"])
    def test_transparent_colour_is_laid_on_black(self, read, name):
        image = Image.fromarray(np.dstack([COLOUR, ALPHA.clip(1)]))
        expected = luma(COLOUR) * (ALPHA.clip(1) / 255)
        content = encoded(image, exact=True, **ENCODINGS[name])
        assert np.abs(read(content).pixels - expected).max() <= 1.02 / 255

    @pytest.mark.parametrize("samples", [RAMP8, RAMP16], ids=["8 bit", "16 bit"])
    def test_a_grey_named_transparent_becomes_black(self, read, samples):
        named = int(samples[20, 20])
        content = encoded(samples, format="PNG", transparency=named)
        expected = np.where(samples == named, 0, samples) / np.iinfo(samples.dtype).max
        np.testing.assert_array_equal(read(content).pixels, np.float32(expected))

    def test_a_transparent_palette_entry_becomes_black(self, read):
        image = Image.fromarray(RAMP8)
        image.putpalette([channel for grey in range(256) for channel in (grey, grey, grey)])
        opacity = bytes([128 if grey == 60 else 255 for grey in range(256)])
        radiograph = read(encoded(image, format="PNG", transparency=opacity))
        expected = np.where(RAMP8 == 60, 30, RAMP8) / 255
        assert np.abs(radiograph.pixels - expected).max() <= 0.51 / 255

    @pytest.mark.skipif(PILLOW < 13, reason="Pillow reads such TIFFs from 13 on")
    def test_grey_tiff_multiplied_by_its_alpha_is_already_on_black(self, read):
        interleaved = np.dstack([RAMP8 // 2, np.full_like(RAMP8, 128)]).tobytes()
        content = tiff([interleaved], {258: [8, 8], 277: [2], 338: [1]})
        radiograph = read(content)
        assert radiograph.mode == "La"
        np.testing.assert_array_equal(radiograph.pixels, np.float32(RAMP8 // 2 / 255))

    @pytest.mark.parametrize("compression", [1, 8], ids=["plain", "deflate"])
    def test_bands_stored_one_after_the_other_are_put_together(self, read, compression):
        bands = [COLOUR[..., band].tobytes() for band in range(3)]
        if compression == 8:
            bands = [zlib.compress(band) for band in bands]
        tags = {258: [8, 8, 8], 259: [compression], 262: [2], 277: [3], 284: [2]}
        assert np.abs(read(tiff(bands, tags)).pixels - luma(COLOUR)).max() <= 0.51 / 255


class TestCmykJpeg:
    """Inks: a white sheet has none. Adobe stores them inverted and says so in a marker."""

    sheet = np.concatenate([np.zeros((40, 80, 4)), np.full((40, 80, 4), 255)]).astype(np.uint8)

    def adobe(self):
        return encoded(Image.fromarray(self.sheet, "CMYK"), format="JPEG", quality=95)

    def test_inks_inverted_by_adobe_are_turned_back(self, read):
        assert b"Adobe" in self.adobe()
        radiograph = read(self.adobe())
        assert radiograph.mode == "CMYK"
        assert radiograph.pixels[:38].min() > 0.98
        assert radiograph.pixels[42:].max() < 0.02

    def test_inks_without_adobes_marker_are_taken_as_they_are(self, read):
        content = self.adobe()
        start = content.index(b"\xff\xee")
        length = int.from_bytes(content[start + 2 : start + 4], "big")
        plain = content[:start] + content[start + 2 + length :]
        radiograph = read(plain)
        assert radiograph.pixels[:38].max() < 0.02
        assert radiograph.pixels[42:].min() > 0.98


UPRIGHT = {  # EXIF orientation -> how the stored pixels become upright, by the standard's table
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.T,
    6: lambda stored: stored.T[:, ::-1],
    7: lambda stored: stored[::-1, ::-1].T,
    8: lambda stored: stored.T[::-1],
}


class TestOrientation:
    @pytest.mark.parametrize("orientation", UPRIGHT)
    @pytest.mark.parametrize("name", ["png", "jpg", "tif", "deflate.tif", "webp"])
    def test_the_picture_comes_out_upright(self, read, name, orientation):
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        stored = read(encoded(RAMP8, **ENCODINGS[name])).pixels
        turned = read(encoded(RAMP8, exif=exif, **ENCODINGS[name])).pixels
        np.testing.assert_array_equal(turned, UPRIGHT[orientation](stored))

    @pytest.mark.parametrize("orientation", [3, 6])
    @pytest.mark.parametrize("mode", ["I;16", "I;16B", "F"])
    def test_deep_samples_are_turned_too(self, read, mode, orientation):
        dtype = {"I;16": "<u2", "I;16B": ">u2", "F": "<f4"}[mode]
        samples = (RAMP16 / 65535).astype("f4") if mode == "F" else RAMP16.astype(dtype)
        image = Image.frombytes(mode, (COLUMNS, ROWS), samples.tobytes())
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        stored = read(encoded(image, format="TIFF")).pixels
        turned = read(encoded(image, format="TIFF", exif=exif)).pixels
        np.testing.assert_array_equal(turned, UPRIGHT[orientation](stored))

    @pytest.mark.parametrize(
        "exif", [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0no TIFF"]
    )
    @pytest.mark.parametrize("name", ["png", "jpg", "webp"])
    def test_exif_that_cannot_be_read_says_nothing(self, read, name, exif):
        content = encoded(RAMP8, exif=exif, **ENCODINGS[name])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pixels = read(content).pixels
        np.testing.assert_array_equal(pixels, read(encoded(RAMP8, **ENCODINGS[name])).pixels)


class TestRefusedBySamples:
    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_floats_that_are_not_numbers(self, refusal, value):
        samples = (RAMP16 / 65535).astype(np.float32)
        samples[5, 5] = value
        assert "not finite" in refusal(encoded(samples, format="TIFF"))

    @pytest.mark.parametrize("value", [-0.25, 1.25])
    def test_floats_outside_0_and_1(self, refusal, value):
        samples = (RAMP16 / 65535).astype(np.float32)
        samples[5, 5] = value
        assert f"{value:g}" in refusal(encoded(samples, format="TIFF"))

    @pytest.mark.parametrize("value", [-1, 65536])
    def test_32_bit_integers_outside_16_bits(self, refusal, value):
        samples = RAMP16.astype(np.int32)
        samples[5, 5] = value
        assert str(value) in refusal(encoded(samples, format="TIFF"))

    @pytest.mark.parametrize("bits", [8, 16])
    def test_signed_samples(self, refusal, bits):
        content = tiff([bytes(ROWS * COLUMNS * bits // 8)], {258: [bits], 339: [2]})
        assert f"signed {bits}-bit samples are not read" in refusal(content)

    @pytest.mark.parametrize(("colour_type", "bands"), [(2, 3), (4, 2), (6, 4)])
    def test_16_bit_colour_or_transparency_which_pillow_would_cut(
        self, refusal, colour_type, bands
    ):
        rows = [np.repeat(row, bands).astype(">u2").tobytes() for row in RAMP16]
        content = png(COLUMNS, ROWS, 16, colour_type, rows)
        assert "16-bit colour or transparency is not read" in refusal(content)

    def test_a_tiff_that_does_not_say_what_is_white(self, refusal):
        content = tiff([RAMP16.tobytes()], {262: None})
        assert "whether 0 is black or white" in refusal(content)

    def test_a_tiff_whose_strips_cover_a_part(self, refusal):
        content = tiff([RAMP16.tobytes()], {278: [ROWS - 1]})
        assert "strips or tiles are missing" in refusal(content)

    def test_a_colour_tiff_that_lacks_a_band(self, refusal):
        bands = [COLOUR[..., band].tobytes() for band in range(2)]
        content = tiff(bands, {258: [8, 8, 8], 262: [2], 277: [3], 284: [2]})
        assert "strips or tiles are missing" in refusal(content)

    def test_a_colour_space_without_a_way_to_grey(self, refusal):
        image = Image.frombytes("LAB", (COLUMNS, ROWS), COLOUR.tobytes())
        assert "colour space LAB" in refusal(encoded(image, format="TIFF"))

    def test_run_length_compressed_bmp(self, refusal):
        content = bytearray(encoded(Image.fromarray(RAMP8), format="BMP"))
        content[30:34] = struct.pack("<I", 1)
        assert "run-length compressed BMP" in refusal(bytes(content))


class TestRefusedAsDamaged:
    @pytest.mark.parametrize("strict", [True, False], ids=["warnings raise", "warnings pass"])
    @pytest.mark.parametrize(
        "name", [*ENCODINGS, "progressive.jpg", "colour.jpg", "lossy.webp", "packbits.tif"]
    )
    def test_a_file_cut_anywhere_is_refused_or_whole(self, tmp_path, name, strict):
        other = {
            "progressive.jpg": {"format": "JPEG", "progressive": True},
            "colour.jpg": {"format": "JPEG"},
            "lossy.webp": {"format": "WEBP"},
            "packbits.tif": {"format": "TIFF", "compression": "packbits"},
        }
        samples = NOISE if "colour" in name else NOISE[..., 0]
        content = encoded(samples, **{**ENCODINGS, **other}[name])
        path = tmp_path / f"a.{name}"
        path.write_bytes(content)
        whole = read_file(path).pixels
        lengths = {*range(1, 200), *range(200, len(content), 61)}
        lengths |= set(range(len(content) - 150, len(content)))
        survivors = 0
        for length in lengths:
            path.write_bytes(content[:length])
            with warnings.catch_warnings():
                warnings.simplefilter("error" if strict else "ignore")
                try:
                    pixels = read_file(path).pixels
                except UnreadableImage:
                    continue
            survivors += 1
            np.testing.assert_array_equal(pixels, whole)
        assert survivors <= 8  # a checksum or a padding after the last pixel

    def test_the_reason_names_the_format(self, refusal):
        reason = refusal(encoded(RAMP8, format="JPEG")[:-200])
        assert reason.startswith("the JPEG data is damaged or cut short (Premature end of JPEG")

    def test_a_jpeg_without_its_end_marker(self, refusal):
        content = encoded(RAMP8, format="JPEG")
        assert content.endswith(b"\xff\xd9")
        assert "cut short" in refusal(content[:-2])

    def test_one_wrong_byte_in_the_data_of_a_png(self, refusal):
        content = bytearray(encoded(RAMP8, format="PNG", compress_level=0))
        content[len(content) // 2] ^= 1
        assert "damaged" in refusal(bytes(content))

    @pytest.mark.parametrize(
        "error", [SyntaxError, ValueError, struct.error, OverflowError, zlib.error, MemoryError]
    )
    def test_whatever_pillow_raises(self, refusal, monkeypatch, error):
        def failing(*_):
            raise error("two\nlines")

        monkeypatch.setattr(raster, "_load", failing)
        assert "(two lines)" in refusal(encoded(RAMP8, format="PNG"))

    def test_an_error_without_words_is_described(self, refusal, monkeypatch):
        def failing(*_):
            raise MemoryError

        monkeypatch.setattr(raster, "_load", failing)
        assert "(not enough memory)" in refusal(encoded(RAMP8, format="PNG"))


SEEDS = [encoded(RAMP8, **options) for options in ENCODINGS.values()] + [
    encoded(RAMP16, format="PNG"),
    encoded(RAMP16, format="TIFF"),
    encoded(np.dstack([COLOUR, ALPHA]), format="PNG"),
    encoded(COLOUR, format="JPEG", progressive=True),
    encoded(Image.fromarray(RAMP8).convert("P"), format="BMP"),
    encoded(COLOUR, format="WEBP"),
]


@st.composite
def mutated_files(draw):
    content = bytearray(draw(st.sampled_from(SEEDS)))
    # Half of the changes hit the first bytes, where the headers and directories lie, or the
    # last, where Pillow puts none or all of a TIFF's.
    near = st.integers(0, 250) | st.integers(-250, -1) | st.integers(0, len(content) - 1)
    for place, value in draw(st.lists(st.tuples(near, st.integers(0, 255)), max_size=6)):
        content[place % len(content)] = value
    cut = draw(st.none() | st.integers(0, len(content)))
    return bytes(content[:cut])


SIGNED_NOISE = st.builds(
    lambda mark, noise: mark + noise,
    st.sampled_from(
        [
            b"",
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8\xff",
            *(b"II*\0", b"MM\0*", b"II+\0", b"BM"),
            *(b"RIFF\x24\0\0\0WEBPVP8" + variant for variant in (b" ", b"L", b"X")),
        ]
    ),
    st.binary(max_size=300),
)


class TestHostileBytes:
    @settings(deadline=None, max_examples=300, suppress_health_check=list(HealthCheck))
    @given(content=mutated_files() | SIGNED_NOISE, strict=st.booleans())
    @example(content=b"BM", strict=False)
    def test_any_bytes_give_a_radiograph_or_a_refusal(self, tmp_path, content, strict):
        path = tmp_path / "image"
        path.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("error" if strict else "ignore")
            try:
                radiograph = read_file(path)
            except UnreadableImage:
                return
        assert radiograph.pixels.dtype == np.float32
        assert radiograph.pixels.ndim == 2
        assert min(radiograph.pixels.shape) >= raster.LEAST_SIDE
        assert radiograph.pixels.min() >= 0
        assert radiograph.pixels.max() <= 1
        assert radiograph.pixels.min() < radiograph.pixels.max()
