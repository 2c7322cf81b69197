import os
import subprocess
import sys
from itertools import pairwise

import pytest
from typer.testing import CliRunner

from lungscope.about import __version__
from lungscope.cli.app import COMMANDS, app
from lungscope.errors import NotFound

run = CliRunner().invoke


def test_the_version_is_printed():
    result = run(app, ["--version"])
    assert result.exit_code == 0
    assert result.stdout == f"lungscope {__version__}\n"


SUBCOMMANDS = [
    *(["data", name] for name in ("check", "split", "fetch", "phantom")),
    *(["pacs", name] for name in ("run", "status", "failed", "retry", "drop")),
]


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS), *SUBCOMMANDS])
def test_every_command_has_help(command):
    result = run(app, [*command, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.stdout


@pytest.mark.parametrize("command", ["evaluate", "export", "report"])
def test_help_says_what_the_folder_is_for(command):
    help_ = " ".join(run(app, [command, "--help"]).stdout.split())
    assert "Output folder." in help_
    assert " Folder. " not in help_


def test_an_unknown_command_is_refused_with_the_nearest_one():
    result = run(app, ["predcit"])
    assert result.exit_code == 2
    assert "Did you mean 'predict'?" in result.stderr


def test_a_command_imports_no_other_command():
    code = (
        "import sys; from lungscope.cli.app import app\n"
        "try: app(['models', '--help'])\n"
        "except SystemExit: pass\n"
        f"print([name for name in {COMMANDS} if 'lungscope.cli.' + name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == "['models']"


def test_a_mistake_is_told_in_one_line_on_standard_error_and_exits_with_2(tmp_path):
    result = run(app, ["data", "check", str(tmp_path / "nowhere")])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("error: ")
    assert "not found" in result.stderr


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_debug_may_stand_anywhere(tmp_path, place):
    words = ["data", "check", str(tmp_path / "nowhere")]
    result = run(app, [*words[:place], "--debug", *words[place:]])
    assert isinstance(result.exception, NotFound)


def test_debug_after_two_hyphens_is_the_name_of_a_file(tmp_path):
    result = run(app, ["data", "check", "--", "--debug"])
    assert "--debug: not found" in result.stderr


@pytest.mark.parametrize(
    ("words", "other"),
    [
        (["predict", "a.png", "--force"], "--overwrite"),
        (["evaluate", "run", "--overwrite"], "--force"),
    ],
)
def test_of_two_options_for_replacing_the_one_that_a_command_has_is_suggested(words, other):
    result = run(app, words)
    assert result.exit_code == 2
    assert f"No such option: {words[-1]} (Possible options: {other})" in result.stderr


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


def test_ctrl_c_is_one_line_and_130(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("lungscope.models.list_architectures", interrupted)
    result = run(app, ["models"])
    assert result.exit_code == 130
    assert result.stderr == "Stopped: what was not finished was not written.\n"


@pytest.mark.parametrize("words", [["audit", "--run", "x"], ["evaluate", "--model", "x"]])
def test_of_an_option_that_is_an_argument_it_is_said_so(words):
    result = run(app, words)
    assert result.exit_code == 2
    assert f"No such option: {words[1]}; give {words[1][2:].upper()} without it" in result.stderr


@pytest.mark.parametrize("words", [[], ["evaluate"], ["data", "check"], ["reproduce"]])
def test_help_has_whole_lines_and_no_type_beside_a_flag(words):
    said = run(app, [*words, "--help"], env={"COLUMNS": "100"}).stdout
    assert "bool" not in said
    prose, _, _ = said.partition("\u256d")
    lines = [line.strip() for line in prose.splitlines()]
    for line, following in pairwise(lines):
        first = following.partition(" ")[0]
        assert not line or not first or len(f"{line} {first}") > 90, line


def test_matplotlib_remarks_on_no_folder_of_its_own():
    code = (
        "import sys; from lungscope.cli.app import main\n"
        "sys.argv = ['lungscope', '--version']\n"
        "try: main()\n"
        "except SystemExit: import matplotlib; print(matplotlib.get_cachedir())"
    )
    nowhere = {
        "HOME": "/proc/none",
        "XDG_CACHE_HOME": "/proc/none",
        "XDG_CONFIG_HOME": "/proc/none",
    }
    environment = {k: v for k, v in os.environ.items() if k != "MPLCONFIGDIR"} | nowhere
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert "matplotlib" in found.stdout
    assert found.stderr == ""
