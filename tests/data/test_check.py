import dataclasses
import json
from functools import cache
from zlib import crc32

import numpy as np
import pytest
from PIL import Image

from lungscope.data.check import check_data
from lungscope.data.checks.columns import TELLING_V
from lungscope.data.index import Entry, Index
from lungscope.data.survey import ImageRecord, Refused, Survey, perceptual_hashes, survey_images

CLASSES = ("Normal", "Opacity", "Viral")


@cache
def picture_of(seed):
    """A thumbnail of noise, and its hashes."""
    thumbnail = np.random.default_rng(seed).integers(0, 256, (64, 64), dtype=np.uint8)
    return thumbnail, perceptual_hashes(thumbnail)


def image(file, label, **changes):
    seed = changes.pop("seed", crc32(file.encode()))
    thumbnail, hashed = picture_of(seed)
    usual = ImageRecord(
        file=file,
        label=label,
        sha256=file,
        bytes=1000 + seed % 500,
        width=200,
        height=200,
        format="PNG",
        mode="L",
        bits=8,
        mean=0.5,
        peak=1.0,
        sharpness=0.2,
        gaps=0.0,
        quality=None,
        hashes=hashed,
        thumbnail=thumbnail,
    )
    return dataclasses.replace(usual, **changes)


def images(per_class=12, change=lambda *_: {}):
    return [
        image(f"{CLASSES[label]}/{number}", label, **change(label, number))
        for label in range(3)
        for number in range(per_class)
    ]


def checked(readable, refused=(), group=lambda _, n: f"patient {n}", source=None):
    entries = tuple(
        Entry(
            found.file,
            found.label,
            group and group(found.label, number),
            source and source(found.label, number),
        )
        for number, found in enumerate([*readable, *refused])
    )
    return check_data(Index(None, CLASSES, entries), Survey(tuple(readable), tuple(refused)))


def texts(result, *codes):
    return [issue.text for issue in result.issues if issue.code in codes]


def test_a_data_set_without_faults_has_no_issues():
    result = checked(images())
    assert result.issues == ()
    assert result.passed
    assert result.images == {"Normal": 12, "Opacity": 12, "Viral": 12}
    assert result.groups == 36
    assert result.sources == {}


def test_an_unreadable_file_is_an_error_with_its_name_and_reason():
    result = checked(images(), [Refused("Viral/x.png", 2, "the file is empty")])
    assert not result.passed
    assert texts(result, "unreadable") == [
        "1 file cannot be read, first Viral/x.png: the file is empty"
    ]


def test_nothing_but_unreadable_files_is_an_error_too():
    assert not checked([], [Refused(f"{n}", n, "cut short") for n in range(3)]).passed


def test_one_picture_twice_in_a_class_is_a_warning():
    twin = image("Viral/twin", 2, sha256="Viral/3", seed=crc32(b"Viral/3"))
    result = checked([*images(), twin])
    assert result.passed
    assert texts(result, "byte-duplicates") == [
        "1 pair of files with equal bytes, first Viral/3 and Viral/twin"
    ]


@pytest.mark.parametrize("sha256", ["Normal/3", "other bytes"], ids=["bytes", "near"])
def test_one_picture_under_two_classes_is_an_error(sha256):
    twin = image("Viral/twin", 2, sha256=sha256, seed=crc32(b"Normal/3"))
    result = checked([*images(), twin])
    assert not result.passed
    assert texts(result, "label-conflict") == [
        "1 pair of files with one image in two classes, first Normal/3 and Viral/twin"
    ]


def test_errors_come_before_warnings():
    twin = image("Viral/twin", 2, sha256="Normal/3", seed=crc32(b"Normal/3"))
    levels = [issue.level for issue in checked([*images(), twin]).issues]
    assert levels == ["error", "warning"]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("file size", lambda label, n: {"bytes": 9000 + n} if label == 1 else {}),
        ("number of pixels", lambda label, _: {"width": 300, "height": 300} if label == 1 else {}),
        ("aspect ratio", lambda label, _: {"width": 400, "height": 100} if label == 1 else {}),
    ],
)
def test_a_number_that_tells_a_class_by_itself_is_named(name, change):
    result = checked(images(change=change))
    (text,) = texts(result, "class-by-property", "class-by-format")
    assert text.startswith(f"{name} alone tells the classes apart: ")
    assert "Opacity has the larger values (area under the ROC curve 1.00)" in text
    assert result.properties[0].name == name


def test_smaller_values_tell_a_class_as_well():
    result = checked(images(change=lambda label, n: {"bytes": 10 + n} if label == 0 else {}))
    (text,) = texts(result, "class-by-property")
    assert "Normal has the smaller values" in text


def test_the_area_under_the_curve_is_that_of_counted_pairs():
    sizes = {0: range(0, 60, 2), 1: range(25, 85, 2), 2: range(0, 60, 2)}
    result = checked(images(30, lambda label, n: {"bytes": sizes[label][n]}))
    rest = [*sizes[0], *sizes[2]]
    auc = np.mean([(one > other) + 0.5 * (one == other) for one in sizes[1] for other in rest])
    (text,) = texts(result, "class-by-property", "class-by-format")
    assert f"{auc:.2f}" in text


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("file format", {"format": "JPEG"}),
        ("pixel mode", {"mode": "RGB"}),
        ("pixel mode", {"bits": 16}),
    ],
)
def test_a_format_or_mode_of_one_class_alone_is_named(name, change):
    result = checked(images(change=lambda label, _: change if label == 2 else {}))
    assert [
        text.split(" is associated")[0]
        for text in texts(result, "class-by-property", "class-by-format")
    ] == [name]


def test_a_few_values_that_differ_by_chance_are_not_named():
    sizes = [[1, 2], [3, 4], [2, 3]]
    assert checked(images(2, lambda label, n: {"bytes": sizes[label][n]})).issues == ()


def test_a_source_that_goes_with_the_class_is_named():
    result = checked(images(), source=lambda label, _: "adults" if label == 1 else "children")
    (text,) = texts(result, "class-by-source")
    assert "Cramér's V 0.99" in text
    assert result.sources["Opacity"] == {"adults": 12}


def test_a_source_that_every_class_shares_is_not_named():
    assert checked(images(), source=lambda _, n: f"site {n % 2}").issues == ()


def test_many_sources_spread_by_chance_are_not_named():
    sites = np.random.default_rng(0).integers(0, 25, 60)
    result = checked(images(20), source=lambda _, n: f"site {sites[n]}")
    assert texts(result, "class-by-source") == []


def test_a_weak_association_is_measured_as_what_it_is():
    shares = {0: 24, 1: 16, 2: 20}  # of 40: V is 0.163 by hand
    result = checked(images(40), source=lambda label, n: "ab"[n % 40 < shares[label]])
    assert TELLING_V > 0.2
    assert texts(result, "class-by-source") == []


def test_an_image_without_a_source_counts_as_unknown():
    result = checked(images(), source=lambda _, n: "adults" if n % 2 else None)
    assert result.sources["Normal"] == {"adults": 6, "unknown": 6}


def test_groups_and_sizes_are_counted():
    readable = images(change=lambda _, n: {"width": 100 + 50 * (n % 2)})
    result = checked(readable, group=lambda _, n: f"patient {n // 4}")
    assert result.groups == 9
    assert result.sizes["Normal"] == {"100 x 200": 6, "150 x 200": 6}


def test_the_whole_check_can_be_written_as_json():
    twin = image("Viral/twin", 2, seed=crc32(b"Normal/3"))
    result = checked([*images(), twin], [Refused("Viral/x.png", 2, "cut short")])
    answer = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert answer["passed"] is False
    assert [issue["level"] for issue in answer["issues"]] == ["error", "error", "warning"]
    assert answer["pairs"][0]["kind"] == "near"
    assert answer["refused"] == [{"file": "Viral/x.png", "label": "Viral", "reason": "cut short"}]


def test_data_without_groups_is_a_warning():
    result = checked(images(), group=None)
    assert result.passed
    assert result.groups is None
    (text,) = texts(result, "no-groups")
    assert text.startswith("no groups are known, so a split keeps near-duplicates alone together")


def test_images_without_a_group_among_others_are_counted_in_a_warning():
    result = checked(images(), group=lambda label, n: f"patient {n}" if label else None)
    assert result.passed
    assert result.groups == 24
    (text,) = texts(result, "incomplete-groups")
    assert text.startswith("12 images of 36 have no group")


@pytest.mark.real_data
def test_the_confounded_source_of_the_real_x_rays_is_found(real_xrays):
    whole = Index.open(real_xrays)
    index = Index(whole.root, whole.classes, whole.entries[::25])
    result = check_data(index, survey_images(index))
    assert result.passed
    assert any(
        "source and age are associated with the class" in text
        for text in texts(result, "class-by-source")
    )
    assert result.pairs == ()


def test_twelve_bits_in_sixteen_are_a_warning(tmp_path):
    rng = np.random.default_rng(0)
    for label in ("A", "B"):
        (tmp_path / label).mkdir()
        for k in range(3):
            pixels = rng.integers(0, 4096, (64, 64), dtype=np.uint16)
            Image.fromarray(pixels).save(tmp_path / label / f"{k}.png")
    index = Index.open(tmp_path)
    found = check_data(index, survey_images(index))
    (issue,) = [each for each in found.issues if each.code == "unscaled-range"]
    assert issue.level == "warning"
    assert "are read as of 12 bits" in issue.text


def test_files_that_are_not_read_are_counted_by_kind(tmp_path):
    for label in ("A", "B"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "film.nii").touch()
        pixels = np.random.default_rng(ord(label)).integers(0, 256, (64, 64), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / label / "1.png")
    index = Index.open(tmp_path)
    (warning,) = [
        f for f in check_data(index, survey_images(index)).issues if f.code == "ignored-files"
    ]
    assert "2 files in class folders have a format that is not read (.nii 2)" in warning.text
