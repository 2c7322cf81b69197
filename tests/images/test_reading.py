"""Files and bytes become a radiograph, or a refusal that says why."""

import os
import pickle
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lungscope.errors import LungscopeError, UnreadableImage
from lungscope.images import raster, reading
from lungscope.images import read as read_file
from raster_files import ALPHA, COLOUR, COLUMNS, ENCODINGS, RAMP8, ROWS, encoded, png

DATA = Path(__file__).parents[2] / ".." / "shared" / "data"


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

    def test_36_megapixels_in_a_header_alone(self, refusal):
        hollow = png(6_001, 6_000, 8, 0, [b""])
        assert "6001 x 6000 pixels is over the limit of 36 megapixels" in refusal(hollow)
        bitmap = bytearray(encoded(RAMP8, format="BMP"))
        bitmap[18:26] = struct.pack("<ii", 30_000, 2_000_000)
        assert "over the limit" in refusal(bytes(bitmap))

    @pytest.mark.parametrize(
        ("samples", "lossless", "chunk", "place", "size"),
        [
            # VP8X has one less than the sides, in 24 bits each; VP8L the same in 14 bits each
            (np.dstack([COLOUR, ALPHA]), False, b"VP8X", 24, (7_999).to_bytes(3, "little") * 2),
            (COLOUR, True, b"VP8L", 21, (7_999 | 7_999 << 14).to_bytes(4, "little")),
            (COLOUR, False, b"VP8 ", 26, (8_000).to_bytes(2, "little") * 2),
        ],
        ids=["alpha", "lossless", "lossy"],
    )
    def test_a_large_webp_is_refused_before_libwebp_makes_room_for_it(
        self, refusal, monkeypatch, samples, lossless, chunk, place, size
    ):
        content = bytearray(encoded(samples, format="WEBP", lossless=lossless))
        assert content[12:16] == chunk
        content[place : place + len(size)] = size
        monkeypatch.setitem(raster._PLUGINS, "WEBP", lambda *_: pytest.fail("it was opened"))
        reason = refusal(bytes(content))
        assert reason.startswith("8000 x 8000 pixels is over the limit of 36 megapixels")

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
