"""`lungscope assess`."""

import json

import pytest
from PIL import Image
from typer.testing import CliRunner

from lungscope.cli.app import app

HEADER = "predicted,verdict,reader_class,judged,model_sha256\n"
GOOD = "Normal,accept,,2026-01-01,aaaa\nLung Opacity,accept,,2026-01-02,aaaa\n" * 10
BAD = "Normal,correct,Lung Opacity,2026-03-01,aaaa\n" * 12


@pytest.fixture
def feedback(tmp_path):
    def feedback(rows):
        path = tmp_path / "verdicts.csv"
        path.write_text(HEADER + rows, encoding="utf-8")
        return path

    return feedback


def command(*words):
    return CliRunner().invoke(app, ["assess", *map(str, words)])


def test_it_says_how_often_readers_agree(feedback):
    result = command(feedback(GOOD))
    assert result.exit_code == 0
    assert "20 of 20 answers of model aaaa have a verdict" in result.stdout
    assert "No alarm." in result.stdout


def test_an_alarm_is_its_exit_status(feedback):
    result = command(feedback(GOOD + BAD))
    assert result.exit_code == 1
    assert "ALARM wrong answers: more than the tolerated 10 %, noticed at verdict" in result.stdout
    assert command(feedback(GOOD + BAD), "--tolerated-errors", "0.6", "-q").exit_code == 1
    tolerant = ("--tolerated-errors", "0.6", "--tolerated-misses", "0.8")
    assert command(feedback(GOOD + BAD), *tolerant).exit_code == 0


def test_json_is_all_of_it(feedback):
    result = command(feedback(GOOD + BAD), "--json")
    found = json.loads(result.stdout)
    assert found["alarms"] == ["wrong answers", "missed Lung Opacity"]
    assert found["classes"]["Normal"]["named"] == 22
    assert (found["judged"], result.exit_code) == (32, 1)


def test_one_model_is_chosen_of_several(feedback):
    path = feedback(GOOD + BAD.replace("aaaa", "bbbb"))
    result = command(path)
    assert result.exit_code == 2
    assert "answers of 2 models (aaaa, bbbb): choose one with --model" in result.stderr
    assert command(path, "--model", "aa").exit_code == 0
    assert "hash begins so" in command(path, "--model", "cc").stderr


def test_the_evidence_is_drawn(feedback, tmp_path):
    picture = tmp_path / "evidence.png"
    assert command(feedback(GOOD + BAD), "-o", picture).exit_code == 1
    with Image.open(picture) as drawn:
        assert drawn.width > 500
    before = picture.read_bytes()
    result = command(feedback(GOOD), "-o", picture)
    assert result.exit_code == 2
    assert picture.read_bytes() == before
    assert command(feedback(GOOD), "-o", picture, "--overwrite").exit_code == 0


def test_a_table_without_verdicts_is_refused(feedback):
    result = command(feedback("Normal,,,,\n"))
    assert result.exit_code == 2
    assert "no answer has a verdict" in result.stderr
