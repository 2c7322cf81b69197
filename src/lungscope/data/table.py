"""The CSV table of a data set: `file,label[,group][,source]`, and any other column."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from lungscope.data.labelled_file import LabelledFile, is_below
from lungscope.errors import InvalidData

TABLE = "metadata.csv"
"""Name of the table by which a folder is read."""

LABEL = "label"
"""Name of the column with the labels, unless another is asked for."""

_OWN = ("file", LABEL, "group", "source")
_NOT_KEPT = re.compile(r"predicted|probability:.*|\s*")
"""Further columns of a table that are passed over: results have columns of these names."""

_PATIENT = re.compile(r"(patient|subject|person)([\s_-]*(id|nr|no|number|name))?", re.IGNORECASE)


def read_table(table: Path, label_column: str = LABEL) -> list[LabelledFile]:
    """Reads the rows of a table, in their order.

    Args:
        table: a CSV in UTF-8 with a header.
        label_column: the column with the labels.

    Raises:
        InvalidData: a missing or repeated column, a row with too many cells, an empty cell, a file
            listed twice or outside the table's folder, or a quote that is not closed.
        OSError: it can't be read.
    """
    read_to = 0
    try:
        with table.open(newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle, strict=True)
            names = list(reader.fieldnames or ())
            _refuse_bad_columns(table, names, label_column)
            further = [n for n in names if n not in _OWN and not _NOT_KEPT.fullmatch(n)]
            rows = []
            read_to = reader.line_num
            for row in reader:
                rows.append(_row(table, reader.line_num, row, label_column, further))
                read_to = reader.line_num
    except UnicodeDecodeError as error:
        raise InvalidData(f"{table}: not a CSV table in UTF-8 ({error})") from error
    except csv.Error as error:
        reason = _quote_fault(str(error), read_to + 1) or f"({error})"
        raise InvalidData(f"{table}: not a CSV table in UTF-8 {reason}") from error
    twice = [file for file, count in Counter(row.file for row in rows).items() if count > 1]
    if twice:
        raise InvalidData(f"{table}: {twice[0]} is listed more than once")
    return rows


def _refuse_bad_columns(table: Path, names: Sequence[str], label_column: str) -> None:
    missing = sorted({"file", label_column} - set(names))
    if missing:
        raise InvalidData(
            f"{table}: column {' and '.join(missing)} missing; the table needs file,{label_column} "
            f"and may have group,source{_hint(names, missing)}"
        )
    twice = [name for name, count in Counter(names).items() if count > 1 and name.strip()]
    if twice:
        raise InvalidData(
            f"{table}: column {twice[0]!r} is there more than once; remove or rename one of them"
        )
    _refuse_unused_patients(table, names)


def _hint(names: Iterable[str], missing: Sequence[str]) -> str:
    """Names the cause: a spreadsheet that wrote another separator, or capital letters."""
    separators = {";": "semicolons", "\t": "tabs"}
    for sign, name in separators.items():
        if any(sign in each for each in names):
            return f"; it seems to be separated by {name}: save it with commas"
    for each in names:
        if each.strip().lower() in missing:
            return f"; it has {each!r}: write {each.strip().lower()}"
    return ""


def _refuse_unused_patients(table: Path, columns: Iterable[str]) -> None:
    """A patient's images must not be spread over subsets because the column has another name."""
    if "group" in columns:
        return
    for column in sorted(columns):
        if column.strip().lower() == "group":
            raise InvalidData(f"{table}: column {column!r} would not be used; write group")
        if _PATIENT.fullmatch(column.strip()):
            raise InvalidData(
                f"{table}: column {column!r} seems to name patients but would not be used; name it "
                "group to keep each one's images in one subset, or remove it"
            )


def _row(
    table: Path,
    line: int,
    row: dict[str | None, str | list[str] | None],
    label_column: str,
    further: Sequence[str],
) -> LabelledFile:
    if None in row:
        raise InvalidData(
            f"{table}, line {line}: more cells than the header has columns; put a cell that holds "
            "a comma in quotes"
        )
    cells = {name: (str(cell) if cell else "").strip() for name, cell in row.items()}
    file, label = cells["file"], cells[label_column]
    if not file or not label:
        raise InvalidData(f"{table}, line {line}: file and {label_column} must not be empty")
    if not is_below(file):
        raise InvalidData(f"{table}, line {line}: {file} must lie below the table's folder")
    return LabelledFile(
        PurePosixPath(file.replace("\\", "/")).as_posix(),
        label,
        cells.get("group") or None,
        cells.get("source") or None,
        tuple((name, cells[name]) for name in further),
    )


def _quote_fault(error: str, line: int) -> str | None:
    if error == "unexpected end of data":
        return f"(the row that begins in line {line} opens a quote that is never closed)"
    if "expected after" in error:
        return f"(the row that begins in line {line} has a quote inside a cell: write it twice)"
    return None
