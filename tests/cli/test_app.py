import subprocess
import sys

import pytest
from typer.testing import CliRunner

from lungscope.about import __version__
from lungscope.cli.app import app
from lungscope.errors import NotFound

run = CliRunner().invoke


def test_the_version_is_printed():
    result = run(app, ["--version"])
    assert result.exit_code == 0
    assert result.stdout == f"lungscope {__version__}\n"


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["quickstart"],
        ["train"],
        ["evaluate"],
        ["models"],
        ["data"],
        ["data", "check"],
        ["data", "split"],
        ["data", "fetch"],
        ["data", "phantom"],
    ],
)
def test_every_command_has_help(command):
    result = run(app, [*command, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.stdout


def test_a_mistake_is_told_in_one_line_on_standard_error_and_exits_with_2(tmp_path):
    result = run(app, ["data", "check", str(tmp_path / "nowhere")])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("error: ")
    assert "not found" in result.stderr


def test_debug_shows_where_a_mistake_was_found(tmp_path):
    result = run(app, ["--debug", "data", "check", str(tmp_path / "nowhere")])
    assert result.exit_code == 1
    assert isinstance(result.exception, NotFound)


def test_an_unknown_option_exits_with_2():
    assert run(app, ["train", "--nonsense"]).exit_code == 2


def test_help_starts_without_torch_or_scipy():
    code = (
        "import sys; from lungscope.cli.app import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'scipy', 'sklearn', 'matplotlib'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device", "runs/x"), "runs/x: No space left on device"),
        (ModuleNotFoundError("no", name="torch"), "pip install '.[train]'"),
        (ValueError("surprise"), "a fault of lungscope itself (ValueError: surprise)"),
    ],
)
def test_no_error_of_any_kind_shows_a_traceback(monkeypatch, error, words):
    def fail(*_):
        raise error

    monkeypatch.setattr("lungscope.models.list_architectures", fail)
    result = run(app, ["models"])
    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr
