import io
import json

import pytest
from rich.console import Console

from lungscope.cli.terminal import Terminal


def shown_on_a_terminal(terminal):
    shown = io.StringIO()
    terminal.err = Console(file=shown, force_terminal=True, width=80)
    return shown


def test_json_is_the_only_thing_that_a_program_sees(capsys):
    terminal = Terminal(json=True)
    terminal.say("words for people")
    with terminal.progress("working") as on_progress:
        on_progress(1, 1)
    terminal.answer({"classes": ["Pneumonía"]})
    seen = capsys.readouterr()
    assert json.loads(seen.out) == {"classes": ["Pneumonía"]}
    assert seen.err == ""


def test_without_json_nothing_is_answered_to_programs(capsys):
    terminal = Terminal()
    terminal.say("words for people")
    terminal.answer({"a": 1})
    assert capsys.readouterr().out == "words for people\n"


def test_quiet_is_quiet(capsys):
    terminal = Terminal(quiet=True)
    terminal.say("words")
    with terminal.progress("working") as on_progress:
        on_progress(1, 2)
    assert capsys.readouterr() == ("", "")


def test_a_long_line_is_not_cut_or_broken_where_there_is_no_terminal(capsys):
    Terminal().say("x" * 500)
    assert capsys.readouterr().out == "x" * 500 + "\n"


def test_progress_is_shown_on_a_terminal_and_gone_when_all_is_done():
    terminal = Terminal()
    shown = shown_on_a_terminal(terminal)
    with terminal.progress("reading images") as on_progress:
        on_progress(3, 4)
        on_progress(4, 4)
        terminal.err.print("what follows")
    assert "reading images" in shown.getvalue()
    assert "reading images" not in shown.getvalue().split("what follows")[1]


@pytest.mark.parametrize("answer", [float("nan"), float("inf")])
def test_no_answer_is_anything_but_json(answer):
    with pytest.raises(ValueError):
        Terminal(json=True).answer(answer)
