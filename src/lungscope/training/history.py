"""What happened epoch by epoch, as a table: `history.csv`."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from lungscope.atomic import write_text
from lungscope.errors import InvalidData, NotFound
from lungscope.text import describe_fault


@dataclass(frozen=True)
class Epoch:
    """One epoch of a training.

    Attributes:
        epoch: its number, from 1.
        learning_rate: that it was trained with.
        train_loss, validation_loss: mean cross-entropy in nats; in training of the labels as
            smoothed and mixed, where the recipe does so.
        train_accuracy, validation_accuracy: proportion of images classified correctly, in
            [0, 1]; the training images as augmented, while the weights were still changing.
        validation_score: what the recipe's `selection` judges the epoch by, in [0, 1].
        seconds: wall time of training and validation.
    """

    epoch: int
    learning_rate: float
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    validation_score: float
    seconds: float


COLUMNS = tuple(field.name for field in fields(Epoch))


def best_epoch(history: Sequence[Epoch]) -> Epoch:
    """The first epoch with the highest validation score: the one that is tested."""
    return max(history, key=lambda row: row.validation_score)


def write_history(path: Path, history: Sequence[Epoch]) -> None:
    """Writes the table, atomically; numbers in full precision."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in history)
    write_text(path, text.getvalue())


def read_history(path: Path) -> tuple[Epoch, ...]:
    """Reads what `write_history` wrote: at least one epoch.

    Raises:
        LungscopeError: not found, or not such a table.

    Examples:
        >>> read_history(Path("runs/lung/history.csv"))[0].epoch
        1
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            history = tuple(
                Epoch(int(row["epoch"]), *(float(row[name]) for name in COLUMNS[1:]))
                for row in csv.DictReader(file, strict=True)
            )
    except OSError as error:
        raise NotFound(f"{path}: {error.strerror}; has this run trained an epoch?") from error
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise InvalidData(f"{path}: not a training history ({describe_fault(error)})") from error
    if not history:
        raise InvalidData(f"{path}: holds no epoch; has this run trained one?")
    return history
