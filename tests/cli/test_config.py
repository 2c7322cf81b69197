"""`--config FILE` of three commands: what a file may say, and that a flag overrides it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from lungscope.cli.app import app


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def served(monkeypatch):
    """The settings that `lungscope serve` would serve with."""
    found = []
    monkeypatch.setattr("lungscope.serving.http.server.serve", lambda s, *_: found.append(s))
    monkeypatch.delenv("LUNGSCOPE_TOKEN", raising=False)
    return found


def test_serve_takes_options_from_a_file_with_hyphens_or_underscores(served, write, tmp_path):
    file = write(
        f"port: 9000\nmax-upload: 10\naudit_log: {tmp_path}/log\ntimeout: 3\nquiet: true\n"
    )
    result = run("serve", "--config", file)
    assert result.exit_code == 0, result.output
    (found,) = served
    assert (found.port, found.largest_upload, found.timeout) == (9000, 10 * 2**20, 3)
    assert found.audit_log == tmp_path / "log"
    assert result.stdout == ""


@pytest.mark.parametrize("order", [1, -1])
def test_a_flag_overrides_the_file_wherever_it_stands(served, write, order):
    words = [["--config", write("port: 9000\nqueue: 3\n")], ["--port", "9001"]][::order]
    assert run("serve", *words[0], *words[1]).exit_code == 0
    assert (served[0].port, served[0].queue) == (9001, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prot: 1", "field 'prot' is unknown; known are host, port"),
        ("token: 0123456789abcdef", "field 'token' is unknown"),
        ("config: other.yaml", "field 'config' is unknown"),
        ("help: true", "field 'help' is unknown"),
        ("port: many", "port must be a whole number, is 'many'"),
        ("port: '80'", "port must be a whole number, is '80'"),
        ("port: 70000", "port is 70000; give 0 to 65535\n"),
        ("timeout: 0", "timeout is 0.0; give at least 0.1\n"),
        ("timeout: .nan", "timeout is nan; give at least 0.1\n"),
        ("quiet: 1", "quiet must be true or false, is 1"),
        ("workers: null", "workers must be a whole number, is null"),
        ("host: [a, b]", "host must be text, is a list"),
        ("max-upload: 5\nmax_upload: 6", "field 'max_upload' is given twice"),
        ("- port", "mapping"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line_that_names_it(served, write, text, message):
    file = write(text)
    result = run("serve", "--config", file)
    assert (result.exit_code, served) == (2, [])
    assert result.stderr.startswith(f"error: {file}: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert "0123456789abcdef" not in result.stderr


def test_a_missing_file_is_refused():
    result = run("serve", "--config", "nowhere.yaml")
    assert result.exit_code == 2
    assert "nowhere.yaml: No such file" in result.stderr


def test_pacs_run_takes_required_options_and_lists_from_a_file(write, tmp_path, monkeypatch):
    found = []

    class Stopped(Exception):
        pass

    def service(settings, classifier):
        found.append(settings)
        raise Stopped

    monkeypatch.setattr("lungscope.serving.pacs.service.Service", service)
    monkeypatch.setattr("lungscope.inference.classifier.Classifier.load", lambda _: None)
    monkeypatch.setattr("lungscope.cli.pacs._log_without_identifiers", lambda: None)
    file = write(
        f"spool: {tmp_path}/spool\nsend-to: PACS@10.0.0.5:104\nae-title: NODE\n"
        "accept-from: [CT1, XR2]\nmin-free: 10\n"
    )
    result = run("pacs", "run", "--config", file)
    assert isinstance(result.exception.__context__, Stopped) or result.exit_code == 2
    (settings,) = found
    assert settings.spool == Path(tmp_path / "spool")
    assert [target.name for target in settings.targets] == ["PACS@10.0.0.5:104"]
    assert (settings.ae_title, settings.accept_from) == ("NODE", ("CT1", "XR2"))
    assert settings.limits.free == 10 * 2**20


def test_several_data_sets_are_a_list(write, tmp_path):
    (tmp_path / "here").mkdir()
    file = write(f"data:\n- {tmp_path}/here\n- {tmp_path}/nowhere\nout: {tmp_path}/out\n")
    result = run("reproduce", "--config", file)
    assert result.exit_code == 2
    assert "here" in result.stderr
    assert "data must be" not in result.stderr


def test_reproduce_takes_choices_from_a_file(write, tmp_path):
    file = write(f"data: {tmp_path}/nowhere\nout: {tmp_path}/out\nprecision: 32\nweights: none\n")
    result = run("reproduce", "--config", file)
    assert result.exit_code == 2
    assert "nowhere" in result.stderr
    result = run("reproduce", "--config", write("weights: other"), "--data", "x", "-o", "y")
    assert "weights must be one of imagenet, none, is 'other'" in result.stderr
