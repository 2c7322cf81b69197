import json

import pytest
from typer.testing import CliRunner

from lungscope.cli.app import app


@pytest.fixture
def offline(tmp_path, monkeypatch):
    import torch

    def no_network(*_, **__):
        raise torch.hub.URLError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(torch.hub, "urlopen", no_network)


def test_quickstart_ends_with_an_evaluated_model_and_pictures(offline, tmp_path):
    out = tmp_path / "quick"
    command = ["quickstart", "-o", str(out), "--count", "60", "--epochs", "1"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.stderr
    assert "from the weights of the bundled model paper" in result.stdout
    assert json.loads((out / "run" / "evaluation" / "metrics.json").read_text())["images"] > 0
    for picture in ("learning-curves.png", "confusion-matrix.png", "contact-sheet.png"):
        assert picture in result.stdout

    again = CliRunner().invoke(app, command)
    assert again.exit_code == 2
    assert "--force" in again.stderr


def test_quickstart_removes_nothing_that_it_did_not_make(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    result = CliRunner().invoke(app, ["quickstart", "-o", str(tmp_path), "--force"])
    assert result.exit_code == 2
    assert (tmp_path / "thesis.txt").exists()
