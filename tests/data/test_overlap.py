"""What a model has seen is found again; what it has not seen is not."""

import io
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageOps

from lungscope.data.index import Index
from lungscope.data.overlap import (
    KINDS,
    OVERLAP_WORDS,
    OverlappingImage,
    find_overlap,
    hash_training_images,
)
from lungscope.data.split import Split, SplitEntry
from lungscope.data.splitting import make_split
from lungscope.data.survey import survey_images
from lungscope.errors import InvalidData
from lungscope.phantom import write_phantoms

SALT = bytes(range(16))


@pytest.fixture(scope="module")
def xrays(tmp_path_factory):
    return write_phantoms(tmp_path_factory.mktemp("overlap") / "xrays", 24, size=200)


@pytest.fixture(scope="module")
def split(xrays):
    index = Index.open(xrays)
    return make_split(index, survey_images(index), (0.5, 0.25, 0.25))


@pytest.fixture(scope="module")
def seen(xrays, split):
    return hash_training_images([split], xrays, SALT)


def jpeg(image):
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=50)
    return Image.open(stream)


COPIES = {
    "recompressed": jpeg,
    "mirrored": ImageOps.mirror,
    "resized": lambda image: image.resize((130, 110)),
    "cropped at the left and below": lambda image: image.crop((18, 0, 200, 181)),
    "cropped about the middle": lambda image: image.crop((8, 10, 191, 190)),
    "with a border": lambda image: ImageOps.expand(image, 6),
    "mirrored, cropped, resized and recompressed": lambda image: jpeg(
        ImageOps.mirror(image).crop((12, 3, 196, 187)).resize((140, 140))
    ),
}


def overlap_of(folder, files, seen, labels=("a", "b"), groups=None):
    index = Index.from_files(files, [labels[k % 2] for k in range(len(files))], groups)
    return find_overlap(index.root, index.entries, seen)


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES.keys())
def test_a_copy_of_every_image_that_was_seen_is_found(xrays, split, seen, tmp_path, copied):
    files, expected = [], []
    for number, entry in enumerate(split.entries):
        with Image.open(xrays / entry.file) as image:
            files.append(tmp_path / f"{number}.png")
            copied(image.convert("L")).save(files[-1])
        if entry.subset != "test":
            expected.append(OverlappingImage(f"{number}.png", "picture"))
    found = overlap_of(tmp_path, files, seen)
    assert set(found.images) == set(expected)
    assert found.counts == {"bytes": 0, "picture": 18, "group": 0}
    assert found.training_images == 18


def test_validation_images_count_as_seen_and_test_images_do_not(xrays, split, seen):
    index = Index.open(xrays)
    found = find_overlap(xrays, index.entries, seen)
    kept = {entry.file for entry in split.subset("test")}
    assert {each.file for each in found.images} == {e.file for e in index.entries} - kept
    assert found.counts == {"bytes": 18, "picture": 0, "group": 0}


def test_other_images_are_not_taken_for_those_that_were_seen(seen, tmp_path):
    others = Index.open(write_phantoms(tmp_path / "others", 40, size=200, seed=7))
    nameless = [replace(entry, group=None) for entry in others.entries]
    assert find_overlap(others.root, nameless, seen).images == ()


@pytest.fixture
def grouped(xrays):
    """A split of two patients a class and subset."""
    index = Index.open(xrays)
    survey = {image.file: image.sha256 for image in survey_images(index).readable}
    entries = []
    for label in range(len(index.classes)):
        own = [entry for entry in index.entries if entry.label == label]
        for number, entry in enumerate(own[:6]):
            subset = ("train", "validation", "test")[number // 2]
            group = f"patient-{label}-{number}"
            entries.append(SplitEntry(entry.file, label, survey[entry.file], group, subset))
    return Split(index.classes, tuple(entries), "group-column", 0, "by hand")


def test_another_image_of_a_patient_that_was_seen_is_found_by_the_name(grouped, xrays, tmp_path):
    seen = hash_training_images([grouped], xrays, SALT)
    others = sorted(write_phantoms(tmp_path / "o", 12, size=200, seed=9).rglob("*.png"))[:4]
    groups = ["patient-0-1", "patient-0-4", "patient-9-1", "Patient-0-1"]
    index = Index.from_files(others, ["a", "b", "a", "b"], groups)
    found = find_overlap(index.root, index.entries, seen)
    assert [each.kind for each in found.images] == ["group"]
    assert found.images[0].file == index.entries[0].file
    assert found.searched == KINDS


def test_groups_of_near_duplicates_are_no_patients(split, xrays):
    assert len(hash_training_images([split], xrays, SALT).groups) > 0
    alike = replace(split, grouped_by="near-duplicates")
    assert len(hash_training_images([alike], xrays, SALT).groups) == 0


def test_without_the_images_only_bytes_and_patients_are_searched(grouped, xrays, tmp_path):
    seen = hash_training_images([grouped], tmp_path / "gone", SALT)
    index = Index.open(xrays)
    found = find_overlap(xrays, index.entries, seen)
    assert found.searched == ("bytes", "group")
    assert found.counts == {"bytes": 12, "group": 0}


def test_images_that_changed_since_the_training_are_refused(split, xrays, tmp_path):
    copy = shutil.copytree(xrays, tmp_path / "copy")
    changed = split.subset("train")[0].file
    Image.new("L", (99, 99), 40).save(copy / changed)
    with pytest.raises(InvalidData, match=rf"{changed} changed since the split was made"):
        hash_training_images([split], copy, SALT)


def test_a_file_that_cannot_be_read_is_passed_over(seen, tmp_path):
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    for file in files:
        file.write_bytes(b"no image")
    assert overlap_of(tmp_path, files, seen).images == ()


def test_nothing_of_a_picture_or_a_name_is_kept(grouped, xrays, tmp_path):
    seen = hash_training_images([grouped], xrays, SALT)
    seen.save(tmp_path / "training.npz")
    content = (tmp_path / "training.npz").read_bytes()
    assert b"patient" not in content
    assert len(content) / seen.images < 600  # the headers of six arrays, and 112 bytes an image
    assert np.array_equal(seen.salt, list(SALT))


def test_every_kind_has_words():
    assert set(OVERLAP_WORDS) == set(KINDS)
