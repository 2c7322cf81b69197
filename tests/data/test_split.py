import hashlib
import json
import os
import sys
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lungscope.data import split as module
from lungscope.data.index import Index
from lungscope.data.split import SUBSETS, Split, SplitEntry, sha256_of
from lungscope.errors import AlreadyExists, DataLeak, InvalidData, LungscopeError, NotFound

CLASSES = ("Lung Opacity", "Normal")


def content(file):
    return f"pixels of {file}".encode()


def entry(number, label, subset):
    file = f"{CLASSES[label]}/ä {number}.png"
    digest = hashlib.sha256(content(file)).hexdigest()
    return SplitEntry(file, label, digest, f"p{number}", subset, "Kyiv" if number % 2 else None)


ENTRIES = tuple(
    entry(6 * label + 2 * part + copy, label, subset)
    for label in range(2)
    for part, subset in enumerate(SUBSETS)
    for copy in range(2)
)
SPLIT = Split(CLASSES, ENTRIES, "group-column", 7, "34/33/33")


def changed(place, **fields):
    entries = list(ENTRIES)
    entries[place] = replace(entries[place], **fields)
    return replace(SPLIT, entries=tuple(entries))


@pytest.fixture
def root(tmp_path):
    for each in ENTRIES:
        path = tmp_path / "data" / each.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(each.file))
    return tmp_path / "data"


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "split.json"
    SPLIT.save(path)
    return path.read_bytes()


@pytest.fixture
def manifest(tmp_path, saved):
    (tmp_path / "split.json").write_bytes(saved)
    return tmp_path / "split.json"


def edit(manifest, change):
    value = json.loads(manifest.read_text(encoding="utf-8"))
    change(value)
    manifest.write_text(json.dumps(value), encoding="utf-8")


# What a split is


def test_the_subsets_share_out_the_images():
    assert [len(SPLIT.subset(subset)) for subset in SUBSETS] == [4, 4, 4]
    assert {e for subset in SUBSETS for e in SPLIT.subset(subset)} == set(ENTRIES)


def test_a_group_in_two_subsets_is_a_leak():
    with pytest.raises(DataLeak, match="leak: group 'p0' is in two subsets: test and train"):
        changed(5, group="p0")


def test_one_picture_in_two_subsets_is_a_leak_even_under_two_names_and_groups():
    with pytest.raises(
        LungscopeError, match=r"leak: .*0\.png.* is in two subsets: train and validation"
    ):
        changed(2, sha256=ENTRIES[0].sha256)


def test_an_image_twice_in_one_subset_is_no_leak():
    assert len(changed(1, sha256=ENTRIES[0].sha256).entries) == len(ENTRIES)


def test_a_file_that_is_listed_twice_is_refused():
    with pytest.raises(InvalidData, match="is listed more than once"):
        replace(SPLIT, entries=(*ENTRIES, replace(ENTRIES[0], sha256="other")))


@pytest.mark.parametrize("subset", SUBSETS)
def test_a_class_that_is_missing_in_a_subset_is_refused(subset):
    left = tuple(e for e in ENTRIES if e.subset != subset or e.label != 1)
    with pytest.raises(InvalidData, match=f"no image of class 'Normal' in the {subset} subset"):
        replace(SPLIT, entries=left)


@pytest.mark.parametrize("classes", [(), ("Normal",), ("Normal", "Normal")])
def test_fewer_than_two_different_classes_are_refused(classes):
    with pytest.raises(InvalidData, match="must be two or more different ones"):
        replace(SPLIT, classes=classes)


# Its fingerprint


def test_the_fingerprint_is_stable():
    # As on the day that it was written: runs and checkpoints name it.
    lines = sorted(f"{e.sha256} {CLASSES[e.label]} {e.subset}" for e in ENTRIES)
    assert SPLIT.fingerprint == hashlib.sha256("\n".join(lines).encode()).hexdigest()


@given(st.permutations(ENTRIES))
@settings(deadline=None, max_examples=20)
def test_the_fingerprint_does_not_depend_on_the_order(entries):
    assert replace(SPLIT, entries=tuple(entries)).fingerprint == SPLIT.fingerprint


def test_the_fingerprint_does_not_depend_on_names_and_the_order_of_classes():
    assert changed(0, file="renamed.png").fingerprint == SPLIT.fingerprint
    swapped = tuple(replace(e, label=1 - e.label) for e in ENTRIES)
    assert Split(CLASSES[::-1], swapped, "near-duplicates", 0, "").fingerprint == SPLIT.fingerprint


@pytest.mark.parametrize("fields", [{"label": 1}, {"subset": "test"}, {"sha256": "0" * 64}])
def test_the_fingerprint_depends_on_content_class_and_subset(fields):
    assert changed(0, **fields).fingerprint != SPLIT.fingerprint


# Its file


def test_what_is_saved_is_what_is_loaded(manifest):
    loaded = Split.load(manifest)
    assert loaded == SPLIT
    assert loaded.fingerprint == SPLIT.fingerprint


def test_the_file_names_classes_in_words(manifest):
    value = json.loads(manifest.read_text(encoding="utf-8"))
    assert {image["label"] for image in value["images"]} == set(CLASSES)
    assert value["fingerprint"] == SPLIT.fingerprint


def rename_a_class(value):
    value["classes"][1] = "Sick"
    for image in value["images"]:
        image["label"] = image["label"].replace("Normal", "Sick")


EDITS = {
    "another subset": lambda value: value["images"][0].update(subset="validation"),
    "another class": lambda value: value["images"][0].update(label="Normal"),
    "another content": lambda value: value["images"][0].update(sha256="0" * 64),
    "one image less": lambda value: value["images"].pop(0),
    "another class name": rename_a_class,
    "another fingerprint": lambda value: value.update(fingerprint="0" * 64),
}


@pytest.mark.parametrize("change", EDITS.values(), ids=EDITS.keys())
def test_a_manifest_that_was_edited_by_hand_is_refused(manifest, change):
    edit(manifest, change)
    with pytest.raises(InvalidData, match=r"split\.json: was changed after it was written"):
        Split.load(manifest)


@pytest.mark.parametrize("version", [1, 0, "2", None, "9" * 1000])
def test_another_version_is_refused(manifest, version):
    edit(manifest, lambda value: value.update(version=version))
    with pytest.raises(
        LungscopeError, match="this lungscope reads 2; make a new one with"
    ) as refusal:
        Split.load(manifest)
    assert len(str(refusal.value)) < 300 + len(str(manifest))


def test_an_unknown_kind_of_groups_is_refused(manifest):
    edit(manifest, lambda value: value.update(grouped_by="group column"))
    with pytest.raises(InvalidData, match="grouped_by 'group column' must be one of group-column"):
        Split.load(manifest)


def test_its_repr_counts_and_does_not_list(manifest):
    assert repr(Split.load(str(manifest))) == (
        "Split('34/33/33': 4 train, 4 validation, 4 test; classes Lung Opacity, Normal; "
        "grouped by group-column, seed 7)"
    )


def test_in_a_notebook_it_is_a_table_of_counts():
    shown = SPLIT._repr_html_()
    assert "<tr><td>Normal</td><td>2</td><td>2</td><td>2</td></tr>" in shown
    assert ENTRIES[0].file not in shown


def test_a_leak_in_a_file_is_refused(manifest):
    edit(manifest, lambda value: value["images"][5].update(group="p0"))
    with pytest.raises(DataLeak, match="leak"):
        Split.load(manifest)


ESCAPES = ["../x.png", "/x.png", "a/../../x.png", "C:\\x.png", "C:x.png", "..\\x.png"]
ESCAPES += ["\\\\host\\share\\x.png", "//host/share/x.png", "", ".", "a\0.png"]


@pytest.mark.parametrize("file", ESCAPES)
def test_a_path_that_leaves_the_data_folder_is_refused(manifest, file):
    edit(manifest, lambda value: value["images"][0].update(file=file))
    with pytest.raises(LungscopeError, match="does not lie below the data folder"):
        Split.load(manifest)


def test_a_colon_in_a_file_name_is_no_drive(manifest):
    edit(manifest, lambda value: value["images"][0].update(file="Normal/10:00.png"))
    assert Split.load(manifest).entries[0].file == "Normal/10:00.png"


HOSTILE = {
    "nothing": b"",
    "not JSON": b"{",
    "not UTF-8": b'"\xff"',
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "an object": b"{}",
    "another format": b'{"format": "lungscope-recipe", "version": 1}',
    "no fingerprint": json.dumps(
        {"format": "lungscope-split", "version": 2, "classes": ["a", "b"], "images": []}
    ).encode(),
    "deep": b"[" * 200_000,
    "deep object": b'{"format":' * 200_000,
    "long number": b'{"format": "lungscope-split", "version": ' + b"9" * 10_000 + b"}",
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_manifest_is_refused_in_one_line(manifest, hostile):
    manifest.write_bytes(hostile)
    with pytest.raises(InvalidData, match=r"split\.json: not a split manifest") as refusal:
        Split.load(manifest)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 300 + len(str(manifest))


@pytest.mark.parametrize("seed", ["1e400", "NaN", "1.5", '"7"', "true", "null", "[]"])
def test_a_seed_that_is_no_whole_number_is_refused(manifest, seed):
    text = manifest.read_text(encoding="utf-8")
    assert '"seed": 7' in text
    manifest.write_text(text.replace('"seed": 7', f'"seed": {seed}'), encoding="utf-8")
    with pytest.raises(LungscopeError, match="is not a whole number"):
        Split.load(manifest)


def test_half_a_character_is_refused(manifest):
    def change(value):
        value["classes"][1] = "\ud800"
        for image in value["images"]:
            image["label"] = image["label"].replace("Normal", "\ud800")

    edit(manifest, change)
    with pytest.raises(LungscopeError, match="not a split manifest"):
        Split.load(manifest)


def test_an_enormous_file_is_refused_before_it_is_parsed(manifest, monkeypatch):
    monkeypatch.setattr(module, "LARGEST_FILE", manifest.stat().st_size - 1)
    with pytest.raises(LungscopeError, match="MiB: not a split manifest"):
        Split.load(manifest)
    monkeypatch.setattr(module, "LARGEST_FILE", manifest.stat().st_size)
    assert Split.load(manifest) == SPLIT


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no /dev/zero")  # noqa: PTH110
def test_an_endless_file_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LARGEST_FILE", 1 << 20)
    (tmp_path / "split.json").symlink_to("/dev/zero")
    with pytest.raises(LungscopeError, match="MiB: not a split manifest"):
        Split.load(tmp_path / "split.json")


def test_a_manifest_that_is_not_there_says_how_to_make_one(tmp_path):
    with pytest.raises(NotFound, match=r"make a new one with lungscope\.split"):
        Split.load(tmp_path / "absent.json")
    with pytest.raises(NotFound, match=r"is a folder; give the split\.json in it"):
        Split.load(tmp_path)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["train", "test", "../x", "Normal", "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_a_manifest_with_anything_anywhere_is_loaded_or_refused(tmp_path_factory, saved, data):
    path = tmp_path_factory.getbasetemp() / "hostile.json"
    value = json.loads(saved)
    at = value
    while True:  # down a random way, to put something else in its place, or nothing
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(at[key], dict | list) or data.draw(st.booleans()):
            break
        if not at[key]:
            break
        at = at[key]
    if data.draw(st.booleans()):
        at[key] = data.draw(JSON)
    else:
        del at[key]
    path.write_text(json.dumps(value), encoding="utf-8")
    with suppress(LungscopeError):
        assert Split.load(path).fingerprint == SPLIT.fingerprint


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=40), st.integers(0, 2000), st.integers(0, 40))
def test_a_manifest_that_was_damaged_is_loaded_or_refused(
    tmp_path_factory, saved, junk, place, gone
):
    path = tmp_path_factory.getbasetemp() / "damaged.json"
    path.write_bytes(saved[:place] + junk + saved[place + gone :])
    with suppress(LungscopeError):
        assert Split.load(path).fingerprint == SPLIT.fingerprint


# The files that it speaks of


def test_images_that_are_there_unchanged_are_accepted(root):
    SPLIT.verify(root)


def test_an_index_stands_for_its_folder(root):
    SPLIT.verify(Index(root, SPLIT.classes, ()))


def test_missing_images_are_counted_and_the_first_is_named(root):
    (root / ENTRIES[3].file).unlink()
    (root / ENTRIES[7].file).unlink()
    with pytest.raises(NotFound, match="2 of the split's 12 images are missing") as refusal:
        SPLIT.verify(root)
    assert ENTRIES[3].file in str(refusal.value)


def test_changed_images_are_counted_and_the_first_is_named(root):
    (root / ENTRIES[3].file).write_bytes(content(ENTRIES[3].file) + b" ")
    with pytest.raises(InvalidData, match="1 images changed since") as refusal:
        SPLIT.verify(root)
    assert ENTRIES[3].file in str(refusal.value)


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(NotFound, match="12 of the split's 12 images are missing"):
        SPLIT.verify(tmp_path / "absent")


def test_an_image_that_is_closed_to_us_is_refused(root, monkeypatch):
    def closed(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(module, "sha256_of", closed)
    with pytest.raises(LungscopeError, match=r"png: cannot be read: Permission denied"):
        SPLIT.verify(root)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows says that there is no such file")
def test_a_name_that_is_too_long_for_the_disk_is_refused(root):
    with pytest.raises(LungscopeError, match=r"cannot be read: File name too long|are missing"):
        changed(0, file="x" * 5000).verify(root)


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1])
def test_the_hash_is_that_of_all_bytes(tmp_path, size):
    (tmp_path / "file").write_bytes(bytes(size))
    assert sha256_of(tmp_path / "file") == hashlib.sha256(bytes(size)).hexdigest()


def test_a_file_that_is_there_is_replaced_on_demand_alone(manifest):
    manifest.write_text("mine")
    with pytest.raises(AlreadyExists, match="replace it with overwrite=True"):
        SPLIT.save(manifest)
    assert manifest.read_text() == "mine"
    SPLIT.save(manifest, overwrite=True)
    assert Split.load(manifest) == SPLIT


def test_a_manifest_without_a_field_is_refused_in_words(manifest):
    edit(manifest, lambda value: value.pop("classes"))
    with pytest.raises(InvalidData, match=r"not a split manifest \('classes' is missing\)"):
        Split.load(manifest)
