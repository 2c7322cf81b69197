"""How `--help` looks: whole sentences, and no type beside a flag, which takes no value."""

import inspect
from typing import Any

import typer

HELP_NAMES = ["-h", "--help"]


def tidy_help(command: Any) -> None:
    """Tidies the help of a command, and of the commands in it.

    typer keeps the line breaks of a docstring after its first paragraph, and shows the type of an
    option that is a flag.

    Args:
        command: of typer; it is changed.
    """
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    command.help = "\n\n".join(" ".join(each.split("\n")) for each in paragraphs)
    context = typer.Context(command, help_option_names=HELP_NAMES)
    for option in (*command.params, command.get_help_option(context)):
        if getattr(option, "is_flag", False):
            option.metavar = ""
    commands = getattr(command, "commands", None)
    if isinstance(commands, dict):  # not those of `lungscope`, which are loaded one by one
        for each in commands.values():
            tidy_help(each)
