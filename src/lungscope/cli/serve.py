"""`lungscope serve`: the model behind HTTP, with a page for people."""

import logging
import os
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lungscope.about import DISCLAIMER
from lungscope.cli.config import Config
from lungscope.cli.options import Quiet, UsedModel
from lungscope.cli.terminal import Terminal


def serve(
    host: Annotated[str, typer.Option("--host", help="Address to bind.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="TCP port; 0 for any free one.")
    ] = 8080,
    model: UsedModel = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            help="File with the token that clients must send; or set LUNGSCOPE_TOKEN.",
        ),
    ] = None,
    audit_log: Annotated[
        Path | None,
        typer.Option("--audit-log", help="File that records the answers, without names."),
    ] = None,
    audit_log_size: Annotated[
        int,
        typer.Option(
            "--audit-log-size", min=0, help="MB at which a new audit log is begun; 0: never."
        ),
    ] = 16,
    audit_log_keep: Annotated[
        int,
        typer.Option("--audit-log-keep", min=0, help="Full audit logs to keep; 0: all of them."),
    ] = 0,
    max_upload: Annotated[
        int, typer.Option("--max-upload", min=1, max=512, help="Largest request in MB.")
    ] = 64,
    queue: Annotated[
        int, typer.Option("--queue", min=1, help="Images that may wait for a worker.")
    ] = 64,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, help="Seconds until an answer times out.")
    ] = 30.0,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            help="Worker threads.",
            show_default="one more than processors",
        ),
    ] = None,
    config: Config = None,
    quiet: Quiet = False,
) -> None:
    """Serve a model over HTTP, with a web page, until Ctrl-C.

    Uploads are never stored. Remote clients require a token.
    """
    from lungscope.inference.exported import find_model
    from lungscope.serving.http.access import read_token
    from lungscope.serving.http.server import serve as serve_http
    from lungscope.serving.http.service import Model
    from lungscope.serving.http.settings import MIB, Settings, usual_workers

    settings = Settings(
        host=host,
        port=port,
        token=read_token(token_file, os.environ),
        largest_upload=max_upload * MIB,
        queue=queue,
        timeout=timeout,
        workers=workers or usual_workers(),
        audit_log=audit_log,
        audit_log_size=audit_log_size * MIB or None,
        audit_log_kept=audit_log_keep or None,
    )
    folder = find_model(model)
    terminal = Terminal(quiet=quiet)
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(message)s", level=logging.WARNING)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # the answers to clients say it

    def ready(url: str, model: Model) -> None:
        identity = model.classifier.description.identity
        who = "clients with the token" if settings.token else "this machine alone"
        terminal.say(escape(f"Serving {identity} at {url} to {who}.  Stop with Ctrl-C."))
        terminal.say(DISCLAIMER)

    serve_http(settings, partial(Model.load, folder), ready)
    terminal.say("Stopped; all that was accepted is answered.")
