"""What `read` makes of a DICOM file: every transfer syntax, and what is refused."""

import shutil
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread, uid
from pydicom.pixels.decoders.base import get_decoder

from dicom_files import (
    COLUMNS,
    EVERY_VALUE,
    LOSSLESS,
    NATIVE,
    RAMP8,
    RAMP12,
    RAMP16,
    ROWS,
    dataset,
    frame_of,
    jpeg,
    with_frame,
    written,
)
from lungscope.errors import UnreadableImage
from lungscope.images import read as read_file
from lungscope.images.dicom import layout

DICOM = Path(__file__).parents[3] / ".." / "shared" / "data" / "dicom"


@pytest.fixture
def read(tmp_path):
    def from_bytes(content, **options):
        path = tmp_path / "image"
        path.write_bytes(content)
        return read_file(path, **options)

    return from_bytes


@pytest.fixture
def refusal(tmp_path):
    def of(content):
        path = tmp_path / "image"
        path.write_bytes(content)
        with pytest.raises(UnreadableImage) as caught:
            read_file(path)
        assert "\n" not in caught.value.reason
        return caught.value.reason

    return of


class TestPixels:
    @pytest.mark.parametrize("syntax", [*NATIVE, *LOSSLESS], ids=lambda each: each.keyword)
    @pytest.mark.parametrize(
        ("samples", "bits"),
        [(RAMP8, 8), (RAMP12, 12), (RAMP16, 16), ((RAMP16 - 32768).astype(np.int16), 16)],
        ids=["8", "12 in 16", "16", "signed 16"],
    )
    def test_every_lossless_syntax_gives_the_samples_back(self, read, syntax, samples, bits):
        radiograph = read(written(dataset(samples, bits), syntax))
        least = -(2 ** (bits - 1)) if samples.dtype.kind == "i" else 0
        expected = (samples.astype(np.float64) - least) / (2**bits - 1)
        np.testing.assert_array_equal(radiograph.pixels, expected.astype(np.float32))
        assert radiograph.pixels.dtype == np.float32
        assert (radiograph.format, radiograph.mode) == ("DICOM", "MONOCHROME2")
        assert radiograph.bits == bits

    @pytest.mark.parametrize("syntax", [*NATIVE, *LOSSLESS], ids=lambda each: each.keyword)
    def test_signed_samples_of_fewer_bits_than_their_cell(self, read, syntax):
        samples = (RAMP12.astype(np.int16) - 2048).astype(np.int16)
        radiograph = read(written(dataset(samples, 12), syntax))
        expected = (samples.astype(np.float64) + 2048) / 4095
        np.testing.assert_array_equal(radiograph.pixels, expected.astype(np.float32))

    @pytest.mark.parametrize("samples", [RAMP8, EVERY_VALUE], ids=["8", "16"])
    def test_a_png_of_the_same_samples_reads_exactly_alike(self, read, tmp_path, samples):
        Image.fromarray(samples).save(tmp_path / "a.png")
        png = read_file(tmp_path / "a.png")
        for syntax in (*NATIVE, *LOSSLESS):
            same = read(written(dataset(samples), syntax)).pixels
            np.testing.assert_array_equal(same, png.pixels)

    @pytest.mark.parametrize("syntax", [uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit])
    def test_lossy_jpeg_is_what_pillow_decodes(self, read, tmp_path, syntax):
        frame = jpeg(RAMP8, quality=90)
        (tmp_path / "a.jpg").write_bytes(frame)
        radiograph = read(with_frame(dataset(RAMP8), frame, syntax))
        np.testing.assert_array_equal(radiograph.pixels, read_file(tmp_path / "a.jpg").pixels)

    def test_lossy_jpeg_of_12_bits_is_near_what_was_written(self, read):
        smooth = np.add.outer(np.arange(ROWS) * 20, np.arange(COLUMNS) * 25).astype(np.uint16)
        frame = imagecodecs.jpeg8_encode(smooth, 98, bitspersample=12)
        radiograph = read(with_frame(dataset(smooth, 12), frame, uid.JPEGExtended12Bit))
        assert radiograph.bits == 12
        assert np.abs(radiograph.pixels * 4095 - smooth).max() < 40

    @pytest.mark.parametrize("shape", [(71, 91), (70, 91)])
    def test_an_odd_number_of_pixels_in_big_endian_words(self, read, shape):
        samples = np.resize(RAMP8, shape)
        made = dataset(samples)
        padded = samples.tobytes() + b"\0" * (samples.size % 2)
        made.PixelData = padded
        radiograph = read(written(made, uid.ExplicitVRBigEndian))
        np.testing.assert_array_equal(radiograph.pixels, np.float32(samples / 255))

    def test_what_stands_above_the_stored_bits_is_not_looked_at(self, read):
        overlaid = RAMP12 | (np.uint16(0xF000) * (RAMP12 % 3 == 0))
        plain = read(written(dataset(RAMP12, 12))).pixels
        np.testing.assert_array_equal(read(written(dataset(overlaid, 12))).pixels, plain)
        compressed = read(written(dataset(overlaid, 12), uid.RLELossless)).pixels
        np.testing.assert_array_equal(compressed, plain)

    @pytest.mark.parametrize("bits", [10, 12, 14])
    @pytest.mark.parametrize("signed", [False, True])
    @pytest.mark.parametrize("syntax", [*NATIVE, *LOSSLESS, uid.JPEG2000], ids=lambda s: s.keyword)
    def test_no_syntax_lets_bits_above_the_stored_ones_count(self, read, syntax, bits, signed):
        values = RAMP16 % 2**bits
        overlay = np.uint16(0xFFFF << bits & 0xFFFF) * (RAMP16 % 5 == 0)
        samples, meant = (values | overlay), values.astype(np.int32)
        if signed:
            samples, meant = samples.view(np.int16), (meant + 2 ** (bits - 1)) % 2**bits
        header = {"BitsStored": bits, "HighBit": bits - 1}
        if syntax == uid.JPEG2000:  # with as many bits in the codestream as in a cell
            frame = frame_of(written(dataset(samples), uid.JPEG2000Lossless))
            content = with_frame(dataset(samples, bits), frame, syntax)
        elif syntax.is_compressed and syntax != uid.DeflatedExplicitVRLittleEndian:
            frame = frame_of(written(dataset(samples), syntax))
            content = with_frame(dataset(samples, **header), frame, syntax)
        else:
            content = written(dataset(samples, bits), syntax)
        expected = np.float32(meant / (2**bits - 1))
        np.testing.assert_array_equal(read(content).pixels, expected)

    @pytest.mark.parametrize("count", [2, 64, 512])
    @pytest.mark.parametrize("syntax", NATIVE, ids=lambda each: each.keyword)
    def test_padding_after_the_pixels_is_left(self, read, syntax, count):
        made = dataset(RAMP12, 12)
        made.PixelData += b"\x7f" * count
        expected = np.float32(RAMP12 / 4095)
        np.testing.assert_array_equal(read(written(made, syntax)).pixels, expected)

    @pytest.mark.parametrize("count", [2, 16, 64, 1000])
    @pytest.mark.parametrize(
        "syntax", [*LOSSLESS, uid.JPEGBaseline8Bit], ids=lambda each: each.keyword
    )
    def test_zeros_after_a_codestream_are_left(self, read, syntax, count):
        frame = jpeg(RAMP8) if syntax == uid.JPEGBaseline8Bit else None
        frame = frame or frame_of(written(dataset(RAMP8), syntax))
        whole = read(with_frame(dataset(RAMP8), frame, syntax)).pixels
        padded = with_frame(dataset(RAMP8), frame + bytes(count), syntax)
        np.testing.assert_array_equal(read(padded).pixels, whole)

    def test_no_number_of_frames_is_one(self, read):
        native = written(dataset(RAMP12, 12, NumberOfFrames=0))
        frame = frame_of(written(dataset(RAMP12, 12), uid.JPEGLSLossless))
        packed = with_frame(dataset(RAMP12, 12, NumberOfFrames=0), frame, uid.JPEGLSLossless)
        for content in (native, packed):
            np.testing.assert_array_equal(read(content).pixels, np.float32(RAMP12 / 4095))

    def test_a_lossy_codestream_of_more_bits_than_stored_cannot_overflow(self, read):
        frame = frame_of(written(dataset(RAMP12 + 100), uid.JPEG2000Lossless))
        radiograph = read(with_frame(dataset(RAMP12, 12), frame, uid.JPEG2000))
        expected = np.minimum((RAMP12 + 100) / 4095, 1).astype(np.float32)
        np.testing.assert_array_equal(radiograph.pixels, expected)

    def test_a_frame_in_several_fragments(self, read):
        frame = frame_of(written(dataset(RAMP8), uid.JPEGLSLossless))
        content = with_frame(dataset(RAMP8), frame, uid.JPEGLSLossless, fragments=3)
        np.testing.assert_array_equal(read(content).pixels, np.float32(RAMP8 / 255))

    def test_a_jpeg_2000_within_a_jp2_file(self, read):
        frame = frame_of(written(dataset(RAMP8), uid.JPEG2000Lossless))
        boxed = b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0\0\0\x08jp2c" + frame
        radiograph = read(with_frame(dataset(RAMP8), boxed, uid.JPEG2000Lossless))
        np.testing.assert_array_equal(radiograph.pixels, np.float32(RAMP8 / 255))


def test_many_threads_read_every_syntax_alike(tmp_path):
    for syntax in (*NATIVE, *LOSSLESS):
        (tmp_path / syntax.keyword).write_bytes(written(dataset(RAMP12, 12), syntax))
    frame = frame_of(written(dataset(RAMP12, 12), uid.RLELossless))
    (tmp_path / "damaged").write_bytes(
        with_frame(dataset(RAMP12, 12), frame[:-900], uid.RLELossless)
    )
    expected = (RAMP12 / 4095).astype(np.float32)

    def same(path):
        try:
            return np.array_equal(read_file(path).pixels, expected)
        except UnreadableImage:
            return path.name == "damaged"

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(same, sorted(tmp_path.iterdir()) * 20))


class TestIndependentEncoders:
    """DCMTK's encoders and pydicom's decoders are different people's work."""

    @pytest.mark.parametrize(
        ("command", "options"),
        [
            ("dcmcjpeg", ["+e1"]),
            *(("dcmcjpeg", ["+el", "+sv", str(predictor)]) for predictor in range(1, 8)),
            ("dcmcjpls", ["+el"]),
            ("dcmcrle", []),
            ("dcmconv", ["+td"]),
            ("dcmconv", ["+tb"]),
            ("dcmconv", ["+ti", "+e", "-g"]),
        ],
        ids=lambda value: value if isinstance(value, str) else "".join(value),
    )
    @pytest.mark.parametrize("samples", [RAMP8, RAMP12], ids=["8", "12"])
    def test_it_reads_what_dcmtk_writes(self, tmp_path, command, options, samples):
        if shutil.which(command) is None:
            pytest.skip(f"{command} of DCMTK is not installed")
        bits = 8 if samples.dtype == np.uint8 else 12
        source, target = tmp_path / "source", tmp_path / "target"
        source.write_bytes(written(dataset(samples, bits)))
        subprocess.run([command, *options, str(source), str(target)], check=True)
        expected = np.float32(samples / (2**bits - 1))
        np.testing.assert_array_equal(read_file(target).pixels, expected)


class TestRefused:
    @pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
    def test_a_name_that_lies(self, tmp_path, suffix):
        path = (tmp_path / "a").with_suffix(suffix)
        path.write_bytes(written(dataset(RAMP8)))
        with pytest.raises(UnreadableImage, match=r"rename it to a\.dcm"):
            read_file(path)

    @pytest.mark.parametrize("name", ["a.dcm", "A.DCM", "image", "1.2.840.10008.5", "a.dicom"])
    def test_no_name_that_says_nothing_else(self, tmp_path, name):
        (tmp_path / name).write_bytes(written(dataset(RAMP8)))
        assert read_file(tmp_path / name).format == "DICOM"

    def test_a_dicom_name_without_a_preamble(self, tmp_path):
        (tmp_path / "a.dcm").write_bytes(written(dataset(RAMP8))[132:])
        with pytest.raises(UnreadableImage, match="DICM is missing at byte 128"):
            read_file(tmp_path / "a.dcm")

    @pytest.mark.parametrize(
        "keyword",
        [
            *("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated"),
            *("BitsStored", "HighBit", "PixelRepresentation"),
        ],
    )
    def test_an_element_that_an_image_needs_is_missing(self, refusal, keyword):
        assert refusal(written(dataset(RAMP8, **{keyword: None}))) == f"its {keyword} is missing"

    def test_no_pixels(self, refusal):
        made = dataset(RAMP8)
        del made.PixelData
        assert "it holds no pixels" in refusal(written(made))

    def test_no_transfer_syntax(self, refusal):
        content = written(dataset(RAMP8))
        place = content.index(b"\x02\0\x10\0UI")
        length = struct.unpack_from("<H", content, place + 6)[0]
        assert "does not say how it is encoded" in refusal(
            content[:place] + content[place + 8 + length :]
        )

    def test_several_frames(self, refusal):
        made = dataset(RAMP8, NumberOfFrames=2)
        made.PixelData = RAMP8.tobytes() * 2
        assert refusal(written(made)).startswith("it holds several frames")

    def test_several_frames_that_only_the_offset_table_tells_of(self, refusal):
        content = with_frame(dataset(RAMP8), jpeg(RAMP8), uid.JPEGBaseline8Bit, frames=2)
        assert "more than one" in refusal(content)

    def test_colour(self, refusal):
        made = dataset(RAMP8, SamplesPerPixel=3, PhotometricInterpretation="RGB")
        made.PlanarConfiguration = 0
        made.PixelData = RAMP8.tobytes() * 3
        assert refusal(written(made)).startswith("it is in colour (RGB)")

    def test_a_palette(self, refusal):
        made = dataset(RAMP8, PhotometricInterpretation="PALETTE COLOR")
        assert refusal(written(made)).startswith("it is in colour (PALETTE COLOR)")

    def test_a_colour_codestream_behind_a_grey_header(self, refusal):
        frame = jpeg(np.dstack([RAMP8] * 3))
        reason = refusal(with_frame(dataset(RAMP8), frame, uid.JPEGBaseline8Bit))
        assert reason == "its codestream is in colour (3 components)"

    @pytest.mark.parametrize("shape", [(63, 200), (200, 63)])
    def test_too_small(self, refusal, shape):
        reason = refusal(written(dataset(np.resize(RAMP8, shape))))
        assert f"{shape[1]} x {shape[0]} pixels is too small" in reason

    def test_one_pixel_over_the_limit(self, refusal, monkeypatch):
        monkeypatch.setattr(layout, "MOST_PIXELS", ROWS * COLUMNS - 1)
        assert "over the limit" in refusal(written(dataset(RAMP8)))

    def test_the_limit_itself_is_allowed(self, read, monkeypatch):
        monkeypatch.setattr(layout, "MOST_PIXELS", ROWS * COLUMNS)
        assert read(written(dataset(RAMP8))).width == COLUMNS

    @pytest.mark.parametrize("bits", [1, 32])
    def test_cells_of_other_than_8_or_16_bits(self, refusal, bits):
        content = written(dataset(RAMP8, BitsAllocated=bits))
        assert refusal(content) == f"{bits} bits allocated are not read, only 8 and 16"

    @pytest.mark.parametrize("bits", [0, 9])
    def test_more_bits_stored_than_allocated_or_none(self, refusal, bits):
        made = dataset(RAMP8, BitsStored=bits, HighBit=max(bits, 1) - 1)
        assert "do not fit 8 bits allocated" in refusal(written(made))

    def test_stored_bits_that_are_not_the_lowest(self, refusal):
        assert "its high bit is 15" in refusal(written(dataset(RAMP12, 12, HighBit=15)))

    @pytest.mark.parametrize("change", [-2, -ROWS * COLUMNS, ROWS * COLUMNS])
    def test_pixel_data_that_is_too_short_or_holds_more_than_one_image(self, refusal, change):
        made = dataset(RAMP8)
        made.PixelData = (made.PixelData * 2)[: ROWS * COLUMNS + change]
        reason = refusal(written(made))
        assert f"its pixel data has {ROWS * COLUMNS + change} bytes" in reason
        assert f"take {ROWS * COLUMNS}" in reason

    def test_a_codestream_of_another_size(self, refusal):
        frame = jpeg(RAMP8[:-1])
        reason = refusal(with_frame(dataset(RAMP8), frame, uid.JPEGBaseline8Bit))
        assert reason == "its codestream has 90 x 69 pixels, and its header says 90 x 70"

    def test_a_codestream_of_more_bits_than_a_cell(self, refusal):
        frame = frame_of(written(dataset(RAMP12, 12), uid.JPEGLSLossless))
        reason = refusal(with_frame(dataset(RAMP8), frame, uid.JPEGLSLossless))
        assert reason == "its codestream has samples of 12 bits, and its header has cells of 8"

    def test_a_blank_picture(self, refusal):
        assert "the image is blank" in refusal(written(dataset(np.full_like(RAMP8, 9))))

    @pytest.mark.parametrize(
        ("syntax", "name"),
        [(uid.MPEG2MPML, "MPEG2"), (uid.UID("1.2.840.10008.1.2.4.94"), "JPIP Referenced")],
    )
    def test_a_transfer_syntax_that_is_not_read_is_named(self, refusal, syntax, name):
        reason = refusal(with_frame(dataset(RAMP8), jpeg(RAMP8), syntax))
        assert reason.startswith(name)
        assert reason.endswith("is not read; save it uncompressed")

    def test_a_private_transfer_syntax_is_not_quoted(self, refusal):
        private = uid.UID("1.2.826.0.1.3680043.8.498.44444")
        made = dataset(RAMP8)
        content = with_frame(made, jpeg(RAMP8), uid.JPEGBaseline8Bit)
        old = str(uid.JPEGBaseline8Bit).encode()
        content = content.replace(old, private.encode()[: len(old)])
        assert refusal(content) == "its private transfer syntax is not read; save it uncompressed"

    @pytest.mark.parametrize(
        ("syntax", "plugin", "package"),
        [
            (uid.JPEGLSLossless, "pyjpegls", "pyjpegls"),
            (uid.JPEG2000, "pylibjpeg", "pylibjpeg-openjpeg"),
        ],
        ids=lambda value: getattr(value, "keyword", None),
    )
    def test_a_missing_decoder_is_named(self, refusal, monkeypatch, syntax, plugin, package):
        monkeypatch.delitem(get_decoder(syntax)._available, plugin)
        reason = refusal(with_frame(dataset(RAMP8), jpeg(RAMP8), syntax))
        assert reason.endswith(
            f"needs the package {package}; install it with: pip install {package}"
        )


def test_reading_dicom_imports_no_heavy_library_and_reading_png_no_dicom(tmp_path):
    (tmp_path / "a.dcm").write_bytes(written(dataset(RAMP8)))
    Image.fromarray(RAMP8).save(tmp_path / "a.png")
    code = (
        "import sys; from lungscope.images import read;"
        "read(sys.argv[1]);"
        "assert 'pydicom' not in sys.modules, 'pydicom was imported for a PNG';"
        "read(sys.argv[2]);"
        "heavy = {'torch', 'torchvision', 'scipy', 'sklearn', 'matplotlib'} & set(sys.modules);"
        "sys.exit(', '.join(heavy) or None)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.png"), str(tmp_path / "a.dcm")]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr


@pytest.mark.real_data
@pytest.mark.skipif(not DICOM.is_dir(), reason="../shared/data is absent")
class TestRealRadiographs:
    @pytest.mark.parametrize(
        ("name", "modality", "view"),
        [
            ("cr-chest-jpeg-baseline", "CR", "PA"),
            ("cr-chest-rsna-1", "CR", "AP"),
            ("cr-chest-rsna-2", "CR", "PA"),
            ("dx-chest-implicit-le", "DX", None),
        ],
    )
    def test_they_read_as_pydicom_decodes_them(self, name, modality, view):
        radiograph = read_file(DICOM / f"{name}.dcm")
        expected = np.float32(dcmread(DICOM / f"{name}.dcm").pixel_array / 255)
        if "cr" in name:  # lossy, and pydicom may take another decoder
            assert np.abs(radiograph.pixels - expected).max() <= 2 / 255
        else:
            np.testing.assert_array_equal(radiograph.pixels, expected)
        assert radiograph.acquisition.modality == modality
        assert radiograph.acquisition.view_position == view

    def test_monochrome1_is_the_negative_of_the_same_samples(self):
        negative = read_file(DICOM / "cr-chest-monochrome1.dcm")
        positive = read_file(DICOM / "cr-chest-jpeg-baseline.dcm")
        assert (negative.mode, positive.mode) == ("MONOCHROME1", "MONOCHROME2")
        np.testing.assert_allclose(negative.pixels, 1 - positive.pixels, atol=1e-6)
