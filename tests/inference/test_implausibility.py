"""What can be told without a model: colour and shape."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lungscope.images import Radiograph, read, read_content
from lungscope.inference.abstention import (
    LARGEST_ASPECT,
    MOST_CHROMA,
    describe_cause,
    find_implausibility,
)

DATA = Path(__file__).parents[2] / ".." / "shared" / "data"
GREY = np.add.outer(np.arange(240), np.arange(240)) % 256
TINTS = {"blue film": (0.6, 0.8, 1), "sepia": (1, 0.75, 0.5), "none": (1, 1, 1)}


def radiograph(width=240, height=240, chroma=0.0):
    pixels = np.zeros((height, width), np.float32)
    return Radiograph(pixels, Path("made.png"), "PNG", "RGB", 8, chroma=chroma)


def reason_of(image):
    cause = find_implausibility(image)
    if cause is None:
        return None
    assert cause.code == "not-a-frontal-chest-radiograph"
    return describe_cause(cause)


def objection_to(colours, quality):
    buffer = BytesIO()
    Image.fromarray(np.rint(colours).astype(np.uint8)).save(buffer, "JPEG", quality=quality)
    return reason_of(read_content(buffer.getvalue(), "a.jpg"))


def test_a_grey_square_may_be_one():
    assert find_implausibility(radiograph()) is None


def test_colour_is_refused_from_the_limit_on():
    assert find_implausibility(radiograph(chroma=MOST_CHROMA)) is None
    assert "it is in colour: a photograph or a screenshot?" in reason_of(radiograph(chroma=0.031))


@pytest.mark.parametrize("tint", TINTS.values(), ids=TINTS)
@pytest.mark.parametrize("quality", [95, 75, 50])
def test_a_grey_picture_in_one_tint_may_be_one_however_compressed(tint, quality):
    noisy = (GREY + np.random.default_rng(0).normal(0, 8, GREY.shape)).clip(0, 255)
    assert objection_to(noisy[..., None] * np.array(tint), quality) is None


def test_a_grey_picture_with_a_small_coloured_mark_may_be_one():
    marked = np.dstack([GREY] * 3)
    marked[10:18, 10:18] = (255, 255, 0)
    assert objection_to(marked, 90) is None


def test_a_picture_with_a_coloured_panel_is_none():
    marked = np.dstack([GREY] * 3)
    marked[:60, :60] = (255, 255, 0)
    assert "screenshot" in objection_to(marked, 90)


@pytest.mark.parametrize(("width", "height"), [(430, 430), (350, 430), (430, 350), (200, 500)])
def test_the_shapes_of_detectors_and_half_of_them(width, height):
    assert find_implausibility(radiograph(width, height)) is None


@pytest.mark.parametrize(
    ("width", "height", "words"),
    [(430, 1250, "2.9 times as tall as wide"), (1000, 390, "2.6 times as wide as tall")],
)
def test_a_strip_is_none(width, height, words):
    assert max(width, height) / min(width, height) > LARGEST_ASPECT
    assert words in reason_of(radiograph(width, height))


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is absent")
class TestRealImages:
    def test_every_colour_photograph_is_refused(self):
        paths = sorted((DATA / "not-xrays").glob("*.jpg"))
        assert len(paths) == 20
        assert [path.name for path in paths if find_implausibility(read(path)) is None] == []

    def test_no_radiograph_is(self):
        paths = sorted((DATA / "lung-xray").rglob("*.jpg"))[::10]
        paths += sorted((DATA / "dicom").glob("*.dcm"))
        assert len(paths) > 290
        assert [path.name for path in paths if find_implausibility(read(path)) is not None] == []

    @pytest.mark.parametrize("tint", TINTS.values(), ids=TINTS)
    def test_nor_one_in_a_single_tint(self, tint):
        for path in sorted((DATA / "lung-xray").rglob("*.jpg"))[::200]:
            with Image.open(path) as image:
                grey = np.asarray(image.convert("L"), np.float64)
            assert objection_to(grey[..., None] * np.array(tint), 50) is None
