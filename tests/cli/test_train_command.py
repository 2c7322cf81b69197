import json
import shutil

import pytest
import torch
from typer.testing import CliRunner

from lungscope.cli.app import app
from lungscope.cli.terminal import Terminal
from lungscope.cli.training import describe_weights, open_data, use_or_make_split
from lungscope.evaluation.predictions import Predictions
from lungscope.training.history import Epoch, write_history
from lungscope.training.recipe import Recipe
from lungscope.training.recipes import PAPER_RECIPE
from lungscope.training.run import RunFolder

run = CliRunner().invoke

SMALL = ["--weights", "none", "--size", "32", "--epochs", "1", "--device", "cpu"]


@pytest.fixture
def train(phantoms, phantom_split, cache_folder, tmp_path):
    split = tmp_path / "split.json"
    phantom_split.save(split)

    def command(*options):
        where = ["--data", str(phantoms), "--split", str(split), "--cache", str(cache_folder)]
        return run(app, ["train", *where, *SMALL, *options])

    return command


def test_a_trained_run_is_evaluated(train, cache_folder, tmp_path):
    folder = tmp_path / "run"
    trained = train("-o", str(folder), "--model", "mobilenet-v2", "--flip-vertical", "0")
    assert trained.exit_code == 0, trained.stderr
    assert "epoch   1" in trained.stdout
    assert f"Training mobilenet-v2 from random weights into {folder}" in trained.stdout
    recipe = RunFolder.open(folder).recipe
    assert (recipe.model, recipe.flip_vertical, recipe.epochs) == ("mobilenet-v2", 0, 1)
    assert recipe.flip_horizontal == PAPER_RECIPE.flip_horizontal

    command = ["evaluate", str(folder), "--cache", str(cache_folder), "--device", "cpu"]
    evaluated = run(app, [*command, "--json"])
    assert evaluated.exit_code == 0, evaluated.stderr
    answer = json.loads(evaluated.stdout)
    assert answer == json.loads((folder / "evaluation" / "metrics.json").read_text())
    predictions = Predictions.load(folder / "evaluation" / "predictions.csv")
    assert (
        len(predictions.files) == answer["images"] == sum(map(sum, answer["confusion"]["counts"]))
    )
    names = {path.name for path in (folder / "evaluation" / "figures").iterdir()}
    assert names == {
        "confusion-matrix.png",
        "coverage.png",
        "reliability.png",
        "roc.png",
        "samples.png",
    }

    again = run(app, command)
    assert again.exit_code == 2
    assert "--force" in again.stderr
    spoken = run(app, [*command, "--force"]).stdout
    assert "95 % interval" in spoken
    assert "not for diagnosis" in spoken
    assert "not finished" not in spoken
    page = (folder / "report.html").read_bytes()

    trained_on = run(app, [*command, "--subset", "train"])
    assert trained_on.exit_code == 0, trained_on.stderr
    metrics = json.loads((folder / "evaluation-train" / "metrics.json").read_text())
    assert metrics["subset"] == "train"
    assert json.loads((folder / "evaluation" / "metrics.json").read_text()) == answer
    assert (folder / "report.html").read_bytes() == page

    RunFolder.open(folder).note(finished=False)
    spoken = run(app, [*command, "--force"])
    assert spoken.exit_code == 0, spoken.stderr
    assert "Training is not finished" in spoken.stdout
    assert f"lungscope train --resume {folder}" in spoken.stdout
    assert "Training is not finished" in (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ("none", "from random weights"),
        ("imagenet", "from ImageNet weights"),
        ("my weights.pth", "from my weights.pth"),
    ],
)
def test_where_training_starts_is_told_in_words(weights, words):
    assert describe_weights(weights) == words


def test_an_existing_run_is_never_overwritten_without_force(train, tmp_path):
    folder = tmp_path / "run"
    model = ["-o", str(folder), "--model", "mobilenet-v2"]
    assert train(*model).exit_code == 0
    before = (folder / "checkpoint" / "model.safetensors").read_bytes()
    refused = train(*model)
    assert refused.exit_code == 2
    assert "--resume" in refused.stderr
    assert (folder / "checkpoint" / "model.safetensors").read_bytes() == before
    assert train(*model, "--force").exit_code == 0


def test_weights_that_do_not_fit_leave_no_run_and_spare_the_one_that_is_there(train, tmp_path):
    torch.save({"x": torch.zeros(1)}, tmp_path / "other.pth")
    folder = tmp_path / "run"
    wrong = ["-o", str(folder), "--model", "mobilenet-v2", "--weights", str(tmp_path / "other.pth")]
    refused = train(*wrong)
    assert refused.exit_code == 2
    assert "the weights do not fit" in refused.stderr
    assert not folder.exists()
    assert train("-o", str(folder), "--model", "mobilenet-v2").exit_code == 0
    assert train(*wrong, "--force").exit_code == 2
    assert (folder / "checkpoint").is_dir()


def test_data_that_is_not_the_splits_leaves_no_run(train, phantoms, tmp_path):
    other = shutil.copytree(phantoms, tmp_path / "other")
    for image in (other / "Normal").iterdir():
        image.unlink()
    (other / "Normal" / "x.png").write_bytes(b"no image")
    (other / "metadata.csv").unlink()
    refused = train("-o", str(tmp_path / "run"), "--data", str(other))
    assert refused.exit_code == 2
    assert not (tmp_path / "run").exists()


def test_resuming_a_finished_run_says_nothing_of_training(train, tmp_path):
    folder = tmp_path / "run"
    assert train("-o", str(folder), "--model", "mobilenet-v2").exit_code == 0
    refused = run(app, ["train", "--resume", str(folder)])
    assert refused.exit_code == 2
    assert "is finished; train it again with --force" in refused.stderr
    assert refused.stdout == ""


def test_resume_takes_everything_from_the_run(tmp_path):
    result = run(app, ["train", "--resume", str(tmp_path), "--epochs", "3"])
    assert result.exit_code == 2
    assert "--resume takes everything from the run" in result.stderr


def test_data_or_resume_is_needed():
    result = run(app, ["train"])
    assert result.exit_code == 2
    assert "--data" in result.stderr


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--model", "resnet99", "unknown"),
        ("--learning-rate", "-1", "learning_rate is -1"),
        ("--recipe", "nowhere.json", "nowhere.json"),
        ("--recipe", "robustly", "recipe 'robustly' is unknown; give paper, robust, or a file"),
        ("--weights", "nowhere.pth", "not found"),
        ("--se-reduction", "64", "se_reduction is 64"),
    ],
)
def test_a_wrong_value_is_told_in_one_line(train, tmp_path, option, value, message):
    result = train("-o", str(tmp_path / "run"), option, value)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_quiet_says_nothing(train, tmp_path):
    result = train("-o", str(tmp_path / "run"), "--model", "mobilenet-v2", "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_a_recipe_comes_from_a_yaml_file_and_flags_override_it(train, tmp_path):
    file = tmp_path / "recipe.yaml"
    file.write_text("model: mobilenet-v2\nlearning_rate: 2e-2\nmomentum: 0.5\nepochs: 7\n")
    result = train("-o", str(tmp_path / "run"), "--recipe", str(file), "--momentum", "0.25")
    assert result.exit_code == 0, result.stderr
    recipe = RunFolder.open(tmp_path / "run").recipe
    assert (recipe.model, recipe.learning_rate) == ("mobilenet-v2", 0.02)
    assert (recipe.momentum, recipe.epochs) == (0.25, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optimizer: sgd", "field 'optimizer' is unknown"),
        ("momentum: high", "momentum must be a number, is 'high'"),
        ("momentum: 2", "momentum is 2"),
    ],
)
def test_a_wrong_recipe_file_is_refused_in_one_line(train, tmp_path, text, message):
    (tmp_path / "recipe.yaml").write_text(text)
    result = train("-o", str(tmp_path / "run"), "--recipe", str(tmp_path / "recipe.yaml"))
    assert result.exit_code == 2
    assert message in result.stderr
    assert "recipe.yaml" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "resnet99"], "resnet99"),
        (["-o", "{taken}"], "not a run"),
        (["--device", "cuda"], "no CUDA device"),
        (["--recipe", "paper", "--size", "8"], "size is 8"),
    ],
)
def test_wrong_options_are_refused_before_any_image_is_read(
    tmp_path, phantoms, monkeypatch, options, message
):
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "thesis.txt").write_text("mine")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(
        "lungscope.data.index.Index.open", lambda *_: pytest.fail("the data was read")
    )
    words = [word.format(taken=taken) for word in options]
    result = run(app, ["train", "--data", str(phantoms), "-o", str(tmp_path / "new"), *words])
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "new").exists()


def test_one_image_under_two_labels_is_a_warning_where_a_split_is_made(phantoms, tmp_path):
    copy = shutil.copytree(phantoms, tmp_path / "copy")
    shutil.copy(copy / "Normal/Normal-0001.png", copy / "Lung_Opacity/Lung_Opacity-0001.png")
    terminal = Terminal()
    with terminal.out.capture() as said:
        use_or_make_split(open_data([copy]), None, terminal, skip_unreadable=False, workers=1)
    assert "warning: 1 pair of files with one image in two classes" in said.get()


def test_a_run_learns_from_teachers(train, tmp_path):
    teacher, student = str(tmp_path / "teacher"), str(tmp_path / "student")
    unasked = train("-o", student, "--teacher", "robust")
    assert unasked.exit_code == 2
    assert "distillation is 0" in unasked.stderr
    assert train("-o", teacher, "--model", "mobilenet-v2").exit_code == 0
    copied = shutil.copytree(RunFolder(tmp_path / "teacher").checkpoint, tmp_path / "copied")
    both = ["--teacher", teacher, "--teacher", str(copied)]
    taught = train("-o", student, "--model", "mobilenet-lung", "--distillation", "0.9", *both)
    assert taught.exit_code == 0, taught.stderr
    assert f"teacher {copied}: it is not known" in " ".join(taught.stdout.split())
    assert len(RunFolder.open(tmp_path / "student").facts["teachers"]) == 2
    resumed = run(app, ["train", "--resume", student, "--teacher", teacher])
    assert resumed.exit_code == 2


def test_missing_data_is_said_before_weights_are_looked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "lungscope.training.fitting.check_initial_weights", lambda _: pytest.fail("weights")
    )
    refused = run(app, ["train", "--data", str(tmp_path / "nope"), "-o", str(tmp_path / "new")])
    assert refused.exit_code == 2
    assert "nope: not found" in refused.stderr
    there = ["train", "--data", str(tmp_path), "--split", str(tmp_path / "no.json")]
    (tmp_path / "metadata.csv").write_text("file,label\na.png,A\nb.png,B\n")
    assert "no.json: No such file" in run(app, [*there, "-o", str(tmp_path / "new")]).stderr


@pytest.fixture
def stopped(phantoms, phantom_split, tmp_path, monkeypatch):
    """A run that has trained an epoch, whose training is interrupted twice."""

    def interrupted(*_):
        raise KeyboardInterrupt

    recipe = Recipe(model="mobilenet-v2", weights="none", size=32)
    made = RunFolder.create(tmp_path / "run", recipe, phantom_split, phantoms, force=False)
    write_history(made.history, [Epoch(1, 0.01, 1.0, 0.5, 1.0, 0.5, 0.5, 2.0)])
    made.last.write_bytes(b"weights")
    monkeypatch.setattr("lungscope.training.fitting.fit", interrupted)
    return made


def test_a_resumed_training_says_where_it_goes_on_and_a_second_ctrl_c_how_to(stopped):
    result = run(app, ["train", "--resume", str(stopped.folder)])
    assert result.exit_code == 130
    assert "mobilenet-v2 from where it stopped, after 1 epoch, into" in result.stdout
    assert f"Continue with: lungscope train --resume {stopped.folder}" in " ".join(
        result.stderr.split()
    )


def test_a_run_without_an_epoch_is_not_said_to_have_a_best_one(stopped):
    stopped.last.unlink()
    refused = run(app, ["evaluate", str(stopped.folder)])
    assert refused.exit_code == 2
    assert "has trained no epoch yet; continue it with `lungscope train" in refused.stderr
    assert refused.stdout == ""
