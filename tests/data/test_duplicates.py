import dataclasses
import io
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lungscope.data import duplicates as module
from lungscope.data.duplicates import (
    BLOCK,
    CORRELATION,
    DuplicatePair,
    cluster_duplicates,
    find_candidates,
    find_duplicates,
)
from lungscope.data.index import Index
from lungscope.data.survey import ImageRecord, Survey, perceptual_hashes, survey_images

FLIP_LEFT_RIGHT = Image.Transpose.FLIP_LEFT_RIGHT
FLIP_TOP_BOTTOM = Image.Transpose.FLIP_TOP_BOTTOM


def film(seed, subset=240):
    """Noise over several scales: two seeds make two pictures with nothing in common."""
    rng = np.random.default_rng(seed)
    image = np.zeros((subset, subset), dtype=np.float32)
    for cells, weight in ((4, 70), (12, 40), (30, 25)):
        noise = Image.fromarray(rng.uniform(-1, 1, (cells, cells)).astype(np.float32))
        image += weight * np.asarray(noise.resize((subset, subset), Image.Resampling.BICUBIC))
    return Image.fromarray(np.clip(image + 128, 0, 255).astype(np.uint8))


def jpeg(image, quality):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue()))


def surveyed(file, image, sha256=None):
    thumbnail = np.asarray(image.resize((64, 64), Image.Resampling.BILINEAR))
    return ImageRecord(
        file=file,
        label=0,
        sha256=sha256 or f"content of {file}",
        bytes=1,
        width=image.width,
        height=image.height,
        format="PNG",
        mode="L",
        bits=8,
        mean=float(np.asarray(image).mean()),
        peak=1.0,
        sharpness=0.2,
        gaps=0.0,
        quality=None,
        hashes=perceptual_hashes(thumbnail),
        thumbnail=thumbnail,
    )


def said(**images):
    return Survey(tuple(surveyed(file, image) for file, image in images.items()), ())


COPIES = {
    "re-encoded": lambda image: jpeg(image, 50),
    "enlarged": lambda image: image.resize((600, 600), Image.Resampling.BICUBIC),
    "of another aspect": lambda image: image.resize((300, 240)),
    "brighter": lambda image: image.point(lambda level: min(level + 25, 255)),
    "of less contrast": lambda image: image.point(lambda level: 0.7 * level + 20),
    "cropped": lambda image: image.crop((4, 2, 235, 237)),
    "mirrored": lambda image: image.transpose(FLIP_LEFT_RIGHT),
    "upside down": lambda image: image.transpose(FLIP_TOP_BOTTOM),
    "turned by 10 degrees": lambda image: image.rotate(10, Image.Resampling.BILINEAR),
    "turned by -7.4 degrees": lambda image: image.rotate(-7.4, Image.Resampling.BILINEAR),
    "augmented as in the paper": lambda image: jpeg(
        image.transpose(FLIP_LEFT_RIGHT)
        .transpose(FLIP_TOP_BOTTOM)
        .rotate(6.3, Image.Resampling.BILINEAR)
        .resize((224, 224)),
        90,
    ),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("change", COPIES.values(), ids=COPIES)
def test_a_copy_is_found_though_it_is(change, seed):
    (pair,) = find_duplicates(
        said(copy=change(film(seed)), film=film(seed), other=film(seed + 100))
    )
    assert (pair.first, pair.second, pair.kind) == ("copy", "film", "near")
    assert pair.correlation >= CORRELATION


def test_different_films_are_not_taken_for_one():
    films = {f"{seed:02}": film(seed) for seed in range(40)}
    assert find_duplicates(said(**films)) == ()


def test_films_alike_in_the_coarse_only_are_not_taken_for_one():
    coarse = film(1).resize((12, 12)).resize((240, 240), Image.Resampling.BICUBIC)
    one, other = Image.blend(coarse, film(2), 0.3), Image.blend(coarse, film(3), 0.3)
    raw = np.corrcoef(np.asarray(one).ravel(), np.asarray(other).ravel())[0, 1]
    assert raw > 0.75
    assert find_duplicates(said(one=one, other=other)) == ()


def test_files_equal_to_the_byte_are_each_paired_with_the_first():
    image = film(1)
    files = [surveyed(file, image, sha256="same") for file in ("c", "a", "b")]
    assert find_duplicates(Survey(tuple(files), ())) == (
        DuplicatePair("a", "b", "bytes", 0, 1.0),
        DuplicatePair("a", "c", "bytes", 0, 1.0),
    )


def test_a_copy_of_two_equal_files_is_paired_with_the_first_and_clustered_with_both():
    same = [surveyed(file, film(1), sha256="same") for file in ("a", "b")]
    found = Survey((*same, surveyed("c", jpeg(film(1), 60))), ())
    assert [(p.first, p.second, p.kind) for p in find_duplicates(found)] == [
        ("a", "b", "bytes"),
        ("a", "c", "near"),
    ]
    assert cluster_duplicates(found) == {"a": "a", "b": "a", "c": "a"}


def test_blank_thumbnails_are_not_near_duplicates():
    blank, white = Image.new("L", (64, 64), 7), Image.new("L", (64, 64), 255)
    assert find_duplicates(said(blank=blank, white=white)) == ()


def test_stripes_whose_gradient_vanishes_one_way_can_be_compared():
    stripes = Image.fromarray(np.tile(np.arange(240) % 40 * 6, (240, 1)).astype(np.uint8))
    (pair,) = find_duplicates(said(a=stripes, b=jpeg(stripes, 80)))
    assert pair.correlation == pytest.approx(1, abs=0.1)


def test_nothing_has_no_duplicates():
    assert find_duplicates(Survey((), ())) == ()
    assert cluster_duplicates(Survey((), ())) == {}


def test_the_order_of_the_files_does_not_matter():
    images = [surveyed(str(seed), film(seed)) for seed in range(4)]
    images += [surveyed(f"copy of {seed}", jpeg(film(seed), 70)) for seed in (1, 3)]
    images += [surveyed("mirrored 1", film(1).transpose(FLIP_LEFT_RIGHT))]
    reference = Survey(tuple(images), ())
    for seed in range(3):
        random.Random(seed).shuffle(images)  # noqa: S311
        shuffled = Survey(tuple(images), ())
        assert find_duplicates(shuffled) == find_duplicates(reference)
        assert cluster_duplicates(shuffled) == cluster_duplicates(reference)
    assert {tuple(pair) for pair in map(names, find_duplicates(reference))} == {
        ("1", "copy of 1"),
        ("1", "mirrored 1"),
        ("copy of 1", "mirrored 1"),
        ("3", "copy of 3"),
    }


def names(pair):
    return pair.first, pair.second


def brute_force(plain, turned, distance):
    return {
        (i, j, (plain[i] ^ turned[j]).bit_count())
        for i in range(len(plain))
        for j in range(i + 1, len(plain))
        if (plain[i] ^ turned[j]).bit_count() <= distance
    }


HASH = st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 3, 2**63, 2**64 - 1])


@settings(deadline=None)
@given(st.lists(st.tuples(HASH, HASH), max_size=20), st.integers(0, 64), st.integers(1, 7))
def test_candidates_are_those_of_the_brute_force(pairs, distance, block):
    plain, turned = [a for a, _ in pairs], [b for _, b in pairs]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", block)
        arrays = (np.array(plain, np.uint64), np.array(turned, np.uint64))
        found = [
            tuple(map(int, row))
            for part in find_candidates(*arrays, distance)
            for row in np.stack(part, 1)
        ]
    assert len(found) == len(set(found))
    assert set(found) == brute_force(plain, turned, distance)


def test_candidates_come_in_small_parts_though_all_are_alike():
    same = np.zeros(BLOCK + 300, np.uint64)
    parts = [len(first) for first, _, _ in find_candidates(same, same, 0)]
    assert sum(parts) == len(same) * (len(same) - 1) // 2
    assert max(parts) <= BLOCK


def naive_clusters(count, pairs):
    parent = list(range(count))

    def root(node):
        while parent[node] != node:
            node = parent[node]
        return node

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    return [root(node) for node in range(count)]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=15))
def test_clusters_are_those_of_a_union_find(links):
    linked = [(min(link), max(link)) for link in links if link[0] != link[1]]
    pairs = tuple(DuplicatePair(f"{a:02}", f"{b:02}", "near", 0, 1.0) for a, b in linked)
    image = surveyed("", Image.new("L", (64, 64)))
    found = Survey(tuple(dataclasses.replace(image, file=f"{n:02}") for n in range(12)), ())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "find_duplicates", lambda _: pairs)
        assert cluster_duplicates(found) == {
            f"{n:02}": f"{first:02}" for n, first in enumerate(naive_clusters(12, linked))
        }


@pytest.mark.real_data
def test_copies_of_real_x_rays_are_found_among_them_and_no_others(real_xrays):
    whole = Index.open(real_xrays)
    index = Index(whole.root, whole.classes, whole.entries[::15])
    real = survey_images(index).readable
    rng = np.random.default_rng(0)
    copied = [real[n] for n in rng.choice(len(real), 25, replace=False)]
    copies = []
    for image in copied:
        turned = Image.open(index.root / image.file).convert("L").resize((224, 224))
        if rng.random() < 0.5:
            turned = turned.transpose(FLIP_LEFT_RIGHT)
        turned = jpeg(turned.rotate(rng.uniform(-10, 10), Image.Resampling.BILINEAR), 85)
        copies.append(surveyed(f"z/{image.file}", turned))
    found = {names(pair) for pair in find_duplicates(Survey((*real, *copies), ()))}
    assert found == {(image.file, f"z/{image.file}") for image in copied}
