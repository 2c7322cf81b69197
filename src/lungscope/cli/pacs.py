"""`lungscope pacs`: a DICOM node beside the PACS, and what its queue holds."""

import logging
import os
import signal
import threading
import time
import warnings
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from lungscope.about import DISCLAIMER
from lungscope.cli.config import Config
from lungscope.cli.options import ExportedFolder, Json
from lungscope.cli.terminal import Terminal
from lungscope.errors import LungscopeError

if TYPE_CHECKING:
    from lungscope.serving.pacs.entry import QueueEntry
    from lungscope.serving.pacs.settings import Orthanc, Tls
    from lungscope.serving.pacs.status import Status

app = typer.Typer(help="Take radiographs from a PACS and send reports back.", no_args_is_help=True)

SpoolOption = Annotated[Path, typer.Option("--spool", help="Folder of what is in work.")]
USER, PASSWORD = "LUNGSCOPE_ORTHANC_USER", "LUNGSCOPE_ORTHANC_PASSWORD"
_MIB = 2**20
_SHOWN = 12
_TLS = "TLS (PEM files)"
_ORTHANC = "Reconciliation with Orthanc"
_LIMITS = "Limits"


@app.command()
def run(
    spool: SpoolOption,
    send_to: Annotated[
        str, typer.Option("--send-to", metavar="AET@HOST:PORT", help="Where results go.")
    ],
    aet: Annotated[str, typer.Option("--ae-title", help="Of this node.")] = "LUNGSCOPE",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port.")] = 11112,
    accept_from: Annotated[
        list[str] | None,
        typer.Option(
            "--accept-from",
            metavar="AET",
            help="A calling AE title; may be repeated.",
            show_default="any, from this machine",
        ),
    ] = None,
    model: ExportedFolder = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, help="Threads.", show_default="one a processor"),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep images and results when they are sent.")
    ] = False,
    tls_cert: Annotated[
        Path | None, typer.Option(help="Certificate of this node.", rich_help_panel=_TLS)
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key.", rich_help_panel=_TLS)] = None,
    tls_ca: Annotated[
        Path | None,
        typer.Option(help="Whose certificates peers must show.", rich_help_panel=_TLS),
    ] = None,
    send_tls: Annotated[
        bool, typer.Option("--send-tls", help="Send results with TLS, too.", rich_help_panel=_TLS)
    ] = False,
    orthanc: Annotated[
        str | None,
        typer.Option("--orthanc", metavar="URL", help="REST address.", rich_help_panel=_ORTHANC),
    ] = None,
    orthanc_credentials: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=f"One line, user:password; else {USER} and {PASSWORD}.",
            rich_help_panel=_ORTHANC,
        ),
    ] = None,
    orthanc_every: Annotated[
        float, typer.Option(min=1, help="Seconds.", rich_help_panel=_ORTHANC)
    ] = 30.0,
    backfill: Annotated[
        bool,
        typer.Option(
            "--backfill",
            help="Take what Orthanc had before the first run, too.",
            rich_help_panel=_ORTHANC,
        ),
    ] = False,
    max_associations: Annotated[
        int, typer.Option(min=1, help="At once.", rich_help_panel=_LIMITS)
    ] = 8,
    max_instance: Annotated[
        int, typer.Option(min=1, help="MiB of an instance.", rich_help_panel=_LIMITS)
    ] = 128,
    max_pdu: Annotated[
        int, typer.Option(min=4096, help="Bytes of a PDU.", rich_help_panel=_LIMITS)
    ] = 2**18,
    timeout: Annotated[
        float, typer.Option(min=1, help="Seconds of silence.", rich_help_panel=_LIMITS)
    ] = 30.0,
    min_free: Annotated[
        int, typer.Option(min=0, help="MiB that stay free on disk.", rich_help_panel=_LIMITS)
    ] = 1024,
    config: Config = None,
) -> None:
    """Run the node until it is told to stop (SIGTERM or Ctrl-C).

    CR, DX and secondary capture images come in by C-STORE; a Structured Report and a picture of
    each go to the target, into the same study. What was acknowledged is on disk.
    """
    from lungscope.inference.classifier import Classifier
    from lungscope.parallel import cpu_count
    from lungscope.serving.pacs.service import Service
    from lungscope.serving.pacs.settings import Limits, Peer, Settings

    tls = _tls(tls_cert, tls_key, tls_ca)
    if send_tls and tls is None:
        raise LungscopeError("--send-tls needs --tls-cert and --tls-key")
    settings = Settings(
        spool=spool,
        target=Peer.parse(send_to),
        ae_title=aet,
        host=host,
        port=port,
        accept_from=tuple(accept_from or ()),
        tls=tls,
        send_tls=tls if send_tls else None,
        limits=Limits(max_associations, max_instance * _MIB, max_pdu, timeout, min_free * _MIB),
        orthanc=_orthanc(orthanc, orthanc_credentials, orthanc_every, backfill=backfill),
        keep=keep,
        workers=workers or cpu_count(),
    )
    log = _log_without_identifiers()
    classifier = Classifier.load(model) if model else Classifier.bundled()
    told_to_stop = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: told_to_stop.set())
    service = Service(settings, classifier)
    log.info(
        "%s listens on %s port %d and sends to %s. Model %s. %s",
        *(aet, host, service.port, settings.target, classifier.description.identity, DISCLAIMER),
    )
    while not told_to_stop.wait(1):  # in pieces, for Windows wakes nobody in the middle of a wait
        pass
    log.info("stopping")
    service.stop()
    log.info("stopped")


@app.command()
def status(spool: SpoolOption, as_json: Json = False) -> None:
    """Show what waits, what is done and what was given up; no identifiers."""
    from lungscope.serving.pacs.status import Status

    found = Status.of(spool)
    terminal = Terminal(json=as_json)
    terminal.answer(
        {
            "running": found.running,
            "counts": found.counts,
            "oldest_seconds": found.oldest,
            "unfinished": [entry.to_json() for entry in found.unfinished],
        }
    )
    _say(terminal, found)


@app.command()
def drop(
    spool: SpoolOption,
    key: Annotated[str, typer.Argument(help="Of an instance, as `status` shows it.")],
) -> None:
    """Forget an instance for good, with its files; the node must not run."""
    from lungscope.serving.pacs.status import drop_instance

    dropped = drop_instance(spool, key)
    Terminal().say(f"Dropped {dropped[:_SHOWN]}; it is taken in again if it is sent again.")


def _tls(certificate: Path | None, key: Path | None, authority: Path | None) -> "Tls | None":
    from lungscope.serving.pacs.settings import Tls

    if certificate is None and key is None and authority is None:
        return None
    if certificate is None or key is None:
        raise LungscopeError("TLS: give both --tls-cert and --tls-key")
    return Tls(certificate, key, authority)


def _orthanc(
    url: str | None, credentials: Path | None, seconds: float, *, backfill: bool
) -> "Orthanc | None":
    from lungscope.serving.pacs.settings import Orthanc

    if url is None:
        if credentials is not None or backfill:
            raise LungscopeError("--orthanc-credentials and --backfill need --orthanc")
        return None
    user, password = os.environ.get(USER), os.environ.get(PASSWORD)
    if credentials is not None:
        try:
            user, colon, password = credentials.read_text(encoding="utf-8").strip().partition(":")
        except (OSError, ValueError) as error:
            raise LungscopeError(f"{credentials}: cannot be read") from error
        if not colon or "\n" in password:
            raise LungscopeError(f"{credentials}: write one line, user:password")
    if (user is None) != (password is None):
        raise LungscopeError(f"Orthanc: set both {USER} and {PASSWORD}")
    return Orthanc(url, user, password, seconds, backfill)


def _log_without_identifiers() -> logging.Logger:
    """Sets up a log of ours alone: the libraries' warnings may quote a patient's name."""
    warnings.simplefilter("ignore")
    for library in (
        *("pydicom", "pynetdicom", "highdicom", "PIL", "libjpeg", "openjpeg"),
        *("httpx", "httpcore"),  # they log addresses, with Orthanc's identifiers
    ):
        theirs = logging.getLogger(library)
        theirs.handlers, theirs.propagate = [logging.NullHandler()], False
        theirs.setLevel(logging.CRITICAL + 1)
    threading.excepthook = lambda _: None
    log = logging.getLogger("lungscope.pacs")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.INFO)
    return log


def _say(terminal: Terminal, found: "Status") -> None:
    from lungscope.serving.pacs.status import SHOWN

    counts = ", ".join(f"{count:,} {state}" for state, count in found.counts.items())
    terminal.say(counts + ("" if found.running else "; no node works on this spool"))
    if not found.unfinished:
        return
    table = Table("instance", "state", "came", "attempts", "next", "because", box=None)
    for entry in found.unfinished[:SHOWN]:
        table.add_row(
            entry.key[:_SHOWN],
            entry.state,
            _when(entry.received),
            str(entry.attempts),
            _in(entry) if entry.state != "failed" else "never",
            entry.reason or "",
        )
    terminal.say(table)
    if (more := len(found.unfinished) - SHOWN) > 0:
        terminal.say(f"and {more:,} more; --json tells all.")


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S")


def _in(entry: "QueueEntry") -> str:
    left = entry.due - time.time()
    return f"in {left:.0f} s" if left > 0 else "now"
