"""`lungscope evaluate MODEL --on DATA`."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from lungscope.cli.app import app
from lungscope.data.index import Index

invoke = CliRunner().invoke


@pytest.fixture
def evaluate(exported_model, phantoms, tmp_path):
    def evaluate(*options, on=phantoms, out=tmp_path / "out"):
        words = ["evaluate", str(exported_model), "--on", str(on), *options]
        return invoke(app, words if out is None else [*words, "-o", str(out)])

    return evaluate


def test_results_are_said_by_source_and_written_with_a_page(evaluate, tmp_path):
    result = evaluate()
    assert result.exit_code == 0, result.stderr
    assert "cannot be searched" in result.stdout
    assert "phantom" in result.stdout
    assert (tmp_path / "out" / "report.html").is_file()
    assert (tmp_path / "out" / "external.json").is_file()


def test_json_is_external_json_and_nothing_else(evaluate, tmp_path):
    result = evaluate("--json", "--map", "Normal=")
    written = json.loads((tmp_path / "out" / "external.json").read_text())
    assert json.loads(result.stdout) == written
    assert {"label": "Normal", "mapped_to": None, "images": 20} in written["labels"]


def test_results_that_are_there_are_replaced_with_force_alone(evaluate):
    assert evaluate("--quiet").exit_code == 0
    refused = evaluate("--quiet")
    assert refused.exit_code == 2
    assert "replace it with --force" in refused.stderr
    assert evaluate("--quiet", "--force").exit_code == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--map", "Normal"], "give LABEL=CLASS"),
        (["--map", "Flu=Normal"], "the data has no label 'Flu'"),
        (["--by", "weight"], "has no column 'weight'"),
        (["--subset", "test"], "--subset: does not go with --on"),
        (["--label-column", "finding"], "column finding missing"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(evaluate, tmp_path, options, said):
    result = evaluate(*options)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_label_that_is_no_class_is_refused_with_what_to_do(evaluate, phantoms, tmp_path):
    other = shutil.copytree(phantoms, tmp_path / "other")
    table = other / "metadata.csv"
    table.write_text(table.read_text().replace(",Normal,", ",Healthy,"))
    result = evaluate(on=other)
    assert result.exit_code == 2
    assert "labels 'Healthy' are no class of the model" in result.stderr
    assert "--map LABEL=CLASS" in result.stderr
    assert evaluate("--map", "Healthy=normal", on=other).exit_code == 0


def test_an_exported_model_needs_a_folder_for_results(evaluate):
    result = evaluate(out=None)
    assert result.exit_code == 2
    assert "name a folder for the results with -o" in result.stderr


def test_options_of_other_data_need_other_data(exported_model):
    result = invoke(app, ["evaluate", str(exported_model), "--by", "age"])
    assert result.exit_code == 2
    assert "--by: needs --on DATA" in result.stderr


def test_a_hospital_with_images_of_one_class_is_evaluated(evaluate, phantoms, tmp_path):
    index = Index.open(phantoms)
    normal = tmp_path / "normal" / "Normal"
    normal.mkdir(parents=True)
    for entry in index.entries:
        if index.classes[entry.label] == "Normal":
            shutil.copy(index.path(entry), normal)
    result = evaluate(on=normal.parent)
    assert result.exit_code == 0, result.stderr
    assert "Images of one class, Normal: AUROC is not defined" in result.stdout
    written = json.loads((tmp_path / "out" / "external.json").read_text())
    whole, against_rest = written["forced"]["whole"], written["forced"]["one_vs_rest"]["Normal"]
    assert whole["accuracy"] == whole["balanced_accuracy"]
    assert (whole["sick_auroc"], whole["auroc"], against_rest["auroc"]) == (None, {}, None)
