import json

import pytest
from typer.testing import CliRunner

from lungscope.audit.audit_report import AuditReport
from lungscope.audit.finding import Finding
from lungscope.cli.app import app
from lungscope.estimate import Estimate

run = CliRunner().invoke


@pytest.fixture
def audited(tmp_path, monkeypatch):
    """Makes a run whose audit ends with these verdicts."""
    from lungscope.audit import run_audit
    from lungscope.report import run_report
    from lungscope.training.recipe import Recipe

    Recipe().save(tmp_path / "run" / "recipe.json")
    (tmp_path / "data" / "A").mkdir(parents=True)
    (tmp_path / "data" / "B").mkdir()
    for name in ("A/1.png", "B/1.png"):
        (tmp_path / "data" / name).touch()

    def audited(*verdicts):
        found = tuple(
            Finding(f"{n}", "Is it [well]?", verdict, "It is.", "Fails where it is not.")
            for n, verdict in enumerate(verdicts)
        )
        accuracy = Estimate(0.9, 0.8, 0.95)
        result = AuditReport("0" * 64, "test", 20, 10, accuracy, found, (), {})
        monkeypatch.setattr(run_audit, "audit_run", lambda *_, **__: result)
        monkeypatch.setattr("lungscope.cli.audit._open_data", lambda *_: None)
        written = run_report.WrittenReport(tmp_path / "report.html", tmp_path / "model_card.md", {})
        monkeypatch.setattr(run_report, "write_report", lambda _: written)
        return ["audit", str(tmp_path / "run"), "--data", str(tmp_path / "data")]

    return audited


@pytest.mark.parametrize(
    ("verdicts", "option", "code"),
    [
        (["pass", "not-measured"], [], 0),
        (["pass", "warn"], [], 0),
        (["pass", "warn"], ["--fail-on", "warn"], 1),
        (["fail", "warn"], [], 1),
        (["fail", "warn"], ["--fail-on", "never"], 0),
    ],
)
def test_the_exit_code_tells_a_script(audited, verdicts, option, code):
    assert run(app, [*audited(*verdicts), *option]).exit_code == code


def test_every_question_has_its_answer_and_verdict(audited):
    told = run(app, audited("fail", "pass")).stdout
    assert "FAIL" in told
    assert "Is it [well]?" in told
    assert "1 fail, 1 pass" in told
    assert "report.html with model_card.md" in told
    assert "not for diagnosis" in told


def test_a_program_gets_json_alone(audited):
    answer = json.loads(run(app, [*audited("fail"), "--json"]).stdout)
    assert answer["weights_sha256"] == "0" * 64
    assert [finding["name"] for finding in answer["findings"]] == ["0"]
