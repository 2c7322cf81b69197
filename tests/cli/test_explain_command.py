import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from dicom_files import RAMP12, dataset, written
from lungscope.cli.app import app
from lungscope.images import Preprocessing
from lungscope.inference.classifier import Classifier
from lungscope.inference.description import Description
from stub_model import CLASSES, StubModel

run = CliRunner().invoke


@pytest.fixture
def bundled(monkeypatch):
    monkeypatch.setattr(Classifier, "load", classmethod(lambda *_: StubModel()))


@pytest.fixture
def films(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("films/a/1.png", "films/b/1.png")):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        levels = np.random.default_rng(number).integers(0, 255, (80, 70), dtype=np.uint8)
        Image.fromarray(levels).save(path)
    return tmp_path / "films"


def test_a_folder_of_films_becomes_a_folder_of_pictures(bundled, films):
    told = run(app, ["explain", "films"])
    assert told.exit_code == 0
    for name in ("a/1.png.png", "b/1.png.png"):
        assert (films.parent / "explanations" / name).is_file()
    assert "Wrote 2 figures to explanations; none of them with more attribution" in told.stdout
    assert "mobilenet-lung abababab" in told.stdout
    assert "not for diagnosis" in told.stdout
    assert sorted(path.name for path in films.rglob("*.png")) == ["1.png", "1.png"]


def test_a_program_gets_json_alone(bundled, films):
    told = run(app, ["explain", "films/a/1.png", "--class", "Lung Opacity", "--json"])
    answer = json.loads(told.stdout)
    assert answer["model"] == "mobilenet-lung abababab"
    (row,) = answer["files"]
    assert row["file"] == "films/a/1.png"
    assert (row["predicted"], row["abstained"]) == ("Normal", False)
    assert row["model_sha256"] == "ab" * 32
    assert row["explained"] == "Lung Opacity"
    assert row["probabilities"] == {"Lung Opacity": 0.25, "Normal": 0.75}
    assert row["proportion_outside_lungs"] is row["area_outside_lungs"] is None
    assert row["unmeasured"] in ("lung-not-found", "lungs-uncertain")  # the film is noise
    assert row["suspect"] is False
    assert row["figure"] == "explanations/1.png.png"


def test_a_bad_file_is_a_row_and_the_others_are_done(bundled, films):
    (films / "a" / "0.png").write_text("no picture")
    told = run(app, ["explain", "films"])
    assert told.exit_code == 1
    assert "(unreadable)" in told.stdout
    assert "Wrote 2 figures" in told.stdout
    quiet = run(app, ["explain", "films", "--overwrite", "--quiet"])
    assert (quiet.exit_code, quiet.stdout) == (1, "")
    assert quiet.stderr == "1 of 3 files cannot be read or are not accepted\n"


def test_files_in_a_folder_that_are_skipped_are_counted(bundled, films):
    (films / "scan").write_bytes((films / "a" / "1.png").read_bytes())
    told = run(app, ["explain", "films"])
    assert told.exit_code == 0
    assert "1 file that is neither named as an image (.png" in told.stdout


def test_where_no_figure_is_written_that_is_said(bundled, films):
    (films / "a" / "0.png").write_text("no picture")
    told = run(app, ["explain", "films/a/0.png"])
    assert "No figure was written." in told.stdout


def test_an_image_of_another_kind_is_called_unwanted(bundled, films):
    (films / "ct.dcm").write_bytes(written(dataset(RAMP12, Modality="CT")))
    assert "(unwanted)" in run(app, ["explain", "films/ct.dcm"]).stdout
    (row,) = json.loads(run(app, ["explain", "films/ct.dcm", "--json"]).stdout)["files"]
    assert row["unwanted"] == "modality"


def test_an_unknown_class_is_told_with_those_that_there_are(bundled, films):
    told = run(app, ["explain", "films", "--class", "Cat"])
    assert told.exit_code == 2
    assert "'Cat' is unknown; choose one of Lung Opacity, Normal" in told.stderr
    assert not (films.parent / "explanations").exists()


def test_pictures_are_replaced_when_that_is_asked_for(bundled, films):
    assert run(app, ["explain", "films", "-o", "here"]).exit_code == 0
    again = run(app, ["explain", "films", "-o", "here"])
    assert again.exit_code == 2
    assert "--overwrite" in again.stderr
    assert run(app, ["explain", "films", "-o", "here", "--overwrite"]).exit_code == 0


def test_quiet_says_nothing(bundled, films):
    told = run(app, ["explain", "films", "--quiet"])
    assert told.exit_code == 0
    assert told.output == ""


def test_a_run_and_a_model_are_not_given_together(films):
    told = run(app, ["explain", "films", "--run", "r", "--model", "m"])
    assert told.exit_code == 2
    assert "give one of them" in told.stderr


def test_what_is_no_run_is_told(films):
    told = run(app, ["explain", "films", "--run", "films"])
    assert told.exit_code == 2
    assert "not a run folder" in told.stderr


def test_a_run_explains_itself(films):
    import torch

    from lungscope.models import Shape, build_network
    from lungscope.models.checkpoint import save_checkpoint
    from lungscope.training.recipe import Recipe

    torch.manual_seed(0)
    Recipe(model="squeezenet1_1").save(films.parent / "run" / "recipe.json")
    description = Description("squeezenet1_1", 16, CLASSES, Preprocessing(64, 0.5, 0.2), "")
    network = build_network("squeezenet1_1", Shape(2))
    save_checkpoint(films.parent / "run" / "checkpoint", network.state_dict(), description)
    told = run(app, ["explain", "films", "--run", "run", "--json"])
    assert told.exit_code == 0
    answer = json.loads(told.stdout)
    assert answer["model"].startswith("squeezenet1_1 ")
    assert [row["method"] for row in answer["files"]] == ["class-activation-map"] * 2


def test_without_a_run_torch_is_not_imported(films):
    script = """
import sys
sys.path.insert(0, {here!r})
from dicom_files import RAMP12, dataset, written
from stub_model import StubModel
from lungscope.inference.classifier import Classifier
from lungscope.cli.app import app
Classifier.load = classmethod(lambda *_: StubModel())
try:
    app(["explain", "films"])
except SystemExit as end:
    assert end.code == 0, end.code
heavy = {{"torch", "torchvision", "lightning", "scipy", "sklearn", "matplotlib"}}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    here = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", script.format(here=here)],
        cwd=films.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (films.parent / "explanations" / "a" / "1.png.png").is_file()
