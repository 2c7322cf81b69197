"""The command `lungscope` itself: its groups, and how an error is printed."""

import io
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup
from typer.exceptions import TyperException

from lungscope.about import __version__
from lungscope.cli import (
    audit,
    compare,
    data,
    evaluate,
    explain,
    export,
    models,
    pacs,
    predict,
    quickstart,
    report,
    reproduce,
    serve,
    train,
)
from lungscope.errors import LungscopeError

BROKEN_PIPE = 141
"""Exit status of a program whose output nobody reads any more, as shells have it."""


class PoliteGroup(TyperGroup):
    """Prints an error in one line and exits with 2; `--debug` shows where it was found."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, TyperException):
            raise
        except BrokenPipeError:  # the reader of our output has seen enough, as `head` does
            with Path(os.devnull).open("w") as nowhere:
                os.dup2(nowhere.fileno(), sys.stdout.fileno())  # or Python complains at its exit
            raise typer.Exit(BROKEN_PIPE) from None
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            _print_error(_words(error))
            raise typer.Exit(2) from error


def _words(error: Exception) -> str:
    """Returns the line that is printed for an error."""
    if isinstance(error, LungscopeError):
        return str(error)
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
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(f"[bold red]error:[/] {escape(message)}")


app = typer.Typer(
    cls=PoliteGroup,
    name="lungscope",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("quickstart")(quickstart.quickstart)
app.add_typer(data.app, name="data")
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("audit")(audit.audit)
app.command("report")(report.report)
app.command("export")(export.export)
app.command("predict")(predict.predict)
app.command("explain")(explain.explain)
app.command("serve")(serve.serve)
app.add_typer(pacs.app, name="pacs")
app.command("compare")(compare.compare)
app.command("reproduce")(reproduce.reproduce)
app.command("models")(models.models)


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
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error arose.")] = False,
) -> None:
    """Chest X-ray lung disease classification that can be trusted.

    Research software, not for diagnosis.
    """


def main() -> None:
    """Runs the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file's name may hold what the terminal cannot write; that is no reason to stop.
            stream.reconfigure(errors="backslashreplace")
    sys.exit(app())
