"""What other commands wrote is read back whole, or refused in one line."""

import json
from dataclasses import asdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lungscope.errors import LungscopeError
from lungscope.report.measured import read_measured
from lungscope.report.reading import LARGEST

READERS = {"evaluation/metrics.json": read_measured}
FILES = pytest.mark.parametrize("file", READERS)


@pytest.fixture(scope="module")
def values(run):
    return {file: json.loads((run.folder / file).read_text()) for file in READERS}


@pytest.fixture
def read(run, tmp_path):
    """Reads a text as if it were one of the files."""

    def read(file, text):
        path = tmp_path / "results.json"
        path.write_text(text)
        return READERS[file](path, run.split)

    return read


def leaves(value, path=()):
    if isinstance(value, dict | list) and value:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return [path, *(leaf for key, each in pairs for leaf in leaves(each, (*path, key)))]
    return [path]


def replaced(value, path, new):
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


def test_metrics_come_back_as_they_were_measured(run, values):
    measured = READERS["evaluation/metrics.json"](
        run.folder / "evaluation" / "metrics.json", run.split
    )
    value = values["evaluation/metrics.json"]
    assert {name: asdict(each) for name, each in measured.overall.items()} == value["overall"]
    assert asdict(measured.calibrated) == value["calibration"]["calibrated"]
    assert [list(row) for row in measured.counts] == value["confusion"]["counts"]
    points = value["operating_points"]["points"]
    assert [asdict(point) for point in measured.operating_points] == points
    assert [asdict(each) for each in measured.answering] == value["selective"]["answering"]
    wrong = value["images"] - sum(row[k] for k, row in enumerate(value["confusion"]["counts"]))
    assert measured.mistakes == wrong


@FILES
@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(data=st.data())
def test_a_damaged_file_is_one_line_and_never_a_traceback(read, values, file, data):
    path = data.draw(st.sampled_from(leaves(values[file])))
    new = data.draw(
        st.sampled_from([None, [], {}, "", "x" * 300, -1, 1e999, float("nan"), True, 10**400])
    )
    told = None
    try:
        read(file, json.dumps(replaced(values[file], path, new)))
    except LungscopeError as error:
        told = str(error)
    assert told is None or ("\n" not in told and len(told) < 400)


@FILES
@pytest.mark.parametrize("text", ["", "[]", "null", "{", "[" * 100_000, '{"subset": "test"}'])
def test_what_is_no_such_file_is_refused(read, file, text):
    with pytest.raises(LungscopeError, match=r"results\.json: damaged .*--force"):
        read(file, text)


@FILES
def test_a_huge_file_is_refused_before_it_is_parsed(read, file):
    with pytest.raises(LungscopeError, match="over 16 MiB"):
        read(file, " " * (LARGEST + 1))


@FILES
def test_another_number_of_images_is_of_another_split(read, values, file):
    value = values[file] | {"images": 61}
    if file == "evaluation/metrics.json":
        counts = value["confusion"]["counts"]
        value = replaced(value, ("confusion", "counts", 0, 0), counts[0][0] + 1)
    with pytest.raises(LungscopeError, match=r"is about 61 test images .* has 60|has 60; audit"):
        read(file, json.dumps(value))


@FILES
def test_a_file_that_is_not_there_is_refused(run, tmp_path, file):
    with pytest.raises(LungscopeError, match="No such file"):
        READERS[file](tmp_path / "none.json", run.split)
