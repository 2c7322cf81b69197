import pytest
from typer.testing import CliRunner

from lungscope.cli.app import app

run = CliRunner().invoke


@pytest.fixture
def served(monkeypatch):
    """What the command would serve, without serving it."""
    found = {}

    def serve(settings, load, on_ready):
        found.update(settings=settings, load=load)
        model = load()
        on_ready("http://127.0.0.1:8080/", model)

    monkeypatch.setattr("lungscope.serving.http.server.serve", serve)
    monkeypatch.delenv("LUNGSCOPE_TOKEN", raising=False)
    return found


def test_it_tells_the_model_the_address_and_what_it_is_not_for(served, exported_model):
    result = run(app, ["serve", "--model", str(exported_model)])
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()[:2]
    assert first.startswith("Serving tiny ")
    assert "http://127.0.0.1:8080/" in first
    assert second == "Research software, not for diagnosis."


def test_by_itself_it_listens_to_this_machine_alone(served, exported_model):
    run(app, ["serve", "--model", str(exported_model)])
    assert served["settings"].local
    assert served["settings"].token is None
    assert served["settings"].audit_log is None
    assert served["settings"].audit_log_kept is None


def test_options_reach_the_service(served, exported_model, tmp_path):
    token = tmp_path / "token"
    token.write_text("0123456789abcdef\n")
    options = ["--host", "0.0.0.0", "--port", "9000", "--token-file", str(token)]  # noqa: S104
    options += ["--max-upload", "10", "--queue", "7", "--timeout", "2.5", "--workers", "3"]
    options += ["--audit-log", str(tmp_path / "audit.jsonl"), "--quiet"]
    options += ["--audit-log-size", "3", "--audit-log-keep", "5"]
    result = run(app, ["serve", "--model", str(exported_model), *options])
    found = served["settings"]
    assert (found.host, found.port, found.token) == ("0.0.0.0", 9000, "0123456789abcdef")  # noqa: S104
    assert (found.largest_upload, found.queue, found.timeout) == (10 * 2**20, 7, 2.5)
    assert (found.workers, found.audit_log) == (3, tmp_path / "audit.jsonl")
    assert (found.audit_log_size, found.audit_log_kept) == (3 * 2**20, 5)
    assert result.stdout == ""


def test_the_token_may_come_from_the_environment_and_there_is_no_option_for_it(
    served, exported_model, monkeypatch
):
    monkeypatch.setenv("LUNGSCOPE_TOKEN", "fedcba9876543210")
    run(app, ["serve", "--model", str(exported_model)])
    assert served["settings"].token == "fedcba9876543210"  # noqa: S105
    assert run(app, ["serve", "--token", "fedcba9876543210"]).exit_code == 2


def test_a_missing_library_is_told_with_the_extra_that_brings_it(monkeypatch, exported_model):
    def missing(*_):
        raise ModuleNotFoundError("no", name="uvicorn.config")

    monkeypatch.setattr("lungscope.serving.http.server.serve", missing)
    result = run(app, ["serve", "--model", str(exported_model)])
    assert result.exit_code == 2
    assert "pip install '.[serve]'" in result.stderr
    assert result.stderr.count("\n") == 1
