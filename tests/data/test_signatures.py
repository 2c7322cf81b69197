import imagehash
import numpy as np
import pytest
from PIL import Image

from lungscope.data.signatures import (
    GRID,
    SKETCH_BYTES,
    Sketcher,
    agreement,
    hash_original,
    hash_views,
    list_views,
    sketch_original,
    turn_thumbnail,
)
from lungscope.data.survey import core
from lungscope.images import read, to_square


@pytest.fixture(scope="module")
def thumbnails(phantoms):
    return [to_square(read(path), 64) for path in sorted(phantoms.rglob("*.png"))[:20]]


def bits(one, other):
    return int(np.bitwise_count(one ^ other))


def test_the_hash_is_that_of_imagehash_but_for_the_way_pixels_are_averaged(thumbnails):
    for thumbnail in thumbnails:
        reference = imagehash.phash(Image.fromarray(np.ascontiguousarray(core(thumbnail)))).hash
        theirs = np.uint64(int.from_bytes(np.packbits(reference).tobytes(), "little"))
        assert bits(hash_original(thumbnail), theirs) <= 4


def test_the_first_view_is_the_picture_as_it_is(thumbnails):
    assert len(hash_views(thumbnails[0])) == len(list_views()) == len(set(list_views())) + 2
    assert hash_views(thumbnails[0])[0] == hash_original(thumbnails[0])


@pytest.mark.parametrize(("over", "mirrored"), [(False, True), (True, False), (True, True)])
def test_some_view_of_a_mirrored_picture_is_the_original(thumbnails, over, mirrored):
    copy = turn_thumbnail(thumbnails[0], 0, over=over, mirrored=mirrored)
    found = hash_views(copy) == hash_original(thumbnails[0])
    view = list_views()[int(found.argmax())]
    assert found.any()
    assert (view.over, view.mirrored) == (over, mirrored)
    sketch = sketch_original(thumbnails[0])
    assert Sketcher(copy).agreements(view, sketch[None])[0] == 1


def test_a_sketch_has_the_signs_of_fine_detail(thumbnails):
    sketch = sketch_original(thumbnails[0])
    assert sketch.shape == (SKETCH_BYTES,)
    brighter = np.minimum(thumbnails[0].astype(int) + 20, 255).astype(np.uint8)
    assert agreement(sketch_original(brighter), sketch) > 0.98
    assert agreement(~sketch, sketch) == 0


def test_fitting_a_window_finds_what_a_crop_between_two_views_shows(thumbnails):
    image = Image.fromarray(thumbnails[0]).resize((640, 640), Image.Resampling.BICUBIC)
    crop = image.crop((11, 29, 611, 609)).resize((64, 64), Image.Resampling.BOX)
    copy, sketch = np.asarray(crop), sketch_original(thumbnails[0])
    hashes = hash_views(copy) ^ hash_original(thumbnails[0])
    view = list_views()[int(np.bitwise_count(hashes).argmin())]
    plain = Sketcher(copy).agreements(view, sketch[None])[0]
    assert Sketcher(copy).fit(view, sketch) > max(plain, 0.85)


def test_sketches_of_different_pictures_agree_no_more_than_by_chance(thumbnails):
    generator = np.random.default_rng(0)
    noise = generator.integers(0, 256, (40, 64, 64), dtype=np.uint8)
    sketches = np.stack([sketch_original(each) for each in noise])
    found = agreement(sketches[:20], sketches[20:])
    assert found.mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(20 * GRID**2))
