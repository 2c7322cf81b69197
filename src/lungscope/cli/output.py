"""Write outcomes, one row per file: a table for people, CSV or lines of JSON for programs."""

import csv
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, TypeAlias

from rich.markup import escape

from lungscope.atomic import atomic_file, refuse_existing
from lungscope.cli.terminal import Terminal
from lungscope.errors import InvalidSetting
from lungscope.text import format_quantity

if TYPE_CHECKING:
    from lungscope.inference.prediction import Outcome

Format: TypeAlias = Literal["table", "csv", "json"]
Write: TypeAlias = Callable[["Outcome"], None]

_BY_SUFFIX: dict[str, Format] = {".csv": "csv", ".jsonl": "json", ".ndjson": "json"}


def choose_format(*, as_csv: bool, as_json: bool, out: Path | None) -> Format:
    """The format that is asked for, by an option or by the suffix of the file.

    Raises:
        InvalidSetting: both options, an option and a file that is named as the other format, or a
            file whose format cannot be recognised.
    """
    if as_csv and as_json:
        raise InvalidSetting("--csv and --json: give one of them")
    if as_csv or as_json:
        asked: Format = "csv" if as_csv else "json"
        if out is not None and _BY_SUFFIX.get(out.suffix.lower(), asked) != asked:
            raise InvalidSetting(
                f"{out}: its suffix and --{asked} say different formats; change one"
            )
        return asked
    if out is None:
        return "table"
    if out.suffix.lower() not in _BY_SUFFIX:
        raise InvalidSetting(f"{out}: add --csv or --json, or name it .csv or .jsonl")
    return _BY_SUFFIX[out.suffix.lower()]


def refuse_to_replace(out: Path, files: Sequence[Path], *, overwrite: bool) -> None:
    """Refuses a file for the answers that would replace something else.

    Raises:
        InvalidSetting: one of the files to be read, or not a file on disk.
        AlreadyExists: there already, and `overwrite` is off.
    """
    if not out.exists():
        return
    if not out.is_file() or out.is_symlink():
        raise InvalidSetting(f"{out}: is a folder, a link, a pipe or a device; give a file")
    if out.resolve() in {file.resolve() for file in files}:
        raise InvalidSetting(f"{out}: is one of the files to be read; give another for the answers")
    refuse_existing(out, overwrite=overwrite)


@contextmanager
def file_or(stream: IO[str], path: Path | None, partial: Path | None) -> Iterator[IO[str]]:
    """Yields a file that is there whole when the block ends, or the stream where there is none.

    What was written before an interrupt is kept as `partial`; a file that was there before stays
    as it is.
    """
    if path is None or partial is None:
        yield stream
        return
    with atomic_file(path) as temporary:
        try:
            # A name that is no UTF-8 is written escaped, as in JSON.
            with temporary.open(
                "w", encoding="utf-8", errors="backslashreplace", newline=""
            ) as file:
                yield file
        except KeyboardInterrupt:
            temporary.replace(partial)
            raise


def name_partial(path: Path) -> Path:
    """Names a file for the answers that are there if a command is interrupted: one that is free."""
    number, free = 1, path.with_name(f"{path.stem}.partial{path.suffix}")
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem}.partial-{number}{path.suffix}")
    return free


def say_failed(failed: int, files: int) -> None:
    """Says on standard error how many files have no answer, where nothing else is said."""
    print(
        f"{failed:,} of {format_quantity(files, 'file')} cannot be read or are not accepted",
        file=sys.stderr,
    )


def csv_rows(stream: IO[str], classes: Sequence[str], *, with_ids: bool) -> Write:
    """Writes the header of a CSV, and then a row for every outcome that it is called with."""
    from lungscope.inference.rows import columns, to_cells

    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns(classes, with_ids=with_ids))
    return lambda outcome: writer.writerow(to_cells(outcome, classes, with_ids=with_ids))


def json_lines(stream: IO[str], *, with_ids: bool) -> Write:
    """Writes a line of JSON for every outcome that it is called with."""
    from lungscope.inference.rows import to_json

    def write(outcome: "Outcome") -> None:
        row = to_json(outcome, with_ids=with_ids)
        stream.write(json.dumps(row, allow_nan=False) + "\n")  # in ASCII: it fits every stream
        stream.flush()  # whoever reads the other end of a pipe waits for it

    return write


def table_lines(terminal: Terminal, files: Sequence[Path], classes: Sequence[str]) -> Write:
    """Says the head of a table, and then a line for every outcome that it is called with."""
    from lungscope.inference.prediction import Prediction

    longest = terminal.longest_name
    name = max(len(shorten_path(file, longest)) for file in files)
    answer = max(len("(unreadable)"), *(len(each) for each in classes))
    widths = [max(len(each), len("0.000")) for each in classes]
    head = "  ".join(f"{each:>{width}}" for each, width in zip(classes, widths, strict=True))
    terminal.say(f"[bold]{'file':<{name}}  {'answer':<{answer}}  {escape(head)}[/]")

    def write(outcome: "Outcome") -> None:
        line = f"{shorten_path(outcome.file, longest):<{name}}  "
        if isinstance(outcome, Prediction):
            numbers = zip(outcome.probabilities.values(), widths, strict=True)
            line += f"{outcome.label or '(abstains)':<{answer}}  "
            line += "  ".join(f"{number:>{width}.3f}" for number, width in numbers)
        else:
            line += f"{'(unwanted)' if outcome.unwanted else '(unreadable)':<{answer}}"
        terminal.say(escape("  ".join(filter(None, (line, *_remarks(outcome))))))

    return write


def _remarks(outcome: "Outcome") -> list[str | None]:
    from lungscope.inference.abstention import describe_warning
    from lungscope.inference.prediction import Prediction

    if not isinstance(outcome, Prediction):
        return [outcome.reason]
    return [outcome.reason, *(f"warning: {describe_warning(each)}" for each in outcome.warnings)]


def shorten_path(file: Path, longest: int | None) -> str:
    """A file's name as it can be shown: the end of a long one, no control characters."""
    name = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(file))
    return name if longest is None or len(name) <= longest else f"…{name[1 - longest :]}"
