import json

import pytest
from typer.testing import CliRunner

from lungscope.cli.app import app
from lungscope.images import Preprocessing
from lungscope.inference.description import Description
from lungscope.training.history import Epoch, write_history
from lungscope.training.recipe import Recipe
from lungscope.training.run import RunFolder

invoke = CliRunner().invoke


@pytest.fixture
def run(tmp_path, phantoms, phantom_split):
    """A run that is trained, and neither evaluated nor audited."""
    recipe = Recipe(model="squeezenet", weights="none", size=64)
    run = RunFolder.create(tmp_path / "lung", recipe, phantom_split, phantoms, force=False)
    write_history(run.history, [Epoch(1, 0.01, 1.0, 0.5, 1.0, 0.5, 0.5, 2.0)])
    Description(
        architecture=recipe.model,
        se_reduction=16,
        classes=phantom_split.classes,
        preprocessing=Preprocessing(64, 0.5, 0.25),
        weights_sha256="0123456789abcdef" * 4,
        data_fingerprint=phantom_split.fingerprint,
    ).save(run.checkpoint / "model.json")
    return run.folder


def test_it_writes_page_and_card_into_the_run_and_says_where(run):
    result = invoke(app, ["report", str(run)])
    assert result.exit_code == 0
    assert "report.html" in result.stdout
    assert "model_card.md" in result.stdout
    assert "Research software, not for diagnosis." in result.stdout
    assert "01234567" in (run / "report.html").read_text(encoding="utf-8")
    assert invoke(app, ["report", str(run)]).exit_code == 0


def test_what_the_report_leaves_out_is_named_with_the_command_that_replaces_it(run):
    from lungscope.audit.audit_report import AuditReport
    from lungscope.estimate import Estimate

    images = len(RunFolder.open(run).split.subset("test"))
    (run / "audit").mkdir()
    AuditReport("f" * 64, "test", images, 1, Estimate(0.5, 0.4, 0.6), (), (), {}).save(
        run / "audit"
    )
    output = invoke(app, ["report", str(run)]).stdout
    assert "Not in the report: the audit that is there was made of another model; " in output
    assert f"lungscope audit {run} --force" in output


def test_quiet_prints_nothing(run):
    result = invoke(app, ["report", str(run), "--quiet"])
    assert (result.exit_code, result.output) == (0, "")


def test_another_folder_is_not_replaced_unasked(run, tmp_path):
    words = ["report", str(run), "-o", str(tmp_path / "elsewhere")]
    assert invoke(app, words).exit_code == 0
    refused = invoke(app, words)
    assert refused.exit_code == 2
    assert "replace it with --force" in refused.stderr
    assert invoke(app, [*words, "--force"]).exit_code == 0


def test_a_folder_that_is_no_run_is_refused_in_one_line(tmp_path):
    result = invoke(app, ["report", str(tmp_path)])
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "not a run folder" in result.stderr


def test_a_damaged_evaluation_is_refused_in_one_line(run):
    (run / "evaluation").mkdir()
    (run / "evaluation" / "metrics.json").write_text(json.dumps({"subset": "test"}))
    result = invoke(app, ["report", str(run)])
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "metrics.json: damaged" in result.stderr
    assert not (run / "report.html").exists()
