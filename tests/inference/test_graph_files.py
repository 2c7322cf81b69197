"""The files of a network that ships with the package."""

import json

import pytest

from lungscope.errors import ModelDamaged
from lungscope.inference.graph_files import GraphFiles

FILES = GraphFiles("a thing", "thing.onnx", "thing.json", "lungscope-thing", 2)


def side(described):
    return int(described["side"])


@pytest.fixture
def folder(tmp_path):
    FILES.write(tmp_path / "new", b"graph", {"side": 64})
    return tmp_path / "new"


def test_what_is_written_is_read(folder):
    assert FILES.read(folder, side) == (b"graph", 64)


@pytest.mark.parametrize("name", ["thing.onnx", "thing.json"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ModelDamaged, match=f"not a thing that can be read .{name}: No such file"):
        FILES.read(folder, side)


def test_another_graph_than_the_described_one_is_refused(folder):
    (folder / "thing.onnx").write_bytes(b"other")
    with pytest.raises(ModelDamaged, match=r"thing\.onnx: not the file that thing\.json describes"):
        FILES.read(folder, side)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("version", 3, "of another version"),
        ("format", "x", "of another version"),
        ("side", "a", ""),
    ],
)
def test_a_description_that_is_not_understood_is_refused(folder, field, value, reason):
    described = json.loads((folder / "thing.json").read_text())
    (folder / "thing.json").write_text(json.dumps({**described, field: value}))
    with pytest.raises(ModelDamaged, match=f"not a thing that can be read .*{reason}"):
        FILES.read(folder, side)
