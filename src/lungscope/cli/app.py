"""The command `lungscope` itself: its groups, and how an error is printed."""

import gc
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup
from typer.exceptions import TyperException

from lungscope.about import __version__
from lungscope.cli.help import HELP_NAMES, tidy_help
from lungscope.cli.remedies import ON_COMMAND_LINE
from lungscope.cli.terminal import INTERRUPTED
from lungscope.errors import LungscopeError

DEBUG = "--debug"
BROKEN_PIPE = 141
"""Exit status of a program whose output nobody reads any more, as shells have it."""


COMMANDS = (
    *("quickstart", "data", "train", "evaluate", "audit", "report", "export"),
    *("predict", "explain", "serve", "pacs", "assess", "compare", "reproduce", "models"),
)
"""In the order of `--help`. Each is a module of its name beside this one, which holds a function of
that name or, for a command with commands of its own, an `app`."""


class Commands(Mapping[str, Any]):
    """The commands by name; each is imported when it is asked for, so that it starts sooner."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in COMMANDS:
            raise KeyError(name)
        if name not in self._loaded:
            self._loaded[name] = _load_command(name)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def _load_command(name: str) -> Any:
    module = import_module(f"lungscope.cli.{name}")
    group: typer.Typer | None = getattr(module, "app", None)
    if group is None:
        group = typer.Typer(add_completion=False)
        group.command(name)(getattr(module, name))
    command = typer.main.get_command(group)
    command.name = name
    tidy_help(command)
    return command


_OBJECTS = 20_000
"""New objects between two collections: at Python's 700, those of the imports, which stay, are
searched dozens of times, which takes a twentieth of `predict` of one image."""


class PoliteGroup(TyperGroup):
    """Prints an error in one line and exits with 2; `--debug` shows where it was found."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = Commands()  # type: ignore[assignment]  # it is only read

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Shows the help; by now typer has added options of its own."""
        tidy_help(self)
        super().format_help(ctx, formatter)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Reads the options before the command; `--debug` may stand anywhere."""
        end = args.index("--") if "--" in args else len(args)
        if DEBUG in args[:end]:
            args = [DEBUG, *(word for word in args[:end] if word != DEBUG), *args[end:]]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except TyperException as error:
            _suggest_other(error)
            _suggest_argument(error)
            raise
        except BrokenPipeError:  # the reader of our output has seen enough, as `head` does
            with Path(os.devnull).open("w") as nowhere:
                os.dup2(nowhere.fileno(), sys.stdout.fileno())  # or Python complains at its exit
            raise typer.Exit(BROKEN_PIPE) from None
        except KeyboardInterrupt:  # results are written whole or not at all, see `atomic`
            _print_plainly("Stopped: what was not finished was not written.")
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            _print_error(_words(error))
            raise typer.Exit(2) from error


def _suggest_other(error: Any) -> None:
    """Suggests the one of `--force` and `--overwrite` that a command has for the other."""
    others = {"--force": "--overwrite", "--overwrite": "--force"}
    other = others.get(getattr(error, "option_name", ""))
    if other and any(other in option.opts for option in error.ctx.command.params):
        error.possibilities = [other]


def _suggest_argument(error: Any) -> None:
    """Says of `--run` that RUN is given without an option, where it is."""
    option = getattr(error, "option_name", "")
    for each in error.ctx.command.params if option and error.ctx else ():
        if each.param_type_name == "argument" and option == f"--{each.name}":
            error.possibilities = []
            error.message = f"{error.message}; give {each.metavar or each.name.upper()} without it"


def _words(error: Exception) -> str:
    """Returns the line that is printed for an error."""
    if isinstance(error, LungscopeError):
        return error.describe(ON_COMMAND_LINE)
    if isinstance(error, ModuleNotFoundError):
        return (
            f"{error.name} is not installed; this command needs "
            f"pip install '.[{_extra(error.name or '')}]' in a clone of lungscope"
        )
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    return (
        f"a fault of lungscope itself ({type(error).__name__}: {error}); please report it with "
        "what `lungscope --debug ...` prints"
    )


def _extra(module: str) -> str:
    """The optional dependencies that a module belongs to."""
    return "serve" if module.partition(".")[0] in _SERVE else "train"


_SERVE = {
    "fastapi",
    "h11",
    "highdicom",
    "prometheus_client",
    "pydantic",
    "pynetdicom",
    "python_multipart",
    "starlette",
    "uvicorn",
}


def _print_error(message: str) -> None:
    _print_plainly(f"[bold red]error:[/] {escape(message)}")


def _print_plainly(markup: str) -> None:
    Console(stderr=True, soft_wrap=True, highlight=False).print(markup)


app = typer.Typer(
    cls=PoliteGroup,
    name="lungscope",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": HELP_NAMES},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lungscope {__version__}")
        raise typer.Exit


@app.callback()
def lungscope(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", is_eager=True, callback=_version
        ),
    ] = False,
    debug: Annotated[bool, typer.Option(DEBUG, help="Show where an error arose.")] = False,
) -> None:
    """Chest X-ray lung disease classification that can be trusted.

    Research software, not for diagnosis.
    """


def main() -> None:
    """Runs the command line."""
    gc.set_threshold(_OBJECTS)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file's name may hold what the terminal cannot write; that is no reason to stop.
            stream.reconfigure(errors="backslashreplace")
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")  # names of files are bytes to the system
    # They warn of damaged metadata in their own words; whatever matters is an error of ours.
    warnings.filterwarnings("ignore", module=r"(PIL|pydicom)\.")
    # It remarks on a folder for its settings that it cannot make, and works without.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    logging.getLogger("PIL").setLevel(logging.CRITICAL)  # it logs why it raises
    sys.exit(app())
