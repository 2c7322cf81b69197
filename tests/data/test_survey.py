import hashlib
import io

import imagehash
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lungscope.data.index import Entry, Index
from lungscope.data.survey import (
    ANGLES,
    CORE,
    MIRRORINGS,
    ImageRecord,
    Refused,
    core,
    perceptual_hashes,
    rotate_thumbnail,
    survey_images,
)
from lungscope.images import read, to_square


def picture(seed, width=90, height=70):
    """Smooth noise: nothing but its seed decides what it shows."""
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 9), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def index(tmp_path):
    contents = {
        "a/1.png": encoded(picture(1)),
        "a/2.jpg": encoded(picture(2, 100, 64), "JPEG", quality=95),
        "a/broken.png": encoded(picture(3))[:300],
        "b/3.png": encoded(picture(4).convert("RGB")),
        "b/empty.jpg": b"",
    }
    for file, content in contents.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(content)
    return Index.open(tmp_path)


def test_every_file_is_readable_or_refused_in_the_order_of_the_index(index):
    found = survey_images(index)
    assert [image.file for image in found.readable] == ["a/1.png", "a/2.jpg", "b/3.png"]
    assert [image.file for image in found.refused] == ["a/broken.png", "b/empty.jpg"]
    assert [image.label for image in found.readable] == [0, 0, 1]


def test_a_refusal_says_why_in_one_line_without_the_path(index):
    for refused in survey_images(index).refused:
        assert isinstance(refused, Refused)
        assert refused.reason
        assert "\n" not in refused.reason
        assert str(index.root) not in refused.reason


def test_a_missing_file_is_refused_too(tmp_path):
    absent = Index(tmp_path, ("A", "B"), (Entry("a.png", 0), Entry("b.png", 1)))
    assert [refused.label for refused in survey_images(absent).refused] == [0, 1]


def test_what_is_said_of_an_image_is_what_it_is(index):
    png, jpeg, rgb = survey_images(index).readable
    content = (index.root / png.file).read_bytes()
    assert png.sha256 == hashlib.sha256(content).hexdigest()
    assert png.bytes == len(content)
    assert (png.width, png.height, png.format, png.mode, png.bits) == (90, 70, "PNG", "L", 8)
    assert (jpeg.width, jpeg.height, jpeg.format) == (100, 64, "JPEG")
    assert (rgb.format, rgb.mode) == ("PNG", "RGB")
    assert png.mean == pytest.approx(np.asarray(picture(1)).mean() / 255, abs=1e-5)


def test_the_thumbnail_is_the_radiograph_as_a_square_of_64(index):
    image = survey_images(index).readable[1]
    np.testing.assert_array_equal(image.thumbnail, to_square(read(index.root / image.file), 64))
    assert image.thumbnail.shape == (64, 64)
    assert image.thumbnail.dtype == np.uint8


def test_the_first_hash_is_the_perceptual_hash_of_the_middle():
    thumbnail = np.asarray(picture(6, 64, 64))
    reference = int(str(imagehash.phash(Image.fromarray(thumbnail[5:59, 5:59]))), 16)
    assert perceptual_hashes(thumbnail)[0] == reference


def test_there_is_a_hash_for_every_view():
    found = perceptual_hashes(np.asarray(picture(7, 64, 64)))
    assert found.shape == (len(ANGLES) * len(MIRRORINGS),)
    assert found.dtype == np.uint64
    assert len(set(found.tolist())) > 10


def test_a_mirrored_thumbnail_has_the_same_hashes_in_another_order():
    thumbnail = np.asarray(picture(8, 64, 64))
    plain = perceptual_hashes(thumbnail)
    for number, mirroring in enumerate(MIRRORINGS):
        mirrored = perceptual_hashes(np.ascontiguousarray(thumbnail[mirroring]))
        assert np.bitwise_count(plain[number] ^ mirrored[0]) <= 1


def test_processes_find_what_one_process_finds(tmp_path):
    for number in range(66):
        path = tmp_path / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        picture(number, 64, 64).save(path)
    index, calls = Index.open(tmp_path), []
    alone = survey_images(index, workers=1)
    together = survey_images(index, 2, lambda done, total: calls.append((done, total)))
    assert [plain(image) for image in together.readable] == [
        plain(image) for image in alone.readable
    ]
    assert calls[-1] == (66, 66)


def plain(image: ImageRecord):
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in vars(image).items()
    }


# The views of a thumbnail


IMAGE = np.arange(12, dtype=np.uint8).reshape(3, 4)


def test_the_mirrorings_are_as_it_is_left_right_upside_down_and_both():
    views = [IMAGE[mirroring] for mirroring in MIRRORINGS]
    for view, reference in zip(
        views, [IMAGE, np.fliplr(IMAGE), np.flipud(IMAGE), np.rot90(IMAGE, 2)], strict=True
    ):
        np.testing.assert_array_equal(view, reference)


def test_the_mirrorings_of_a_stack_are_those_of_each_image():
    stack = np.stack([IMAGE, IMAGE + 50])
    for mirroring in MIRRORINGS:
        np.testing.assert_array_equal(stack[mirroring][1], (IMAGE + 50)[mirroring])


def test_the_first_view_is_the_image_itself():
    assert ANGLES[0] == 0
    assert rotate_thumbnail(IMAGE, 0) is IMAGE
    np.testing.assert_array_equal(IMAGE[MIRRORINGS[0]], IMAGE)


def test_a_positive_angle_turns_counter_clockwise():
    image = np.zeros((64, 64), dtype=np.uint8)
    image[30:34, 56] = 255  # to the right of the middle
    rows, _ = np.nonzero(rotate_thumbnail(image, 10) > 100)
    assert rows.max() < 30  # higher on the page


@given(st.integers(2, 300))
def test_the_core_lies_in_the_middle(subset):
    rows, columns = np.indices((subset, subset))
    cut = core(np.stack([rows, columns]))
    assert cut[0].min() + cut[0].max() == subset - 1
    assert cut.shape[1] == pytest.approx(CORE * subset, abs=1)


def test_no_rotation_brings_anything_from_outside_into_the_core():
    white = np.full((64, 64), 255, dtype=np.uint8)
    for angle in ANGLES:
        assert core(rotate_thumbnail(white, angle)).min() == 255
