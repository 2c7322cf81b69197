import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from lungscope.cli.app import app
from lungscope.evaluation.predictions import Predictions
from lungscope.training.recipe import Recipe

run = CliRunner().invoke

CLASSES = ("Lung Opacity", "Normal", "Viral Pneumonia")


@pytest.fixture
def evaluated(tmp_path):
    """Makes a run folder with a recipe and hand-made answers, and no model."""

    def evaluated(name, model="mobilenet-lung", strength=1.5, count=90, seed=0):
        generator = np.random.default_rng(seed)
        labels = np.arange(count) % 3
        logits = generator.normal(size=(count, 3))
        logits[np.arange(count), labels] += strength
        folder = tmp_path / name
        predictions = Predictions.from_logits(
            CLASSES,
            tuple(f"{row}.png" for row in range(count)),
            tuple(f"g{row // 3}" for row in range(count)),
            labels,
            logits,
        )
        Recipe(model=model).save(folder / "recipe.json")
        predictions.save(folder / "evaluation" / "predictions.csv")
        return folder

    return evaluated


def command(*words):
    return run(app, ["compare", *map(str, words)])


def refused(*words):
    result = command(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_every_pair_gets_a_sentence_and_a_table(evaluated):
    runs = [
        evaluated("a", "mobilenet-lung"),
        evaluated("b", "mobilenet-ft", seed=1),
        evaluated("c", "vgg11", 0.1, seed=2),
    ]
    result = command(*runs)
    assert result.exit_code == 0, result.stderr
    sentences = [line for line in result.stdout.splitlines() if "distinguishable on" in line]
    assert [line.split(":")[0] for line in sentences] == [
        "MobileNet-Lung - MobileNet-FT",
        "MobileNet-Lung - VGG11",
        "MobileNet-FT - VGG11",
    ]
    assert re.search(r"accuracy [+-]\d+\.\d points, 95 % [+-]\d+\.\d to [+-]\d+\.\d:", sentences[0])
    assert "not distinguishable on 90 images in 30 groups" in sentences[0]
    assert "MobileNet-Lung is better" in sentences[1]
    for words in ("F1 (weighted)", "F1 (macro)", "loss (nats)", "AUC, Normal against the rest"):
        assert result.stdout.count(words) == 3
    assert "take images to be independent" in result.stdout


def test_json_is_the_file_and_nothing_else(evaluated, tmp_path):
    runs, out = [evaluated("a"), evaluated("b", "mobilenet-ft", seed=1)], tmp_path / "out"
    result = command(*runs, "-o", out, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == json.loads((out / "comparison.json").read_text())
    with Image.open(out / "comparison.png") as picture:
        assert picture.format == "PNG"
    assert sorted(path.name for path in out.iterdir()) == ["comparison.json", "comparison.png"]


def test_a_comparison_is_replaced_only_with_force_and_refused_before_the_work(evaluated, tmp_path):
    runs, out = [evaluated("a"), evaluated("b", "mobilenet-ft", seed=1)], tmp_path / "out"
    out.mkdir()
    (out / "comparison.json").write_text("mine")
    assert "--force" in refused(tmp_path / "nowhere", tmp_path / "either", "-o", out)
    assert (out / "comparison.json").read_text() == "mine"
    assert command(*runs, "-o", out, "--force", "--quiet").exit_code == 0
    assert json.loads((out / "comparison.json").read_text())["images"] == 90


def test_a_folder_with_other_things_is_refused_as_for_every_result(evaluated, tmp_path):
    runs, out = [evaluated("a"), evaluated("b", "mobilenet-ft", seed=1)], tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    said = refused(*runs, "-o", out, "--force")
    assert "holds notes.txt, which is no part of a comparison; give another folder" in said
    assert [path.name for path in out.iterdir()] == ["notes.txt"]


def test_one_run_is_refused_in_the_singular(tmp_path):
    assert "1 run given: compare 2 to" in refused(tmp_path)


def test_without_a_folder_nothing_is_written(evaluated, tmp_path):
    runs = [evaluated("a"), evaluated("b", seed=1)]
    before = sorted(tmp_path.rglob("*"))
    assert command(*runs).exit_code == 0
    assert sorted(tmp_path.rglob("*")) == before


def test_the_same_architecture_twice_is_named_by_folder(evaluated):
    runs = [evaluated("lung-1"), evaluated("lung-2", seed=1)]
    assert command(*runs).stdout.startswith("lung-1 - lung-2: accuracy ")


def test_folders_of_the_same_name_are_named_by_path(evaluated):
    runs = [evaluated("a/run"), evaluated("b/run", seed=1)]
    names = list(json.loads(command(*runs, "--json").stdout)["models"])
    assert names == [str(folder.resolve()) for folder in runs]


def test_names_with_brackets_are_shown_as_they_are(evaluated):
    runs = [evaluated("[bold]"), evaluated("[red]x", seed=1)]
    said = command(*runs).stdout
    assert said.startswith("[bold] - [red]x: accuracy ")


def test_a_run_that_was_not_evaluated_is_told_how(evaluated):
    one, other = evaluated("a"), evaluated("b")
    (other / "evaluation" / "predictions.csv").unlink()
    said = refused(one, other)
    assert f"{other}: was not evaluated" in said
    assert "evaluate it first, with `lungscope evaluate RUN`" in said


def test_what_is_no_run_is_refused(evaluated, tmp_path):
    assert "not a run folder" in refused(evaluated("a"), tmp_path)


def test_a_run_given_twice_is_refused(evaluated):
    folder = evaluated("a")
    assert "given twice" in refused(folder, folder / ".." / "a")


def test_one_run_has_nothing_to_be_compared_with(evaluated):
    assert "2 to 20" in refused(evaluated("a"))
    assert command().exit_code == 2


def test_a_file_is_no_folder_to_write_to(evaluated, tmp_path):
    (tmp_path / "file").touch()
    assert "is a file" in refused(evaluated("a"), evaluated("b"), "-o", tmp_path / "file")


def test_runs_tested_on_other_images_are_refused_by_name(evaluated):
    said = refused(evaluated("a"), evaluated("b", "mobilenet-ft", count=60))
    assert "MobileNet-Lung and MobileNet-FT were tested on different images" in said
    assert "30 only of MobileNet-Lung" in said


def test_a_class_of_one_image_is_shown_without_a_test(evaluated):
    runs = [evaluated("a"), evaluated("b", seed=1)]
    for folder in runs:
        table = folder / "evaluation" / "predictions.csv"
        given = Predictions.load(table)
        labels = np.minimum(given.labels, 1)
        labels[0] = 2
        replace(given, labels=labels).save(table)
    result = command(*runs)
    assert result.exit_code == 0, result.stderr
    assert "no test" in result.stdout


def test_quiet_says_nothing(evaluated):
    result = command(evaluated("a"), evaluated("b", seed=1), "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_it_has_help():
    result = command("--help")
    assert result.exit_code == 0
    assert "Compare runs" in result.stdout
