import io
import json
import shlex
import shutil
from dataclasses import replace

import pytest
from rich.console import Console
from typer.testing import CliRunner

from lungscope.cli.app import app
from lungscope.cli.reproduction_progress import ConsoleReporter
from lungscope.cli.terminal import Terminal
from lungscope.data.split import Split
from lungscope.reproduction import runner
from lungscope.reproduction.progress_estimate import RunProgress
from lungscope.training import recipes
from lungscope.training.run import RunFolder

invoke = CliRunner().invoke


@pytest.fixture
def command(phantoms, phantom_split, cache_folder, tmp_path, monkeypatch):
    """The command on phantoms of 32 x 32; two small models."""
    monkeypatch.setattr(
        "lungscope.training.execution.cpu_count", lambda: 1
    )  # a second thread would only wait
    monkeypatch.setattr(
        recipes, "PAPER_RECIPE", replace(recipes.PAPER_RECIPE, size=32, batch_size=8)
    )
    split = tmp_path / "split.json"
    phantom_split.save(split)

    def command(*options, models="mobilenet-v2,squeezenet1_1", split=split, data=phantoms):
        where = ["--data", data, "-o", tmp_path / "out", "--cache", cache_folder, "--device", "cpu"]
        given = [] if split is None else ["--split", split]
        chosen = ["--models", models, "--weights", "none"]
        return invoke(app, ["reproduce", *map(str, [*where, *given, *chosen, *options])])

    return command


def test_one_command_writes_the_whole_table(command, tmp_path):
    done = command("--budget", "1")
    assert done.exit_code == 0, done.stderr
    for words in (
        "Table I, reproduced; from random weights; width and height of the input, pixels: 32",
        "quick look: at most 1 epoch",
        "mobilenet-v2, seed 0, epoch   1",
        "paper 0.8853",
        "left",
        "3.5 M",
        "SqueezeNet 1.1 is not in the paper.",
        "not for diagnosis",
    ):
        assert words in done.stdout
    names = {path.name for path in (tmp_path / "out").iterdir()} - {".lock"}
    assert names == {
        "split.json", "reproduction.json", "table1.csv", "table1.json", "table1.md", "times.json",
        "figures", "report.html", "mobilenet-v2", "squeezenet1_1",
    }  # fmt: skip
    assert RunFolder.open(tmp_path / "out" / "mobilenet-v2" / "seed-0").recipe.epochs == 1
    before = (tmp_path / "out" / "table1.json").read_text()

    again = command("--budget", "1", "--json")
    assert again.exit_code == 0
    assert again.stderr == ""
    assert (tmp_path / "out" / "table1.json").read_text() == before
    assert json.loads(again.stdout) == json.loads(before)

    again = json.loads(before)["command"]
    assert again == (
        "lungscope reproduce --data phantoms --out OUT --models mobilenet-v2,squeezenet1_1 "
        "--weights none --budget 1 --split split.json"
    )

    other = command("--budget", "2")
    assert other.exit_code == 2
    assert "epochs 1 there, 2 here" in other.stderr
    assert other.stderr.count("\n") == 1


@pytest.fixture
def failing(monkeypatch):
    """Makes every training fail."""

    def diverged(*_):
        raise RuntimeError("no memory [red]left[/red]")

    monkeypatch.setattr(runner, "fit", diverged)


def test_without_a_split_one_is_drawn_and_quiet_prints_nothing(command, failing, tmp_path):
    done = command("--quiet", models="squeezenet1_1", split=None)
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", "")
    assert json.loads((tmp_path / "out" / "split.json").read_text())["description"] == "80/10/10"


def test_another_seed_draws_another_split_only_by_force(command, failing, tmp_path):
    def kept():
        return Split.load(tmp_path / "out" / "split.json")

    command(models="squeezenet1_1", split=None)
    assert command("--seed", "5", models="squeezenet1_1", split=None).exit_code == 2
    assert kept().seed == 0
    command("--seed", "5", "--force", models="squeezenet1_1", split=None)
    assert kept().seed == 5
    assert RunFolder.open(tmp_path / "out" / "squeezenet1_1" / "seed-5").split == kept()
    assert json.loads((tmp_path / "out" / "reproduction.json").read_text())["split"] == "drawn"


def test_a_given_split_stays_with_another_seed(command, failing, phantom_split, tmp_path):
    command(models="squeezenet1_1")
    command("--seed", "5", "--force", models="squeezenet1_1", split=None)
    kept = Split.load(tmp_path / "out" / "split.json")
    assert kept.fingerprint == phantom_split.fingerprint
    assert json.loads((tmp_path / "out" / "reproduction.json").read_text())["split"] == "given"


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--budget", "3", "--seed", "4", "--seeds", "2", "--precision", "bf16"],
        ["--folds", "3", "--models", "mobilenet-ft,squeezenet1_1"],
    ],
)
def test_the_command_in_the_table_makes_the_same_plan(
    command, failing, phantoms, cache_folder, tmp_path, options
):
    command(*options, models="squeezenet1_1", split=None)
    table = json.loads((tmp_path / "out" / "table1.json").read_text())
    places = {"phantoms": str(phantoms), "OUT": str(tmp_path / "again")}
    words = [places.get(word, word) for word in shlex.split(table["command"])[1:]]
    invoke(app, [*words, "--cache", str(cache_folder), "--device", "cpu"])
    again = json.loads((tmp_path / "again" / "table1.json").read_text())
    assert again == table


def test_folds_are_made_and_trained(command, failing, tmp_path):
    command("--folds", "3", models="squeezenet1_1", split=None)
    for fold in (1, 2, 3):
        run = RunFolder.open(tmp_path / "out" / "squeezenet1_1" / f"fold-{fold}")
        kept = Split.load(tmp_path / "out" / "folds" / f"fold-{fold}.json")
        assert run.split == kept
        assert kept.description == f"fold {fold} of 3"


def test_ctrl_c_says_how_to_continue(command, monkeypatch):
    def twice(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "fit", twice)
    stopped = command("--budget", "1")
    assert stopped.exit_code == 130
    assert "same command" in stopped.stdout


def test_a_model_that_fails_gives_exit_status_1_and_a_table(command, failing, tmp_path):
    done = command("--budget", "1", models="mobilenet-v2")
    assert done.exit_code == 1
    assert "no memory [red]left[/red]" in done.stdout
    assert "failed" in (tmp_path / "out" / "table1.md").read_text()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--models", "resnet99"], "unknown"),
        (["--model", "vgg11"], "No such option: --model"),
        (["--budget", "100"], "fewer epochs than the recipe's 100"),
        (["--folds", "3"], "leave out the split or the folds"),
        (["--folds", "3", "--seeds", "2"], "not both"),
        (["--folds", "2"], "3"),
        (["--weights", "mine.pth"], "imagenet"),
    ],
)
def test_a_wrong_value_is_refused(command, options, expected):
    refused = command(*options)
    assert refused.exit_code == 2
    assert expected in refused.stderr


def test_nothing_is_written_among_the_images(command, phantoms):
    result = invoke(app, ["reproduce", "--data", str(phantoms), "-o", str(phantoms / "out")])
    assert result.exit_code == 2
    assert "is inside the data" in result.stderr
    assert not (phantoms / "out").exists()


@pytest.fixture
def clinic(phantoms, tmp_path):
    """Copies of some phantoms as a second data set, with another name for a class."""
    folder = tmp_path / "clinic"
    for label, name in (("clear", "Normal"), ("Lung_Opacity", "Lung_Opacity")):
        (folder / label).mkdir(parents=True)
        for file in (phantoms / name).iterdir():
            shutil.copy(file, folder / label)
    return folder


def test_several_data_sets_are_one_with_labels_mapped(command, failing, phantoms, clinic, tmp_path):
    both = ("--data", clinic, "--map", "clear=Normal")
    assert command(*both, models="squeezenet1_1", split=None).exit_code == 1  # training fails
    split = Split.load(tmp_path / "out" / "split.json")
    assert len(split.classes) == 3
    assert any("clinic/clear/" in entry.file for entry in split.entries)
    table = json.loads((tmp_path / "out" / "table1.json").read_text())
    assert "--data phantoms --data clinic --map clear=Normal" in table["command"]

    other = command("--data", clinic, models="squeezenet1_1", split=None)
    assert other.exit_code == 2
    assert "was begun with the classes" in other.stderr


def test_labels_are_not_mapped_beside_a_split(command):
    refused = command("--map", "COVID=Viral Pneumonia")
    assert refused.exit_code == 2
    assert "the split has its classes" in refused.stderr


def test_models_are_in_the_papers_order(command, failing, tmp_path):
    command(models="squeezenet1_1,mobilenet-ft, mobilenet-v2,mobilenet-v2")
    rows = json.loads((tmp_path / "out" / "table1.json").read_text())["rows"]
    assert [row["model"] for row in rows] == ["mobilenet-v2", "mobilenet-ft", "squeezenet1_1"]


def test_on_a_terminal_one_bar_shows_all_models_and_is_hidden_for_text():
    terminal = Terminal()
    shown = io.StringIO()
    terminal.err = Console(file=shown, force_terminal=True, width=120)
    reporter = ConsoleReporter(terminal)
    reporter.callbacks.on_progress(RunProgress(3.5, 160, 2350.0))
    assert "3.5 of about 160 epochs, about 40 min left" in shown.getvalue()
    reporter.hide()
    assert not terminal.err._live_stack


@pytest.fixture
def hospitals(phantoms, tmp_path):
    """A table of phantoms of two hospitals with every class, and one that has all of a fourth."""
    files = sorted(file.relative_to(phantoms).as_posix() for file in phantoms.rglob("*.png"))
    (tmp_path / "images").symlink_to(phantoms)
    rows = [
        (f"images/{file}", file.split("/")[0], ("Lviv", "Odesa")[number % 2])
        for number, file in enumerate(files)
    ]
    rows += [(file, "Effusion", "Kyiv") for file, *_ in rows[:3]]
    del rows[:3]
    table = tmp_path / "hospitals.csv"
    lines = ["file,label,source", *(",".join(row) for row in rows)]
    table.write_text("\n".join(lines) + "\n")
    return table


def test_each_source_is_left_out_in_turn_and_a_class_is_never_removed(command, hospitals, tmp_path):
    options = ("--leave-one-source-out", "--source", "Kyiv", "--budget", "1")
    refused = command(*options, models="mobilenet-v2", split=None, data=hospitals)
    assert refused.exit_code == 2
    assert "leaving it out removes the class" in " ".join(refused.stderr.split())


def test_sources_are_chosen_only_where_they_are_left_out(command):
    refused = command("--source", "Lviv")
    assert refused.exit_code == 2
    assert "--leave-one-source-out" in refused.stderr
    both = command("--leave-one-source-out")  # with the fixture's --split
    assert both.exit_code == 2
    assert "leave out --split" in both.stderr


def test_a_source_that_is_left_out_is_tested_alone_and_continued(command, phantoms, tmp_path):
    (tmp_path / "images").symlink_to(phantoms)
    files = sorted(file.relative_to(phantoms).as_posix() for file in phantoms.rglob("*.png"))
    rows = [f"images/{f},{f.split('/')[0]},{'AB'[n % 2]}" for n, f in enumerate(files)]
    table = tmp_path / "hospitals.csv"
    table.write_text("\n".join(["file,label,source", *rows]) + "\n")
    options = ("--leave-one-source-out", "--source", "A", "--budget", "1", "--json")
    done = command(*options, models="squeezenet1_1", split=None, data=table)
    assert done.exit_code == 0, done.stderr
    (row,) = json.loads(done.stdout)["rows"]
    assert (row["source"], row["state"], row["measured"]["images"]) == ("A", "complete", 30)
    run = tmp_path / "out" / "source-1" / "squeezenet1_1"
    assert {entry.source for entry in RunFolder(run).split.subset("test")} == {"A"}
    before = (run / "history.csv").read_bytes()
    again = command(*options, models="squeezenet1_1", split=None, data=table)
    assert json.loads(again.stdout)["rows"] == [row]
    assert (run / "history.csv").read_bytes() == before
