import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from lungscope.cli.app import app
from lungscope.errors import LungscopeError
from lungscope.export import exporting
from lungscope.export.parity import Parity
from lungscope.images import Preprocessing
from lungscope.inference.abstention import Thresholds
from lungscope.inference.description import Description, ExportInfo
from lungscope.training.recipe import Recipe
from lungscope.training.run import RunFolder

invoke = CliRunner().invoke


@pytest.fixture
def run(tmp_path, phantoms, phantom_split):
    run = RunFolder.create(tmp_path / "my run", Recipe(), phantom_split, phantoms, force=False)
    run.note(finished=True)
    return run


@pytest.fixture
def asked(monkeypatch):
    """What `export_runs` was given; it exports nothing."""
    asked = {"min_confidence": 0.5672}

    def export_runs(runs, data, folder, precision, **options):
        asked.update(runs=runs, data=data, folder=folder, precision=precision, **options)
        description = Description(
            "mobilenet-lung",
            16,
            ("Normal", "[odd]"),
            Preprocessing(64, 0.5, 0.25),
            "0123456789abcdef" * 4,
            abstention=Thresholds(
                "mahalanobis", 1.4972, asked["min_confidence"], gate=asked["use_gate"]
            ).to_json(),
            temperature=asked.get("temperature", 1.5),
            export=ExportInfo(precision, {}),
        )
        parity = Parity(precision, 302, 12, 9.5e-06, 1.0, 0.9371, 0.9404)
        return exporting.ExportedRun(description, parity, 8_894_074, folder)

    monkeypatch.setattr(exporting, "export_runs", export_runs)
    return asked


def test_it_exports_beside_the_run_and_says_what_to_do_next(run, asked, phantoms):
    result = invoke(app, ["export", str(run.folder)])
    assert result.exit_code == 0
    assert asked["runs"] == [run]
    assert asked["data"] == phantoms
    assert asked["folder"] == run.folder / "export"
    assert asked["precision"] == "fp32"
    assert not asked["force"]
    told = result.stdout
    assert "model mobilenet-lung 01234567   8.9 MB   classes Normal, [odd]" in told
    assert "302 validation images and 12 phantoms" in told
    assert "logits within 9.5e-06, 100.0 % equal decisions" in told
    assert "0.9371 and 0.9404" in told
    assert asked["use_gate"]
    assert "Abstains with the gate, beyond a distance of 1.497" in told
    assert "confidence of 0.567" in told
    assert f"Next: lungscope predict PATH --model '{run.folder / 'export'}'" in told
    assert "not for diagnosis" in told


def test_a_model_that_is_sure_enough_of_every_answer_is_not_said_to_abstain_below_0(run, asked):
    asked["min_confidence"] = 0.0
    told = invoke(app, ["export", str(run.folder)]).stdout
    assert "never because of low confidence" in told
    assert "0.000" not in told


def test_a_model_of_another_body_part_is_exported_without_the_gate(run, asked):
    told = invoke(app, ["export", str(run.folder), "--no-gate"]).stdout
    assert asked["use_gate"] is False
    assert "Abstains without the gate" in told


def test_integers_go_into_a_folder_of_their_own(run, asked):
    told = invoke(app, ["export", str(run.folder), "--int8"]).stdout
    assert asked["precision"] == "int8"
    assert asked["folder"] == run.folder / "export-int8"
    assert "model mobilenet-lung 01234567 int8" in told


def test_folder_data_cache_and_force_are_handed_on(run, asked, phantoms, tmp_path):
    words = ["--data", str(phantoms), "-o", str(tmp_path / "out"), "--cache", str(tmp_path / "c")]
    assert invoke(app, ["export", str(run.folder), *words, "--force"]).exit_code == 0
    assert asked["data"] == phantoms
    assert asked["folder"] == tmp_path / "out"
    assert asked["cache_folder"] == tmp_path / "c"
    assert asked["force"]


def test_an_unfinished_training_is_pointed_out(run, asked):
    run.checkpoint.mkdir()
    run.note(finished=False)
    told = invoke(app, ["export", str(run.folder)]).stdout
    assert "Training is not finished: what is exported is its best epoch" in told
    assert "--resume" in told


def test_a_program_gets_json_alone(run, asked):
    told = json.loads(invoke(app, ["export", str(run.folder), "--json"]).stdout)
    assert told["model"] == "mobilenet-lung 01234567"
    assert told["parity"]["equal_decisions"] == 1
    assert told["abstention"]["max_distance"] == 1.4972


def test_quiet_says_nothing(run, asked):
    result = invoke(app, ["export", str(run.folder), "--quiet"])
    assert (result.exit_code, result.output) == (0, "")


def test_a_refusal_is_one_line(run, monkeypatch):
    def refuse(*_, **__):
        raise LungscopeError("export: in int8 this model names the same class for 98.0%")

    monkeypatch.setattr(exporting, "export_runs", refuse)
    result = invoke(app, ["export", str(run.folder), "--int8"])
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "98.0%" in result.stderr


def test_a_folder_that_is_no_run_is_refused_in_one_line(tmp_path):
    result = invoke(app, ["export", str(tmp_path)])
    assert result.exit_code == 2
    assert "not a run folder" in result.stderr


def test_several_runs_and_flips_are_handed_on(run, asked, phantoms, phantom_split, tmp_path):
    second = RunFolder.create(tmp_path / "second", Recipe(), phantom_split, phantoms, force=False)
    second.note(finished=True)
    both = ["export", str(run.folder), str(second.folder)]
    homeless = invoke(app, both)
    assert homeless.exit_code == 2
    assert "give a folder for it with -o" in homeless.stderr
    told = invoke(app, [*both, "-o", str(tmp_path / "out"), "--flip"])
    assert told.exit_code == 0
    assert asked["runs"] == [run, second]
    assert asked["folder"] == tmp_path / "out"
    assert asked["flip"]
    assert "different splits" not in told.stdout


def test_runs_of_different_splits_are_warned_of(run, asked, phantoms, phantom_split, tmp_path):
    entries = phantom_split.entries
    first = next(entry for entry in entries if entry.subset == "train")
    other = replace(phantom_split, entries=tuple(e for e in entries if e != first))
    second = RunFolder.create(tmp_path / "second", Recipe(), other, phantoms, force=False)
    words = [str(run.folder), str(second.folder), "-o", str(tmp_path / "out")]
    told = invoke(app, ["export", *words])
    assert "warning: the runs have different splits" in told.stdout


@pytest.mark.parametrize(("temperature", "end"), [(99.99999, "100"), (0.0100001, "0.01")])
def test_a_temperature_at_the_end_of_its_search_is_a_warning(run, asked, temperature, end):
    assert "warning" not in invoke(app, ["export", str(run.folder)]).stdout
    asked["temperature"] = temperature
    said = invoke(app, ["export", str(run.folder)]).stdout
    assert f"warning: the temperature is the end of its search, {end}: do not rely" in said
