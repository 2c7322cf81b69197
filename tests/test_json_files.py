import json
from dataclasses import asdict, dataclass
from typing import Literal

import pytest

from lungscope.errors import InvalidData, LungscopeError, NotFound
from lungscope.json_files import MAX_BYTES, load_json, validate


@dataclass(frozen=True)
class Part:
    name: str
    value: float


@dataclass(frozen=True)
class Result:
    subset: Literal["test", "train"]
    count: int
    parts: tuple[Part, ...]
    note: str | None = None


RESULT = Result("test", 3, (Part("a", 0.5), Part("b", 1)))


@pytest.fixture
def load(tmp_path):
    """Reads a text as a result."""

    def load(text):
        path = tmp_path / "result.json"
        path.write_text(text)
        return load_json(path, Result, "audit-again")

    return load


def test_a_result_comes_back_as_it_was_written(load):
    assert load(json.dumps(asdict(RESULT))) == RESULT


def test_fields_of_a_newer_version_are_ignored(load):
    assert load(json.dumps(asdict(RESULT) | {"later": 1})) == RESULT


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"count": "3"}, "count"),
        ({"count": 2.5}, "count"),
        ({"count": True}, "count"),
        ({"count": None}, "count"),
        ({"subset": "exam"}, "subset"),
        ({"parts": [{"name": "a"}]}, "parts.0.value"),
        ({"parts": [{"name": "a", "value": "0.5"}]}, "parts.0.value"),
        ({"parts": {}}, "parts"),
    ],
)
def test_a_field_of_another_type_is_named_in_one_line(load, change, place):
    with pytest.raises(InvalidData, match=rf"result\.json: damaged \({place}: ") as refused:
        load(json.dumps(asdict(RESULT) | change))
    assert "\n" not in str(refused.value)
    assert "write it again with Run.audit(force=True)" in str(refused.value)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1" * 400])
def test_a_number_that_is_not_finite_is_refused(load, number):
    with pytest.raises(InvalidData, match="damaged"):
        load(json.dumps(asdict(RESULT)).replace("0.5", number))


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "[" * 100_000, '"x"', "{}"])
def test_what_is_no_such_result_is_refused(load, text):
    with pytest.raises(InvalidData, match="damaged"):
        load(text)


def test_a_huge_file_is_refused_before_it_is_parsed(load):
    with pytest.raises(InvalidData, match="over 16 MiB"):
        load(" " * (MAX_BYTES + 1))


def test_a_file_that_is_not_there_is_not_found(tmp_path):
    with pytest.raises(NotFound, match=r"none\.json: No such file .*Run\.audit"):
        load_json(tmp_path / "none.json", Result, "audit-again")


def test_a_folder_cannot_be_read(tmp_path):
    with pytest.raises(LungscopeError, match="Is a directory"):
        load_json(tmp_path, Result, "audit-again")


def test_a_part_is_validated_by_the_same_rules(tmp_path):
    path = tmp_path / "result.json"
    assert validate({"name": "a", "value": 1.5}, Part, path, "audit-again", "parts") == Part(
        "a", 1.5
    )
    with pytest.raises(InvalidData, match=r"damaged \(parts\.value: "):
        validate({"name": "a", "value": None}, Part, path, "audit-again", "parts")
