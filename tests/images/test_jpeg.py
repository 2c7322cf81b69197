"""JPEG that is damaged within a scan, wherever it comes: libjpeg would go on with a warning."""

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom import uid

from dicom_files import RAMP12, dataset, frame_of, with_frame, written
from lungscope.images import read_content
from raster_files import NOISE, encoded

GREY, COLOUR = np.ascontiguousarray(NOISE[..., 0]), NOISE
DEEP = (GREY.astype(np.uint16) << 4) + (COLOUR[..., 1] >> 4)
INKS = Image.fromarray(np.dstack([COLOUR, GREY]), "CMYK")


def scan(content):
    """Where the last scan's data begins and ends."""
    header = content.rindex(b"\xff\xda")
    return header + 2 + int.from_bytes(content[header + 2 : header + 4], "big"), len(content) - 2


def without(content):
    start, end = scan(content)
    return content[: start + (end - start) // 3] + content[start + (end - start) // 2 :]


def with_more(content):
    start, end = scan(content)
    place = (start + end) // 2
    return content[:place] + bytes(range(1, 200)) + content[place:]


JPEGS = {
    "grey": encoded(GREY, format="JPEG"),
    "colour": encoded(COLOUR, format="JPEG"),
    "progressive": encoded(GREY, format="JPEG", progressive=True),
    "restart markers": encoded(GREY, format="JPEG", restart_marker_blocks=5),
    "inks": encoded(INKS, format="JPEG"),
}
CODESTREAMS = {
    "baseline": (GREY, 8, uid.JPEGBaseline8Bit, JPEGS["grey"]),
    "extended, 8 bits": (GREY, 8, uid.JPEGExtended12Bit, JPEGS["grey"]),
    "extended, 12 bits": (
        *(DEEP, 12, uid.JPEGExtended12Bit),
        imagecodecs.jpeg8_encode(DEEP, 90, bitspersample=12),
    ),
    "lossless, 8 bits": (
        *(GREY, 8, uid.JPEGLosslessSV1),
        imagecodecs.jpeg8_encode(GREY, lossless=True, bitspersample=8),
    ),
    "lossless, 12 bits": (
        *(DEEP, 12, uid.JPEGLosslessSV1),
        imagecodecs.jpeg8_encode(DEEP, lossless=True, bitspersample=12),
    ),
    "lossless, 16 bits": (
        *(DEEP << 4, 16, uid.JPEGLossless),
        imagecodecs.jpeg8_encode(DEEP << 4, lossless=True, bitspersample=16, predictor=6),
    ),
}


@pytest.mark.parametrize("name", JPEGS)
def test_whole_jpeg_is_read_as_pillow_decodes_it(read, name, tmp_path):
    (tmp_path / "a.jpg").write_bytes(JPEGS[name])
    with Image.open(tmp_path / "a.jpg") as image:
        expected = np.asarray(image.convert("L"), np.float32) / np.float32(255)
    if name != "inks":  # tests of CMYK are with the rasters
        np.testing.assert_array_equal(read(JPEGS[name]).pixels, expected)


@pytest.mark.parametrize("damage", [without, with_more])
@pytest.mark.parametrize("name", JPEGS)
def test_a_damaged_jpeg_is_refused_in_silence(refusal, name, damage, capfd):
    reason = refusal(damage(JPEGS[name]))
    assert reason.startswith("the JPEG data is damaged or cut short (")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", CODESTREAMS)
def test_a_whole_codestream_in_dicom_is_read(read, name):
    samples, bits, syntax, frame = CODESTREAMS[name]
    pixels = read(with_frame(dataset(samples, bits), frame, syntax)).pixels
    expected = np.float32(samples / (2**bits - 1))
    if "lossless" in name:
        np.testing.assert_array_equal(pixels, expected)
    else:
        assert np.abs(pixels - expected).mean() < 0.1


@pytest.mark.parametrize("damage", [without, with_more])
@pytest.mark.parametrize("name", CODESTREAMS)
def test_a_damaged_codestream_in_dicom_is_refused_in_silence(refusal, name, damage, capfd):
    samples, bits, syntax, frame = CODESTREAMS[name]
    reason = refusal(with_frame(dataset(samples, bits), damage(frame), syntax))
    assert f"its {syntax.name} data is damaged or cut short (Corrupt JPEG data" in reason
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "syntax", [uid.RLELossless, uid.JPEGLSLossless, uid.JPEG2000Lossless], ids=lambda s: s.keyword
)
@pytest.mark.parametrize("damage", [without, with_more])
def test_so_is_damage_in_other_codestreams(refusal, syntax, damage, capfd):
    frame = frame_of(written(dataset(RAMP12, 12), syntax))
    place = len(frame) // 2
    spoilt = (
        frame[:place] + frame[place + 80 :]
        if damage is without
        else frame[:place] + b"\x05" * 80 + frame[place:]
    )
    reason = refusal(with_frame(dataset(RAMP12, 12), spoilt, syntax))
    assert f"its {syntax.name} data is damaged or cut short" in reason
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("samples", [GREY, COLOUR], ids=["grey", "colour"])
def test_a_tiff_of_damaged_jpeg_is_refused(read, refusal, samples):
    content = encoded(samples, format="TIFF", compression="jpeg")
    assert read(content).format == "TIFF"
    place = len(content) // 2
    spoilt = content[:place] + content[place : place + 60][::-1] + content[place + 60 :]
    assert "the TIFF data is damaged or cut short (Corrupt JPEG data" in refusal(spoilt)


def test_old_style_jpeg_in_tiff_is_refused_for_what_it_is(refusal):
    content = encoded(GREY, format="TIFF", compression="jpeg")
    old = content.replace(b"\x03\x01\x03\0\x01\0\0\0\x07", b"\x03\x01\x03\0\x01\0\0\0\x06")
    assert refusal(old) == "old-style JPEG in TIFF is not read; save it as PNG"


@pytest.mark.parametrize("after", [b"\0", bytes(16), b"\xff\xd8 a thumbnail" * 900])
def test_what_follows_the_end_marker_is_not_looked_at(read, after):
    expected = read(JPEGS["grey"]).pixels
    np.testing.assert_array_equal(read(JPEGS["grey"] + after).pixels, expected)


def odd_version(content):
    place = content.index(b"JFIF\0") + 5
    return content[:place] + b"\2" + content[place + 1 :]


def progression_in_a_sequential_scan(content):
    start, _ = scan(content)
    return content[: start - 3] + bytes(3) + content[start:]


@pytest.mark.parametrize("odd", [odd_version, progression_in_a_sequential_scan])
def test_an_odd_header_is_no_damage_and_hides_none(read, refusal, odd):
    whole = JPEGS["grey"]
    np.testing.assert_array_equal(read(odd(whole)).pixels, read(whole).pixels)
    assert "Corrupt JPEG data" in refusal(odd(without(whole)))


def test_an_unknown_transform_of_adobes_is_taken_for_the_usual_one(read):
    adobe = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0"
    start = JPEGS["colour"].index(b"\xff\xdb")
    known, unknown = (
        JPEGS["colour"][:start] + adobe + bytes([transform]) + JPEGS["colour"][start:]
        for transform in (1, 9)
    )
    np.testing.assert_array_equal(read(unknown).pixels, read(known).pixels)


def test_colours_subsampled_as_no_camera_does_are_refused_for_what_they_are(refusal):
    content = encoded(INKS, format="JPEG", subsampling=2)
    assert "are subsampled in an unusual way; save it as grey" in refusal(content)


def test_a_name_is_as_good_as_none():
    assert read_content(JPEGS["grey"], "a.jpg").bits == 8
