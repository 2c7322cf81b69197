"""Compressed TIFF: the samples that libtiff gives, and nothing on standard error."""

import struct
import zlib
from io import BytesIO

import imagecodecs
import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from lungscope.errors import UnreadableImage
from lungscope.images import read_content
from raster_files import ALPHA, COLOUR, COLUMNS, NOISE, RAMP8, RAMP16, ROWS, encoded, luma, tiff

PACKED = ("tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "jpeg")


def pixels_of(content):
    return read_content(content, "a.tif").pixels


def refusal(content):
    with pytest.raises(UnreadableImage) as caught:
        read_content(content, "a.tif")
    return caught.value.reason


@pytest.mark.parametrize("compression", PACKED)
@pytest.mark.parametrize(
    "image",
    [RAMP8, COLOUR, np.dstack([COLOUR, ALPHA]), RAMP16, Image.fromarray(COLOUR).quantize(16)],
    ids=["grey", "colour", "transparent", "16 bits", "palette"],
)
def test_the_samples_are_those_of_libtiff(compression, image):
    if compression == "jpeg" and not (image is RAMP8 or image is COLOUR):
        pytest.skip("no such JPEG")
    content = encoded(image, format="TIFF", compression=compression)
    ours = pixels_of(content)
    with Image.open(BytesIO(content)) as theirs:
        plain = encoded(theirs, format="TIFF", compression=None)
    np.testing.assert_array_equal(ours, pixels_of(plain))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("predictor", [1, 2])
def test_tiles_and_predictors_of_either_byte_order(order, predictor):
    whole = np.zeros((80, 96), np.uint16)
    whole[:ROWS, :COLUMNS] = RAMP16
    corners = [(top, left) for top in range(0, 80, 16) for left in (0, 32, 64)]
    tiles = [whole[top : top + 16, left : left + 32] for top, left in corners]
    stored = [
        np.diff(tile, axis=1, prepend=np.uint16(0)) if predictor == 2 else tile for tile in tiles
    ]
    packed = [zlib.compress(tile.astype(f"{order}u2").tobytes()) for tile in stored]
    offsets = np.cumsum([8, *map(len, packed)]).tolist()[:-1]
    tags = {273: None, 278: None, 279: None, 322: [32], 323: [16], 259: [8], 317: [predictor]}
    with_places = {324: offsets, 325: [len(each) for each in packed]}
    # places are longer than 16 bits where the file is; here they fit
    content = tiff(packed, tags | with_places, order)
    np.testing.assert_array_equal(pixels_of(content), RAMP16 / np.float32(65535))


def test_floats_with_their_own_predictor():
    floats = RAMP8.astype(np.float32) / 255
    stored = imagecodecs.floatpred_encode(floats.reshape(ROWS, COLUMNS, 1), axis=-2)
    content = tiff([zlib.compress(stored.tobytes())], {258: [32], 259: [8], 317: [3], 339: [3]})
    np.testing.assert_array_equal(pixels_of(content), floats)


def test_jpeg_whose_samples_are_red_green_and_blue():
    frame = imagecodecs.jpeg8_encode(COLOUR, 100, colorspace="RGB", outcolorspace="RGB")
    content = tiff([frame], {258: [8, 8, 8], 259: [7], 262: [2], 277: [3]})
    np.testing.assert_allclose(pixels_of(content), luma(COLOUR), atol=0.03)


DAMAGE = {
    "lzw": encoded(NOISE[..., 0], format="TIFF", compression="tiff_lzw"),
    "deflate": encoded(NOISE[..., 0], format="TIFF", compression="tiff_adobe_deflate"),
    "packbits": encoded(NOISE[..., 0], format="TIFF", compression="packbits"),
    "zstd": encoded(NOISE[..., 0], format="TIFF", compression="zstd"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_part_that_is_cut_short_is_refused_in_silence(name, capfd):
    content = bytearray(DAMAGE[name])
    with TiffImagePlugin.TiffImageFile(BytesIO(content)) as image:
        (length,) = image.tag_v2[279]
    entry = content.index(struct.pack("<HHLL", 279, 4, 1, length))
    content[entry + 8 : entry + 12] = struct.pack("<L", length // 2)
    assert "the TIFF data is damaged or cut short" in refusal(bytes(content))
    assert capfd.readouterr() == ("", "")


def test_a_wrong_checksum_is_refused_in_silence(capfd):
    packed = bytearray(zlib.compress(RAMP16.tobytes()))
    packed[-1] ^= 1
    assert "damaged or cut short" in refusal(tiff([bytes(packed)], {259: [8]}))
    assert capfd.readouterr() == ("", "")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_directory_that_is_cut_off_is_refused_in_silence(capfd):
    content = encoded(RAMP8, format="TIFF", compression="tiff_lzw")
    assert "(in its directory)" in refusal(content[:-8])
    assert capfd.readouterr() == ("", "")


def test_parts_that_are_far_larger_than_the_image_are_refused_before_there_is_room_for_them():
    tags = {273: None, 278: None, 279: None, 259: [8], 322: [65520], 323: [65520]}
    tags |= {324: [8], 325: [9]}
    assert "its strips or tiles are too large" in refusal(tiff([bytes(9)], tags))


@pytest.mark.parametrize("compression", ["group3", "group4"])
def test_fax_is_refused_by_its_number(compression):
    content = encoded(Image.fromarray(RAMP8).convert("1"), format="TIFF", compression=compression)
    assert "is not read; save it as PNG" in refusal(content)
