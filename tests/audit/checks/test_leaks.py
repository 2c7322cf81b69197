import hashlib
import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from made_up import leaks, performance
from PIL import Image

from lungscope.audit.checks.leaks import LeakedGroup, LeakedPair, conclude_leaks, find_leaks
from lungscope.data.index import Entry, Index
from lungscope.data.split import Split, SplitEntry
from lungscope.data.survey import Refused, Survey, survey_images

SUBSETS = ("train", "validation", "test")


def film(seed, subset=240):
    """Noise over several scales: two seeds make two images with nothing in common."""
    rng = np.random.default_rng(seed)
    image = np.zeros((subset, subset), dtype=np.float32)
    for cells, weight in ((4, 70), (12, 40), (30, 25)):
        noise = Image.fromarray(rng.uniform(-1, 1, (cells, cells)).astype(np.float32))
        image += weight * np.asarray(noise.resize((subset, subset), Image.Resampling.BICUBIC))
    return Image.fromarray(np.clip(image + 128, 0, 255).astype(np.uint8))


class Data:
    """A folder of two classes with two films of each in every subset, and its split."""

    def __init__(self, root):
        self.root, self.entries, self.subsets, self.groups = root, {}, {}, {}
        for number in range(12):
            subset = SUBSETS[number % 3]
            self.add(f"{'ab'[number // 6]}/{subset}-{number}.png", subset, film(number))

    def add(self, file, subset, image, group=None, **options):
        path = self.root / file
        path.parent.mkdir(exist_ok=True)
        image.save(path, **options)
        self.subsets[file], self.groups[file] = subset, group

    @property
    def index(self):
        return Index(
            self.root,
            ("a", "b"),
            tuple(Entry(f, "ab".index(f[0]), self.groups[f]) for f in sorted(self.subsets)),
        )

    def split(self):
        """Of files whose contents are taken for different ones, as an older table may have them."""
        entries = [
            SplitEntry(
                file=file,
                label="ab".index(file[0]),
                sha256=hashlib.sha256(file.encode()).hexdigest(),
                group=file,
                subset=subset,
            )
            for file, subset in sorted(self.subsets.items())
        ]
        return Split(("a", "b"), tuple(entries), "group-column", 0, "by hand")

    def leaks(self):
        return find_leaks(self.index, survey_images(self.index, workers=1), self.split())


@pytest.fixture
def data(tmp_path):
    return Data(tmp_path)


def pairs(leaks):
    return [(p.first, p.first_subset, p.second, p.second_subset, p.kind) for p in leaks.pairs]


def test_clean_data_has_no_leak(data):
    found = data.leaks()
    assert not found.found
    assert (found.images, found.pairs, found.groups, found.unseen) == (12, (), (), ())


def test_a_copy_on_another_subset_is_found(data):
    data.add("a/copy.png", "test", film(0))
    found = data.leaks()
    assert found.found
    assert pairs(found) == [("a/copy.png", "test", "a/train-0.png", "train", "bytes")]


@pytest.mark.parametrize(
    ("file", "options"),
    [("a/copy.png", {"compress_level": 0}), ("a/copy.jpg", {"quality": 60})],
    ids=["same pixels", "re-encoded"],
)
def test_a_image_that_was_stored_anew_on_another_subset_is_found(data, file, options):
    data.add(file, "validation", film(0), **options)
    found = data.leaks()
    assert pairs(found) == [(file, "validation", "a/train-0.png", "train", "near")]
    assert found.pairs[0].correlation > 0.95


def test_a_mirrored_image_under_another_class_is_found(data):
    mirrored = film(0).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    data.add("b/mirrored.png", "test", mirrored)
    assert pairs(data.leaks()) == [("a/train-0.png", "train", "b/mirrored.png", "test", "near")]


def test_copies_on_one_subset_are_no_leak(data):
    data.add("a/copy.png", "train", film(0))
    data.add("a/copy.jpg", "train", film(0), quality=60)
    assert not data.leaks().found


def test_a_image_with_many_copies_is_found_if_one_is_elsewhere(data):
    for number in range(3):
        data.add(f"a/train-0-{number}.png", "train", film(0))
    data.add("a/zoom.jpg", "test", film(0), quality=60)
    found = data.leaks()
    assert {(p.first_subset, p.second_subset) for p in found.pairs} == {("train", "test")}


def test_a_patient_of_the_table_on_two_subsets_is_found(data):
    data.add("a/visit-1.png", "train", film(50), group="Ada")
    data.add("a/visit-2.png", "test", film(51), group="Ada")
    data.add("b/visit-3.png", "test", film(52), group="Ada")
    data.add("b/visit-1.png", "test", film(53), group="Ben")
    found = data.leaks()
    assert found.grouped == 4
    assert found.groups == (
        LeakedGroup(
            "Ada", {"train": ("a/visit-1.png",), "test": ("a/visit-2.png", "b/visit-3.png")}
        ),
    )
    assert found.found
    assert found.pairs == ()


def test_images_that_the_split_does_not_list_are_passed_over(data):
    split = data.split()
    data.add("a/new.png", "test", film(0), group="Ada")
    found = find_leaks(data.index, survey_images(data.index, workers=1), split)
    assert not found.found
    assert (found.images, found.grouped) == (12, 0)


def test_what_could_not_be_looked_at_is_named(data):
    seen = survey_images(data.index, workers=1)
    without = Survey(seen.readable[1:-1], (Refused(seen.readable[0].file, 0, "cut short"),))
    found = find_leaks(data.index, without, data.split())
    assert found.images == 10
    assert found.unseen == (seen.readable[0].file, seen.readable[-1].file)


def test_all_of_it_is_json(data):
    data.add("a/copy.png", "test", film(0), group="Ada")
    data.add("a/visit-1.png", "train", film(50), group="Ada")
    answer = json.loads(json.dumps(asdict(data.leaks()), allow_nan=False))
    assert answer["groups"][0]["files"] == {"test": ["a/copy.png"], "train": ["a/visit-1.png"]}
    assert answer["pairs"][0]["kind"] == "bytes"


def test_leaks_fail_and_what_could_not_be_seen_warns():
    def finding(**changed):
        (found,) = conclude_leaks(replace(leaks(), **changed), performance())
        return found

    assert finding().verdict == "pass"
    pair = LeakedPair("1.png", "train", "2.png", "test", "near", 0.99)
    assert finding(pairs=(pair,)).verdict == "fail"
    assert "The first pair: 1.png and 2.png." in finding(pairs=(pair,)).statement
    group = LeakedGroup("Ada", {"train": ("1.png",), "test": ("2.png",)})
    assert finding(groups=(group,)).verdict == "fail"
    assert finding(grouped=0).verdict == finding(unseen=("gone.png",)).verdict == "warn"
