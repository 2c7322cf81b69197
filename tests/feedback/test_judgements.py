"""The table of readers' verdicts."""

import pytest

from lungscope.errors import InvalidData, NotFound
from lungscope.feedback import Judgement, read_judgements


@pytest.fixture
def table(tmp_path):
    def table(text, encoding="utf-8"):
        path = tmp_path / "verdicts.csv"
        path.write_text(text, encoding=encoding)
        return path

    return table


def test_rows_are_read(table):
    path = table(
        "file,predicted,verdict,reader_class,model_sha256\n"
        "a,Normal,accept,,ab\n"
        "b,Normal,Correct,Lung Opacity,ab\n"
        "c,,correct,Normal,ab\n"
        "d,Normal,reject,,ab\n"
        "e,Normal,,,ab\n",
        encoding="utf-8-sig",
    )
    accepted, corrected, named, rejected, unjudged = read_judgements(path)
    assert accepted == Judgement("Normal", "accept", None, "", "ab")
    assert (accepted.is_wrong, accepted.true_class) == (False, "Normal")
    assert (corrected.is_wrong, corrected.true_class) == (True, "Lung Opacity")
    assert (named.is_wrong, named.true_class) == (None, "Normal")
    assert (rejected.is_wrong, rejected.true_class) == (True, None)
    assert (unjudged.is_wrong, unjudged.true_class) == (None, None)


def test_rows_are_taken_by_the_time_of_the_verdict_where_all_have_one(table):
    rows = "predicted,verdict,judged\nA,accept,2026-02-01\nB,accept,{}\nC,,\n"
    found = [row.predicted for row in read_judgements(table(rows.format("2026-01-01")))]
    assert found == ["C", "B", "A"]
    assert [row.predicted for row in read_judgements(table(rows.format("")))] == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("file,verdict\na,accept\n", "column predicted missing"),
        ("predicted;verdict\nNormal;accept\n", "semicolons or tabs"),
        ("predicted,verdict,verdict\nNormal,accept,accept\n", "more than once"),
        ("predicted,verdict\nNormal,fine\n", "line 2: verdict 'fine' is unknown"),
        ("predicted,verdict,reader_class\nNormal,correct,\n", "reader_class is empty"),
        ("predicted,verdict\n,accept\n", "the model named no class"),
        ("predicted,verdict,reader_class\nNormal,accept,Lung Opacity\n", "another one"),
        ("predicted,verdict,reader_class\nNormal,reject,Lung Opacity\n", "write correct"),
        ("predicted,verdict,reader_class\nNormal,correct,Normal\n", "write accept"),
        ("predicted,verdict,reader_class\nNormal,,Lung Opacity\n", "without a verdict"),
        ('predicted,verdict\nNormal,"accept\n', "not a CSV table"),
    ],
)
def test_what_contradicts_itself_is_refused_in_one_line(table, text, reason):
    with pytest.raises(InvalidData, match=reason) as caught:
        read_judgements(table(text))
    assert "\n" not in str(caught.value)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(NotFound):
        read_judgements(tmp_path / "none.csv")
    binary = tmp_path / "x.csv"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidData, match="UTF-8"):
        read_judgements(binary)
