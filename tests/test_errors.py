"""Errors say what is wrong and what to do, in Python's words or in the command line's."""

import ast
import pickle
import re
from pathlib import Path
from typing import get_args

from typer.testing import CliRunner

import lungscope as ls
from lungscope.cli.app import app
from lungscope.cli.remedies import ON_COMMAND_LINE
from lungscope.errors import IN_PYTHON, Remedy

SOURCE = Path(ls.__file__).parent


def test_every_remedy_has_words_in_python_and_on_the_command_line():
    assert set(IN_PYTHON) == set(ON_COMMAND_LINE) == set(get_args(Remedy))
    assert not any("--" in words for words in IN_PYTHON.values())


def test_an_error_without_a_remedy_is_its_message():
    assert str(ls.NotFound("a.csv: not found")) == "a.csv: not found"
    assert ls.NotFound("a.csv: not found").describe(ON_COMMAND_LINE) == "a.csv: not found"


def test_a_remedy_is_said_in_the_words_asked_for():
    error = ls.AlreadyExists("run: holds an audit", remedy="force")
    assert str(error) == "run: holds an audit; replace it with force=True"
    assert error.describe(ON_COMMAND_LINE) == "run: holds an audit; replace it with --force"


def test_what_does_not_print_in_a_message_is_escaped():
    said = str(ls.InvalidData("t.csv: 'a\nb\x1b[2J\u2028' is listed more than once"))
    assert said == r"t.csv: 'a\nb\x1b[2J\u2028' is listed more than once"
    assert ls.UnreadableImage(Path("a"), "rename it to a\r.png").reason == r"rename it to a\r.png"


def test_a_long_message_keeps_its_beginning_and_its_end():
    said = str(ls.AlreadyExists(f"t.csv: {'x' * 5000} is there", remedy="force"))
    assert len(said) == 1000
    assert said.startswith("t.csv: xxx")
    assert said.endswith("xxx is there; replace it with force=True")


def test_a_message_of_nothing_but_control_characters_stays_within_the_bound():
    assert len(str(ls.InvalidData("\0" * 5000))) == 1000


def test_an_error_comes_back_whole_from_another_process():
    error = pickle.loads(pickle.dumps(ls.InvalidData("run: damaged", remedy="audit-again")))  # noqa: S301
    assert (str(error), error.remedy) == (
        "run: damaged; write it again with Run.audit(force=True)",
        "audit-again",
    )
    image = ls.UnwantedImage(Path("a.dcm"), "it is a CT", "modality")
    assert str(pickle.loads(pickle.dumps(image))) == "a.dcm: it is a CT"  # noqa: S301


def test_the_command_line_names_its_options(tmp_path):
    (tmp_path / "model.json").touch()
    ended = CliRunner().invoke(app, ["evaluate", str(tmp_path)])
    assert ended.exit_code == 2
    assert "not a run folder (no recipe.json); `lungscope train` makes one" in ended.stderr


def raised_texts(module):
    for statement in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(statement, ast.Raise):
            constants = (n for n in ast.walk(statement) if isinstance(n, ast.Constant))
            yield from (n.value for n in constants if isinstance(n.value, str))


def test_every_error_is_of_a_kind():
    bare = [
        (module.name, node.lineno)
        for module in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "LungscopeError"
    ]
    assert not bare


def test_no_error_outside_the_command_line_names_an_option_or_a_command_of_it():
    modules = (m for m in SOURCE.rglob("*.py") if "cli" not in m.relative_to(SOURCE).parts)
    found = [
        (module.name, text)
        for module in modules
        for text in raised_texts(module)
        if re.search(r"(?<!\w)--[a-z]|`lungscope|lungscope [a-z]+ [-A-Z]", text)
    ]
    assert not found
