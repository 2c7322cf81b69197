import pickle
import shutil
from dataclasses import fields, replace

import numpy as np
import pytest

from lungscope.errors import LungscopeError, ModelDamaged
from lungscope.inference import training_images
from lungscope.inference.description import Description, ExportInfo
from lungscope.inference.exported import load_training_images
from lungscope.inference.training_images import VERSION, TrainingImages, hash_group

SALT = np.arange(16, dtype=np.uint8)


@pytest.fixture
def known():
    generator = np.random.default_rng(0)
    return TrainingImages(
        sha256=generator.integers(0, 256, (5, 32), dtype=np.uint8),
        hashes=generator.integers(0, 2**63, 5, dtype=np.uint64),
        sketches=generator.integers(0, 256, (5, 72), dtype=np.uint8),
        groups=np.array([list(hash_group(name, SALT)) for name in ("p1", "Łódź 2")], np.uint8),
        salt=SALT,
        version=np.array([VERSION], np.uint8),
    )


def test_what_is_saved_is_read_again_and_equal_to_the_byte(known, tmp_path):
    known.save(tmp_path / "training.npz")
    again = TrainingImages.load(tmp_path / "training.npz")
    for field in fields(known):
        assert np.array_equal(getattr(again, field.name), getattr(known, field.name))
    first = (tmp_path / "training.npz").read_bytes()
    again.save(tmp_path / "training.npz")
    assert (tmp_path / "training.npz").read_bytes() == first


def test_contents_and_groups_are_found(known):
    assert known.holds_content(known.sha256[3].tobytes())
    assert not known.holds_content(bytes(32))
    assert [known.holds_group(name) for name in ("p1", "Łódź 2", "p2", "")] == [1, 1, 0, 0]


def test_the_hash_of_a_name_differs_from_model_to_model():
    assert hash_group("p1", SALT) != hash_group("p1", SALT[::-1].copy())
    assert len(hash_group("p1", SALT)) == 8


@pytest.mark.parametrize(
    "changes",
    [
        {"version": np.array([VERSION + 1], np.uint8)},
        {"hashes": np.zeros(4, np.uint64)},
        {"hashes": np.zeros(5, np.int64)},
        {"sketches": np.zeros((4, 72), np.uint8)},
        {"sha256": np.zeros((5, 31), np.uint8)},
        {"groups": np.zeros((2, 9), np.uint8)},
        {"groups": np.zeros((2, 8), np.float32)},
        {"salt": np.zeros(8, np.uint8)},
    ],
)
def test_arrays_that_do_not_fit_are_refused(known, changes):
    with pytest.raises(ModelDamaged, match="training images"):
        replace(known, **changes)


@pytest.mark.parametrize("damage", ["empty", "pickled", "another array", "packed", "large"])
def test_a_damaged_file_is_refused_with_its_name(known, tmp_path, monkeypatch, damage):
    path = tmp_path / "training.npz"
    arrays = {field.name: getattr(known, field.name) for field in fields(known)}
    if damage == "empty":
        path.write_bytes(b"")
    elif damage == "pickled":
        path.write_bytes(pickle.dumps(arrays))
    elif damage == "another array":
        np.savez(path, **arrays, more=SALT)
    elif damage == "packed":
        np.savez_compressed(path, **arrays)
    else:
        known.save(path)
        monkeypatch.setattr(training_images, "LARGEST_FILE", 100)
    with pytest.raises(ModelDamaged, match=r"training\.npz: not the hashes"):
        TrainingImages.load(path)


def test_an_array_of_objects_is_not_unpickled(known, tmp_path):
    arrays = {field.name: getattr(known, field.name) for field in fields(known)}
    np.savez(tmp_path / "training.npz", **arrays | {"salt": np.array([print], dtype=object)})
    with pytest.raises(ModelDamaged):
        TrainingImages.load(tmp_path / "training.npz")


@pytest.fixture
def described(known, exported_model, tmp_path):
    """An exported model that carries the file, and its description."""
    import hashlib

    folder = shutil.copytree(exported_model, tmp_path / "model")
    known.save(folder / "training.npz")
    description = Description.load(folder / "model.json")
    digest = hashlib.sha256((folder / "training.npz").read_bytes()).hexdigest()
    hashes = {**description.export.sha256, "training.npz": digest}
    return folder, replace(description, export=ExportInfo("fp32", hashes))


def test_an_exported_model_carries_them(described, known):
    found = load_training_images(*described)
    assert np.array_equal(found.sha256, known.sha256)


def test_an_older_export_carries_none(exported_model):
    description = Description.load(exported_model / "model.json")
    assert load_training_images(exported_model, description) is None


def test_another_file_than_the_description_names_is_refused(described):
    folder, description = described
    content = bytearray((folder / "training.npz").read_bytes())
    content[-1] ^= 1
    (folder / "training.npz").write_bytes(content)
    with pytest.raises(LungscopeError, match=r"training\.npz: not the file that model\.json"):
        load_training_images(folder, description)
    (folder / "training.npz").unlink()
    with pytest.raises(LungscopeError, match=r"training\.npz: No such file"):
        load_training_images(folder, description)
