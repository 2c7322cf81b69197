"""`lungscope pacs`: a DICOM node beside the PACS; `pacs_spool` has the commands on its spool."""

import logging
import os
import signal
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lungscope.about import DISCLAIMER
from lungscope.cli.config import Config
from lungscope.cli.options import UsedModel
from lungscope.cli.pacs_spool import SpoolOption, drop, failed, retry, status
from lungscope.errors import InvalidSetting

if TYPE_CHECKING:
    from lungscope.serving.pacs.settings import Orthanc
    from lungscope.serving.pacs.tls import Tls

app = typer.Typer(
    help="Receive radiographs, send reports back.", no_args_is_help=True, add_completion=False
)

USER, PASSWORD = "LUNGSCOPE_ORTHANC_USER", "LUNGSCOPE_ORTHANC_PASSWORD"
_MIB = 2**20
_WHEN = "%Y-%m-%dT%H:%M:%S%z"
_TLS = "TLS (PEM files)"
_ORTHANC = "Reconciliation with Orthanc"
_LIMITS = "Limits"


@app.command()
def run(
    spool: SpoolOption,
    target: Annotated[
        list[str],
        typer.Option(
            *("--target", "--send-to"),
            metavar="AET@HOST:PORT[=sr|=picture]",
            help="Target of the results, or of reports or pictures alone; repeatable.",
        ),
    ],
    aet: Annotated[str, typer.Option("--ae-title", help="AE title of this node.")] = "LUNGSCOPE",
    host: Annotated[str, typer.Option(help="Address to bind.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port.")] = 11112,
    accept_from: Annotated[
        list[str] | None,
        typer.Option(
            "--accept-from",
            metavar="AET",
            help="Calling AE title to accept; repeatable.",
            show_default="any, from this machine",
        ),
    ] = None,
    model: UsedModel = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, help="Worker threads.", show_default="one per processor"),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep images and results in the spool after sending.")
    ] = False,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="Port of 127.0.0.1 for /metrics (Prometheus) and /healthz.",
            show_default="none",
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(help="Certificate of this node.", rich_help_panel=_TLS)
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(help="Private key of the certificate.", rich_help_panel=_TLS)
    ] = None,
    tls_ca: Annotated[
        Path | None,
        typer.Option(help="CA that must have signed peer certificates.", rich_help_panel=_TLS),
    ] = None,
    send_tls: Annotated[
        bool, typer.Option("--send-tls", help="Also send results over TLS.", rich_help_panel=_TLS)
    ] = False,
    orthanc: Annotated[
        str | None,
        typer.Option(
            "--orthanc",
            metavar="URL",
            help="Address of Orthanc's REST interface.",
            rich_help_panel=_ORTHANC,
        ),
    ] = None,
    orthanc_credentials: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=f"File with one line, user:password; default: {USER} and {PASSWORD}.",
            rich_help_panel=_ORTHANC,
        ),
    ] = None,
    backfill: Annotated[
        bool,
        typer.Option(
            "--backfill",
            help="Fetch all that Orthanc has: --since 0.",
            rich_help_panel=_ORTHANC,
        ),
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME|CHANGE",
            help="Fetch what reached Orthanc after a time or change; once for each value.",
            rich_help_panel=_ORTHANC,
        ),
    ] = None,
    max_associations: Annotated[
        int, typer.Option(min=1, help="Simultaneous associations.", rich_help_panel=_LIMITS)
    ] = 8,
    max_instance: Annotated[
        int, typer.Option(min=1, help="Largest instance in MiB.", rich_help_panel=_LIMITS)
    ] = 128,
    timeout: Annotated[
        float,
        typer.Option(min=1, help="Longest silence in seconds.", rich_help_panel=_LIMITS),
    ] = 30.0,
    min_free: Annotated[
        int,
        typer.Option(min=0, help="MiB to keep free on disk.", rich_help_panel=_LIMITS),
    ] = 1024,
    config: Config = None,
) -> None:
    """Run the node until SIGTERM or Ctrl-C.

    It receives CR, DX and Secondary Capture images by C-STORE and sends a Structured Report and an
    image with the heatmap to the target, in the same study. An acknowledged instance is on disk.
    """
    from lungscope.inference.classifier import Classifier
    from lungscope.inference.exported import find_model
    from lungscope.parallel import cpu_count
    from lungscope.serving.pacs.service import Service
    from lungscope.serving.pacs.settings import Limits, Settings, Target

    tls = _tls(tls_cert, tls_key, tls_ca)
    if send_tls and tls is None:
        raise InvalidSetting("--send-tls needs --tls-cert and --tls-key")
    settings = Settings(
        spool=spool,
        targets=tuple(map(Target.parse, target)),
        ae_title=aet,
        host=host,
        port=port,
        accept_from=tuple(accept_from or ()),
        tls=tls,
        send_tls=tls if send_tls else None,
        limits=Limits(
            associations=max_associations,
            instance=max_instance * _MIB,
            seconds=timeout,
            free=min_free * _MIB,
        ),
        orthanc=_orthanc(orthanc, orthanc_credentials, since, backfill=backfill),
        keep=keep,
        workers=workers or cpu_count(),
        metrics_port=metrics_port,
    )
    log = _log_without_identifiers()
    classifier = Classifier.load(find_model(model))
    stop_requested = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stop_requested.set())
    service = Service(settings, classifier)
    log.info(
        "%s listening on %s port %d, sending to %s. Model %s. %s",
        *(aet, host, service.port, ", ".join(target)),
        *(classifier.description.identity, DISCLAIMER),
    )
    while not stop_requested.wait(1):  # Windows handles a signal only between two waits
        pass
    log.info("stopping")
    service.stop()
    log.info("stopped")


for _command in (status, failed, retry, drop):
    app.command()(_command)


def _tls(certificate: Path | None, key: Path | None, authority: Path | None) -> "Tls | None":
    from lungscope.serving.pacs.tls import Tls

    if certificate is None and key is None and authority is None:
        return None
    if certificate is None or key is None:
        raise InvalidSetting("TLS: give both --tls-cert and --tls-key")
    return Tls(certificate, key, authority)


def _orthanc(
    url: str | None, credentials: Path | None, since: str | None, *, backfill: bool
) -> "Orthanc | None":
    from lungscope.serving.pacs.settings import Orthanc, Since

    if url is None:
        if credentials is not None or backfill or since is not None:
            raise InvalidSetting("--orthanc-credentials, --backfill and --since need --orthanc")
        return None
    if backfill and since is not None:
        raise InvalidSetting("--backfill is --since 0; give one of them")
    text = "0" if backfill else since
    begin = None if text is None else Since.parse(text)
    user, password = os.environ.get(USER), os.environ.get(PASSWORD)
    if credentials is not None:
        try:
            user, colon, password = credentials.read_text(encoding="utf-8").strip().partition(":")
        except (OSError, ValueError) as error:
            raise InvalidSetting(f"{credentials}: cannot be read; give a text file") from error
        if not colon or "\n" in password:
            raise InvalidSetting(f"{credentials}: write one line, user:password")
    if (user is None) != (password is None):
        raise InvalidSetting(f"Orthanc: set both {USER} and {PASSWORD}")
    return Orthanc(url, user, password, since=begin)


def _log_without_identifiers() -> logging.Logger:
    """Logs our own lines only: the libraries' warnings may quote a patient's name."""
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
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", _WHEN))
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.INFO)
    return log
