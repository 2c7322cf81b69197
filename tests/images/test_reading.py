"""What `read` makes of a file, and what it refuses."""

import os
import pickle
import re
import struct
import subprocess
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import ExifTags, Image
from PIL import __version__ as pillow_version

from lungscope.errors import LungscopeError, UnreadableImage
from lungscope.images import raster, read_content, reading
from lungscope.images import read as read_file

PILLOW = int(pillow_version.split(".")[0])
ROWS, COLUMNS = 70, 90
RAMP8 = (np.add.outer(np.arange(ROWS) * 2, np.arange(COLUMNS)) % 256).astype(np.uint8)
RAMP16 = np.add.outer(np.arange(ROWS) * 700, np.arange(COLUMNS) * 181).astype(np.uint16)
COLOUR = np.stack([RAMP8, RAMP8[::-1], RAMP8[:, ::-1]], axis=-1)
NOISE = np.random.default_rng(1).integers(0, 256, COLOUR.shape, np.uint8)
ALPHA = np.broadcast_to(np.linspace(0, 255, COLUMNS).astype(np.uint8), RAMP8.shape)

DATA = Path(__file__).parents[2] / ".." / "shared" / "data"

# One encoder a format, and one more for each decoder that a TIFF can take.
ENCODINGS = {
    "png": {"format": "PNG"},
    "jpg": {"format": "JPEG"},
    "tif": {"format": "TIFF"},
    "deflate.tif": {"format": "TIFF", "compression": "tiff_adobe_deflate"},
    "bmp": {"format": "BMP"},
    "webp": {"format": "WEBP", "lossless": True},
}


def encoded(image, **options):
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    buffer = BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def luma(rgb):
    """ITU-R BT.601 by its definition, in [0, 1]."""
    return rgb.astype(np.float64) @ [0.299, 0.587, 0.114] / 255


def png(width, height, depth, colour_type, rows, extra=b""):
    """A PNG written by hand, for what Pillow does not write."""

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", data)
        + chunk(b"IEND", b"")
    )


def tiff(strips, tags, order="<"):
    """A TIFF written by hand: `tags` replace or add to the usual ones, None takes one away."""
    offsets = np.cumsum([8, *map(len, strips)]).tolist()
    values = {
        256: [COLUMNS],
        257: [ROWS],
        258: [16],
        259: [1],
        262: [1],
        273: offsets[:-1],
        277: [1],
        278: [ROWS],
        279: [len(strip) for strip in strips],
        **tags,
    }
    values = {tag: value for tag, value in sorted(values.items()) if value is not None}
    directory = struct.pack(order + "H", len(values))
    beside = b""
    for tag, value in values.items():
        shorts = tag not in (273, 279)
        packed = struct.pack(order + "HI"[not shorts] * len(value), *value)
        if len(packed) > 4:
            place = offsets[-1] + 2 + 12 * len(values) + 4 + len(beside)
            beside += packed
            packed = struct.pack(order + "I", place)
        directory += struct.pack(order + "HHI", tag, 3 if shorts else 4, len(value))
        directory += packed.ljust(4, b"\0")
    header = struct.pack(order + "2sHI", b"II" if order == "<" else b"MM", 42, offsets[-1])
    return header + b"".join(strips) + directory + bytes(4) + beside


@pytest.fixture
def read(tmp_path):
    """Reads bytes as a file of the given name."""

    def from_bytes(content, name="image"):
        path = tmp_path / name
        path.write_bytes(content)
        return read_file(path)

    return from_bytes


@pytest.fixture
def refusal(tmp_path):
    """The reason why bytes under a name are refused."""

    def of(content, name="image"):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(UnreadableImage) as caught:
            read_file(path)
        assert caught.value.path == path
        assert str(caught.value) == f"{path}: {caught.value.reason}"
        assert "\n" not in caught.value.reason
        if content:
            with pytest.raises(UnreadableImage, match=re.escape(caught.value.reason)):
                read_content(content, name)
        return caught.value.reason

    return of


# --- what is read ------------------------------------------------------------------------------


class TestGrey:
    @settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
    @given(
        hnp.arrays(
            st.sampled_from([np.uint8, np.uint16]),
            st.tuples(st.integers(64, 80), st.integers(64, 80)),
        )
    )
    def test_png_samples_read_back_exactly(self, tmp_path, samples):
        samples[0, 0], samples[0, 1] = 0, 1  # never blank
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


class TestWhatARadiographTells:
    @pytest.mark.parametrize(
        ("name", "format_"),
        [("png", "PNG"), ("jpg", "JPEG"), ("tif", "TIFF"), ("bmp", "BMP"), ("webp", "WEBP")],
    )
    def test_it_names_the_format_by_content(self, read, tmp_path, name, format_):
        radiograph = read(encoded(RAMP8, **ENCODINGS[name]), f"a.{name}")
        assert radiograph.format == format_
        assert radiograph.path == tmp_path / f"a.{name}"
        assert radiograph.bits == 8
        assert (radiograph.height, radiograph.width) == (ROWS, COLUMNS)

    def test_a_path_may_be_text(self, tmp_path):
        (tmp_path / "a.png").write_bytes(encoded(RAMP8, format="PNG"))
        assert read_file(str(tmp_path / "a.png")).path == tmp_path / "a.png"

    @pytest.mark.parametrize("name", ["image", "image.xray", "IMAGE.PNG", "a.b.png", ".png"])
    def test_an_extension_that_says_nothing_else_is_fine(self, read, name):
        assert read(encoded(RAMP8, format="PNG"), name).format == "PNG"

    def test_many_threads_read_alike(self, read, tmp_path):
        content = encoded(RAMP8, format="JPEG")
        expected = read(content, "a.jpg").pixels
        with ThreadPoolExecutor(8) as pool:
            for radiograph in pool.map(read_file, [tmp_path / "a.jpg"] * 50):
                np.testing.assert_array_equal(radiograph.pixels, expected)


# --- what is refused ---------------------------------------------------------------------------


class TestRefusedBeforeOpening:
    def test_no_such_file(self, tmp_path):
        with pytest.raises(UnreadableImage, match="there is no such file"):
            read_file(tmp_path / "absent.png")

    def test_a_folder(self, tmp_path):
        with pytest.raises(UnreadableImage, match="it is a folder"):
            read_file(tmp_path)

    def test_an_empty_file(self, refusal):
        assert refusal(b"", "a.png") == "the file is empty (0 bytes)"

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
    def test_a_pipe_without_waiting_for_a_writer(self, tmp_path):
        os.mkfifo(tmp_path / "a.png")
        with pytest.raises(UnreadableImage, match="a pipe or a device"):
            read_file(tmp_path / "a.png")

    @pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no /dev/zero")
    def test_a_device_without_reading_it_to_its_end(self):
        with pytest.raises(UnreadableImage, match="a pipe or a device"):
            read_file("/dev/zero")

    def test_no_permission(self, tmp_path, monkeypatch):
        (tmp_path / "a.png").write_bytes(encoded(RAMP8, format="PNG"))

        def denied(path):  # in place of chmod, which root walks through
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(Path, "read_bytes", denied)
        with pytest.raises(UnreadableImage, match="no permission to read it"):
            read_file(tmp_path / "a.png")

    def test_a_disk_that_fails(self, tmp_path, monkeypatch):
        (tmp_path / "a.png").write_bytes(encoded(RAMP8, format="PNG"))

        def failing(path):
            raise OSError(5, "Input/output error", str(path))

        monkeypatch.setattr(Path, "read_bytes", failing)
        with pytest.raises(UnreadableImage, match=r"cannot be read \(Input/output error\)"):
            read_file(tmp_path / "a.png")

    @pytest.mark.parametrize("path", ["a\0b.png", "a" * 5000])
    def test_a_path_that_no_file_can_have(self, path):
        with pytest.raises(UnreadableImage):
            read_file(path)

    def test_more_bytes_than_the_limit_without_reading_them(self, tmp_path, monkeypatch):
        path = tmp_path / "a.png"
        with path.open("wb") as file:
            file.truncate(reading.LARGEST_FILE + 1)  # a hole: no disk is used
        monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("it was read"))
        with pytest.raises(UnreadableImage, match="over the limit of 512 MiB"):
            read_file(path)


class TestRefusedByContent:
    @pytest.mark.parametrize(
        "content", [b"hello, world", b"\0", b"%PDF-1.7 " * 50, b"\0\0\0\x0cjP  \r\n\x87\n" * 20]
    )
    def test_not_an_image(self, refusal, content):
        reason = refusal(content, "a.png")
        assert reason == "it is not a DICOM, PNG, JPEG, TIFF, BMP or WebP image"

    @pytest.mark.parametrize("preamble", [b"\0" * 128, b"II*\0".ljust(128, b"\0")])
    def test_dicom_by_its_preamble_whatever_stands_in_it(self, refusal, preamble):
        reason = refusal(preamble + b"DICM" + b"\0" * 50, "a.tif")
        assert reason == "it is a DICOM image, though named .tif; rename it to a.dcm"

    def test_dicom_by_its_name_when_the_preamble_is_missing(self, refusal):
        assert "DICM is missing at byte 128" in refusal(b"\x08\0\x05\0\x0a\0" * 40, "a.dcm")

    def test_gif(self, refusal):
        frames = [Image.fromarray(RAMP8), Image.fromarray(RAMP8[::-1])]
        moving = encoded(frames[0], format="GIF", save_all=True, append_images=frames[1:])
        still = encoded(RAMP8, format="GIF")
        assert refusal(moving, "a.gif") == refusal(still, "a.gif")
        assert refusal(still, "a.gif") == "GIF is not read; save the image as PNG"

    def test_a_name_that_lies(self, refusal):
        reason = refusal(encoded(RAMP8, format="JPEG"), "chest.1.png")
        assert reason == "it is a JPEG image, though named .png; rename it to chest.1.jpg"

    def test_a_name_that_lies_about_dicom(self, refusal):
        assert "rename it to a.png" in refusal(encoded(RAMP8, format="PNG"), "a.dcm")

    @pytest.mark.parametrize("format_", ["PNG", "TIFF", "WEBP"])
    def test_more_than_one_picture(self, refusal, format_):
        frames = [Image.fromarray(RAMP8), Image.fromarray(RAMP8[::-1])]
        content = encoded(frames[0], format=format_, save_all=True, append_images=frames[1:])
        assert "more than one image" in refusal(content)

    def test_a_png_hidden_behind_an_animation(self, refusal):
        frames = [Image.fromarray(RAMP8), Image.fromarray(RAMP8[::-1])]
        content = encoded(
            frames[0], format="PNG", save_all=True, append_images=frames[1:], default_image=True
        )
        assert "more than one image" in refusal(content)

    @pytest.mark.parametrize("name", ENCODINGS)
    @pytest.mark.parametrize("shape", [(63, 200), (200, 63)])
    def test_too_small(self, refusal, name, shape):
        reason = refusal(encoded(np.resize(RAMP8, shape), **ENCODINGS[name]))
        assert f"{shape[1]} x {shape[0]} pixels is too small" in reason

    @pytest.mark.parametrize("name", ENCODINGS)
    def test_64_pixels_are_enough(self, read, name):
        assert read(encoded(RAMP8[:64, :64], **ENCODINGS[name])).pixels.shape == (64, 64)

    @pytest.mark.parametrize("name", ENCODINGS)
    def test_one_pixel_over_the_limit_is_refused_undecoded(self, refusal, monkeypatch, name):
        monkeypatch.setattr(raster, "MOST_PIXELS", ROWS * COLUMNS - 1)
        monkeypatch.setattr(raster, "_load", lambda *_: pytest.fail("it was decoded"))
        assert "over the limit" in refusal(encoded(RAMP8, **ENCODINGS[name]))

    @pytest.mark.parametrize("name", ENCODINGS)
    def test_the_limit_itself_is_allowed(self, read, monkeypatch, name):
        monkeypatch.setattr(raster, "MOST_PIXELS", ROWS * COLUMNS)
        assert read(encoded(RAMP8, **ENCODINGS[name])).width == COLUMNS

    def test_100_megapixels_in_a_header_alone(self, refusal):
        hollow = png(10_001, 10_000, 8, 0, [b""])
        assert "10001 x 10000 pixels is over the limit of 100 megapixels" in refusal(hollow)
        bitmap = bytearray(encoded(RAMP8, format="BMP"))
        bitmap[18:26] = struct.pack("<ii", 30_000, 2_000_000)
        assert "over the limit" in refusal(bytes(bitmap))

    def test_a_webp_too_large_for_pillow_to_open(self, refusal):
        content = bytearray(encoded(np.dstack([COLOUR, ALPHA]), format="WEBP"))
        assert content[12:16] == b"VP8X"
        content[24:30] = (16_382).to_bytes(3, "little") * 2  # one less than the sides
        # before 13 Pillow's decoder gives up on such a file before it says how large it is
        reason = "over the limit of 100 megapixels" if PILLOW >= 13 else "damaged or cut short"
        assert reason in refusal(bytes(content))

    @pytest.mark.parametrize("name", ENCODINGS)
    def test_pillows_own_limit_neither_warns_nor_refuses(self, read, monkeypatch, name):
        content = encoded(RAMP8, **ENCODINGS[name])
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", ROWS * COLUMNS - 1)
        assert read(content).width == COLUMNS  # warnings are errors here

    @pytest.mark.parametrize("value", [0, 7, 255])
    @pytest.mark.parametrize("name", ENCODINGS)
    def test_a_blank_picture(self, refusal, name, value):
        content = encoded(np.full((ROWS, COLUMNS), value, np.uint8), **ENCODINGS[name])
        assert "every pixel has the same value" in refusal(content)

    def test_a_picture_that_is_wholly_transparent(self, refusal):
        content = encoded(np.dstack([COLOUR, np.zeros_like(RAMP8)]), format="PNG")
        assert "every pixel has the same value" in refusal(content)


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
        assert reason.startswith("the JPEG data is damaged or cut short (image file is truncated")

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

    def test_an_error_without_words_is_named(self, refusal, monkeypatch):
        def failing(*_):
            raise MemoryError

        monkeypatch.setattr(raster, "_load", failing)
        assert "(MemoryError)" in refusal(encoded(RAMP8, format="PNG"))


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


class TestTheError:
    def test_it_is_a_lungscope_error_and_one_line(self, tmp_path):
        with pytest.raises(LungscopeError) as caught:
            read_file(tmp_path / "absent.png")
        assert str(caught.value) == f"{tmp_path / 'absent.png'}: there is no such file"

    def test_it_survives_the_way_back_from_a_worker(self):
        error = UnreadableImage(Path("a.png"), "why")
        copy = pickle.loads(pickle.dumps(error))  # noqa: S301
        assert (str(copy), copy.path, copy.reason) == ("a.png: why", Path("a.png"), "why")


def test_reading_images_imports_no_heavy_library():
    code = (
        "import sys, lungscope.images;"
        "heavy = {'torch', 'torchvision', 'scipy', 'sklearn', 'matplotlib'} & set(sys.modules);"
        "sys.exit(', '.join(heavy) or None)"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr


@pytest.mark.real_data
@pytest.mark.skipif(not (DATA / "lung-xray").is_dir(), reason="../shared/data is absent")
def test_real_radiographs_read_as_pillow_decodes_them():
    paths = sorted((DATA / "lung-xray").rglob("*.jpg"))[::150]
    assert paths
    for path in paths:
        radiograph = read_file(path)
        with Image.open(path) as image:
            np.testing.assert_array_equal(radiograph.pixels, np.float32(np.asarray(image) / 255))
        assert (radiograph.format, radiograph.mode, radiograph.bits) == ("JPEG", "L", 8)
