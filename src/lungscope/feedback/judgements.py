"""The table of readers' verdicts: `predicted,verdict[,reader_class]`, a row for each answer."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from lungscope.errors import Inaccessible, InvalidData, NotFound

Verdict = Literal["accept", "reject", "correct"]
"""The answer is right; it is wrong; it is wrong, and the reader names the class."""

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

LARGEST_FILE = 256 * 2**20
"""Largest table that is read, in bytes; some two million answers."""

_NEEDED = ("predicted", "verdict")
_FURTHER = ("reader_class", "judged", "model_sha256")


@dataclass(frozen=True)
class Judgement:
    """One answer, and what a reader made of it.

    Attributes:
        predicted: the class that the model named; None where it abstained.
        verdict: of the reader; None where there is none.
        reader_class: the class that the reader names: where the answer is corrected, or where there
            was none.
        judged: when, as the table has it; empty where it has no such column.
        model: hash of the model that answered; empty where the table has no such column.
    """

    predicted: str | None
    verdict: Verdict | None
    reader_class: str | None = None
    judged: str = ""
    model: str = ""

    @property
    def true_class(self) -> str | None:
        """The class that the image has by the reader; None where that is unknown."""
        return self.predicted if self.verdict == "accept" else self.reader_class

    @property
    def is_wrong(self) -> bool | None:
        """Whether the named class is wrong; None where none was named, or none judged."""
        if self.predicted is None or self.verdict is None:
            return None
        return self.verdict != "accept"


def read_judgements(table: Path) -> list[Judgement]:
    """Reads a table of verdicts, in the order of its rows.

    It is a CSV in UTF-8 with the columns `predicted` (empty where the model abstained) and
    `verdict` (accept, reject, correct, or empty), and if they are there `reader_class`, `judged`
    and `model_sha256`; others are passed over. The page of `lungscope serve` saves one. If every
    row that has a verdict says when (`judged`, in ISO 8601), rows are taken by that time.

    Args:
        table: the file.

    Raises:
        NotFound: there is no such file.
        Inaccessible: it cannot be read.
        InvalidData: it is over 256 MiB, no CSV, lacks a column, or a row contradicts itself.
    """
    try:
        if table.stat().st_size > LARGEST_FILE:
            raise InvalidData(f"{table}: over {LARGEST_FILE >> 20} MiB")
        with table.open(newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle, strict=True)
            _refuse_bad_columns(table, list(reader.fieldnames or ()))
            rows = [_judgement(table, reader.line_num, row) for row in reader]
    except FileNotFoundError as error:
        raise NotFound(f"{table}: {error.strerror}") from error
    except OSError as error:
        raise Inaccessible(f"{table}: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidData(f"{table}: not a CSV table in UTF-8 ({error})") from error
    if all(row.judged for row in rows if row.verdict is not None):
        rows.sort(key=lambda row: row.judged)
    return rows


def _refuse_bad_columns(table: Path, names: list[str]) -> None:
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        separated = any(sign in name for name in names for sign in ";\t")
        hint = "; it seems to be separated by semicolons or tabs: save it with commas"
        raise InvalidData(
            f"{table}: column {' and '.join(missing)} missing; verdicts need predicted,verdict and "
            f"may have {','.join(_FURTHER)}{hint if separated else ''}"
        )
    for name in (*_NEEDED, *_FURTHER):
        if names.count(name) > 1:
            raise InvalidData(f"{table}: column {name} is there more than once")


def _judgement(table: Path, line: int, row: dict[str, str | None]) -> Judgement:
    cells = {name: (row.get(name) or "").strip() for name in (*_NEEDED, *_FURTHER)}
    place = f"{table}, line {line}"
    predicted, given = cells["predicted"] or None, cells["verdict"].lower()
    verdict = next((each for each in VERDICTS if each == given), None)
    reader_class = cells["reader_class"] or None
    if given and verdict is None:
        raise InvalidData(
            f"{place}: verdict {given!r:.40} is unknown; write {', '.join(VERDICTS)}, or nothing"
        )
    if verdict == "correct" and reader_class is None:
        raise InvalidData(f"{place}: corrected, but reader_class is empty")
    if verdict == "accept" and predicted is None:
        raise InvalidData(f"{place}: accepted, but the model named no class")
    if verdict == "accept" and reader_class not in (None, predicted):
        raise InvalidData(f"{place}: accepted, but reader_class is another one than predicted")
    if verdict == "reject" and reader_class is not None:
        raise InvalidData(f"{place}: rejected, but reader_class names one: write correct")
    if verdict == "correct" and reader_class == predicted:
        raise InvalidData(f"{place}: corrected to the class that was predicted: write accept")
    if verdict is None and reader_class is not None:
        raise InvalidData(f"{place}: reader_class without a verdict: write correct")
    return Judgement(predicted, verdict, reader_class, cells["judged"], cells["model_sha256"])
