"""`lungscope predict`: classify files with an exported model, without torch."""

import signal
import sys
import time
from collections import Counter
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from lungscope.about import DISCLAIMER
from lungscope.cli.options import AnyModality, NoGate, Quiet, Radiographs, UsedModel
from lungscope.cli.output import (
    choose_format,
    csv_rows,
    file_or,
    json_lines,
    name_partial,
    refuse_to_replace,
    say_failed,
    table_lines,
)
from lungscope.cli.terminal import INTERRUPTED, Terminal
from lungscope.errors import NotFound
from lungscope.progress import ignore
from lungscope.text import format_quantity

if TYPE_CHECKING:
    from lungscope.inference.prediction import Outcome

MANY = 256
"""Files from which on processes, which take their time to start, are faster than threads."""


def predict(
    paths: Radiographs,
    model: UsedModel = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one line per file.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Output file, .csv or .jsonl.", show_default="the terminal"
        ),
    ] = None,
    with_ids: Annotated[
        bool, typer.Option("--with-ids", help="Write DICOM's identifiers of patient and study.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            help="Threads, or processes where there are many files.",
            show_default="one per processor",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the output file.")
    ] = False,
    any_modality: AnyModality = False,
    no_gate: NoGate = False,
    quiet: Quiet = False,
) -> None:
    """Classify radiographs: one row per file, in the order given.

    The model abstains if an image is not an upright frontal chest X-ray or if its confidence is
    low. A file that cannot be read is a row with its reason, and the exit code is then 1.
    """
    from lungscope.cli.inputs import list_files
    from lungscope.images import ANYTHING, CHEST_RADIOGRAPHS
    from lungscope.images.files import describe_others
    from lungscope.inference.classifier import Classifier, predict_in_processes
    from lungscope.inference.exported import find_model

    form = choose_format(as_csv=as_csv, as_json=as_json, out=out)
    terminal = Terminal(quiet=quiet or (out is None and form != "table"))
    others: list[Path] = []
    files = list(list_files(paths, sys.stdin, others.append))
    if not files:
        raise NotFound("no file was named on standard input; give one name per line")
    if out is not None:
        refuse_to_replace(out, files, overwrite=overwrite)
    folder, accept = find_model(model), ANYTHING if any_modality else CHEST_RADIOGRAPHS
    classifier = Classifier.load(folder, use_gate=not no_gate)
    outcomes = (
        classifier.predict_files(files, accept, workers)
        if len(files) < MANY
        else predict_in_processes(folder, files, accept, workers, use_gate=not no_gate)
    )
    kinds: Counter[str] = Counter()
    started = time.perf_counter()
    # A service is stopped by SIGTERM; like Ctrl-C, it loses nothing that is done.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    interrupted, partial = False, None if out is None else name_partial(out)
    try:
        with (
            file_or(sys.stdout, out, partial) as stream,
            nullcontext(ignore) if form == "table" else terminal.progress("classifying") as bar,
            closing(outcomes),
        ):
            if form == "table":  # its lines are progress enough
                write = table_lines(terminal, files, classifier.classes)
            elif form == "csv":
                write = csv_rows(stream, classifier.classes, with_ids=with_ids)
            else:
                write = json_lines(stream, with_ids=with_ids)
            for done, outcome in enumerate(outcomes, start=1):
                write(outcome)
                kinds[_kind(outcome)] += 1
                bar(done, len(files))
    except KeyboardInterrupt:
        interrupted = True
        kept = f"; what is done is in {partial}" if out else ""
        terminal.err.print(
            escape(
                f"Interrupted after {kinds.total():,} of "
                f"{format_quantity(len(files), 'file')}{kept}."
            )
        )
    terminal.say(_summary(kinds, time.perf_counter() - started))
    if kinds["unwanted"]:
        terminal.say(
            f"{format_quantity(kinds['unwanted'], 'DICOM image')} of another modality, view or "
            "body part; --any-modality reads them."
        )
    failed = kinds["unreadable"] + kinds["unwanted"]
    if quiet and failed:
        say_failed(failed, kinds.total())
    if others:
        terminal.say(f"{describe_others(len(others))}.")
    if out is not None and not interrupted:
        terminal.say(escape(f"Wrote {out}."))
    terminal.say(f"Model {classifier.description.identity}.  {DISCLAIMER}")
    raise typer.Exit(INTERRUPTED if interrupted else 1 if failed else 0)


def _kind(outcome: "Outcome") -> str:
    from lungscope.inference.prediction import Prediction

    if not isinstance(outcome, Prediction):
        return "unwanted" if outcome.unwanted else "unreadable"
    return "abstained" if outcome.abstained else "classified"


def _summary(kinds: Counter[str], seconds: float) -> str:
    counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items()))
    images = format_quantity(kinds.total(), "file")
    return f"{images}: {counts}.  {kinds.total() / seconds:.0f} a second."
