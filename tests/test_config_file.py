from pathlib import Path
from typing import Literal

import pytest

from lungscope.config_file import LARGEST, convert_value, read_mapping
from lungscope.errors import InvalidSetting, NotFound


def write(tmp_path, content, name="settings.yaml"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_yaml_is_read_as_version_1_2(tmp_path):
    path = write(tmp_path, "rate: 1e-3\nweights: none\nname: no\nflip: true\nlist: [1, 2.5]\n")
    assert read_mapping(path) == {
        "rate": 0.001, "weights": "none", "name": "no", "flip": True, "list": [1, 2.5]
    }  # fmt: skip


def test_a_json_file_is_read_by_its_name(tmp_path):
    assert read_mapping(write(tmp_path, '{"size": 64}', "recipe.JSON")) == {"size": 64}
    with pytest.raises(InvalidSetting, match="not JSON"):
        read_mapping(write(tmp_path, "size: 64", "recipe.json"))


def test_hyphens_in_names_are_underscores(tmp_path):
    assert read_mapping(write(tmp_path, "max-upload: 5\n")) == {"max_upload": 5}
    with pytest.raises(InvalidSetting, match="field 'max_upload' is given twice"):
        read_mapping(write(tmp_path, "max-upload: 5\nmax_upload: 6\n"))


def test_an_empty_yaml_file_has_no_fields(tmp_path):
    assert read_mapping(write(tmp_path, "# nothing yet\n")) == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: 1\na: 2\n", 'line 2: found duplicate key "a"\\)'),
        ("a: !!python/object/apply:os.system [true]", "could not determine a constructor"),
        ("[" * 100_000, "not YAML"),
        ("- a\n- b\n", "give a YAML mapping"),
        ("1: a\n", "give a YAML mapping"),
        ("just text", "give a YAML mapping"),
        (b"\xff\xfe", "not YAML"),
        ("a: \x00", "not YAML"),
        ("a: b: c", "line 1: mapping values are not allowed"),
        ("a" * (LARGEST + 1), "larger than 1 MiB"),
    ],
    ids=range(10),
)
def test_another_file_is_refused_in_one_line(tmp_path, content, message):
    path = write(tmp_path, content)
    with pytest.raises(InvalidSetting, match=message) as refusal:
        read_mapping(path)
    assert str(refusal.value).startswith(str(path))
    assert "\n" not in str(refusal.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(NotFound, match=r"nowhere\.yaml: No such file"):
        read_mapping(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (int, 3, 3),
        (float, 3, 3.0),
        (bool, False, False),
        (str, "no", "no"),
        (Path, "a/b", Path("a/b")),
        (int | None, None, None),
        (float | None, 2, 2.0),
        (Literal["32", "bf16"], 32, "32"),
        (Literal["sgd", "adamw"], "adamw", "adamw"),
        (tuple[float, float], [1, 2.5], (1.0, 2.5)),
        (tuple[int, ...], [1, 2, 3], (1, 2, 3)),
        (list[str], ["A"], ["A"]),
    ],
)
def test_a_value_of_the_type_is_taken(annotation, value, expected):
    found = convert_value(annotation, value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (int, "3", "a whole number, is '3'"),
        (int, True, "a whole number, is True"),
        (int, 3.0, r"a whole number, is 3\.0"),
        (int, None, "a whole number, is null"),
        (int | None, "x", "a whole number or null, is 'x'"),
        (float, False, "a number, is False"),
        (bool, 1, "true or false, is 1"),
        (bool, "yes", "true or false, is 'yes'"),
        (str, 5, "text, is 5"),
        (str, {}, "text, is a mapping"),
        (Literal["sgd", "adamw"], "lion", "one of sgd, adamw, is 'lion'"),
        (Literal["32", "bf16"], True, "one of 32, bf16, is True"),
        (tuple[float, float], [1], "a list of 2, has 1"),
        (tuple[float, float], [1, "x"], "a number, is 'x'"),
        (tuple[float, float], 1, "a list of 2, each a number, is 1"),
        (list[str], "A", "a list, each text, is 'A'"),
        (str, ["a"], "text, is a list"),
        (int, "x" * 1000, "a whole number, is 'x{40}'"),
    ],
)
def test_a_value_of_another_type_is_refused(annotation, value, message):
    with pytest.raises(TypeError, match=message):
        convert_value(annotation, value)
