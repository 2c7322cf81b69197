"""What a model says of each image: the table that every metric is computed from."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from lungscope.atomic import write_text
from lungscope.errors import Inaccessible, InvalidData, NotFound
from lungscope.text import describe_fault, format_quantity, list_some

_COLUMNS = ["file", "group", "source", "label", "predicted"]
_PREFIX = "probability:"
_ROUNDING = 1e-3
"""How far a row may be from summing to 1: other programs write few digits."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """A model's answers for N labelled images.

    Attributes:
        classes: the K class names, in the order of the outputs.
        files: the images' names, length N.
        groups: the group of each, length N: what is resampled together.
        labels: (N,) int, 0 <= label < K.
        probabilities: (N, K) float64 in [0, 1], rows summing to 1.
        sources: where each image comes from, length N, "" where that is unknown; or nothing.
        columns: what else the data's table says of each image, by the column's name, length N.

    Raises:
        InvalidData: no image, or a row that is no distribution (a NaN among others).
        ValueError: lengths that differ, a class twice, or a label that is no class.

    Examples:
        >>> classes, labels = ("Normal", "Pneumonia"), np.array([0, 0, 1, 1])
        >>> probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
        >>> names = ("a", "b", "c", "d")  # each of a patient of its own
        >>> tested = Predictions(classes, names, names, labels, probabilities)
        >>> tested.predicted
        array([0, 0, 0, 1])
    """

    classes: tuple[str, ...]
    files: tuple[str, ...]
    groups: tuple[str, ...]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    sources: tuple[str, ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count, classes = len(self.files), len(self.classes)
        if self.labels.shape != (count,) or self.probabilities.shape != (count, classes):
            raise ValueError("predictions: files, labels and probabilities differ in length")
        if len(self.groups) != count:
            raise ValueError("predictions: files and groups differ in length")
        if len(self.sources) not in {0, count}:
            raise ValueError("predictions: files and sources differ in length")
        if any(len(cells) != count for cells in self.columns.values()):
            raise ValueError("predictions: files and columns differ in length")
        if len(set(self.classes)) < classes:
            raise ValueError("predictions: two classes have the same name")
        if not count:
            raise InvalidData("predictions: there is no image among them")
        if self.labels.min() < 0 or self.labels.max() >= classes:
            raise ValueError(f"predictions: a label is not one of the {classes} classes")
        self._refuse_improbable()

    @classmethod
    def from_logits(
        cls,
        classes: tuple[str, ...],
        files: tuple[str, ...],
        groups: tuple[str, ...],
        labels: NDArray[np.int64],
        logits: NDArray[np.float64],
        sources: tuple[str, ...] = (),
        columns: Mapping[str, tuple[str, ...]] | None = None,
    ) -> "Predictions":
        """Makes probabilities of unnormalised scores (N, K).

        Raises:
            InvalidData: a score is not finite, or there is no image.
        """
        unusable = ~np.isfinite(logits).all(axis=1)
        if unusable.any():
            raise InvalidData(
                f"the model's scores of {files[int(unusable.argmax())]!r} are not finite "
                f"({unusable.sum()} of {len(files)} images): its weights are damaged or its "
                "training diverged"
            )
        probabilities = softmax(logits, axis=1)
        return cls(classes, files, groups, labels, probabilities, sources, columns or {})

    def take(self, rows: Sequence[int] | NDArray[np.intp]) -> "Predictions":
        """The predictions of some images, in the order given.

        Raises:
            InvalidData: no image.
        """
        chosen = [int(row) for row in rows]

        def of(values: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(values[row] for row in chosen) if values else ()

        return replace(
            self,
            files=of(self.files),
            groups=of(self.groups),
            labels=self.labels[chosen],
            probabilities=self.probabilities[chosen],
            sources=of(self.sources),
            columns={name: of(cells) for name, cells in self.columns.items()},
        )

    def tempered(self, divisor: float) -> "Predictions":
        """Returns the predictions with every logit divided once more; 1 leaves them as they are.

        Of predictions at temperature T, `tempered(1 / T)` are those of the network itself.

        Args:
            divisor: > 0; above 1 makes them less sure.
        """
        tiny = np.finfo(np.float64).tiny
        logits = np.log(np.maximum(self.probabilities, tiny)) / divisor
        return replace(self, probabilities=softmax(logits, axis=1))

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(N,) the most probable class of each image; of equals, the first."""
        predicted: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return predicted

    @property
    def losses(self) -> NDArray[np.float64]:
        """(N,) the cross-entropy of each image in nats; at most 708, for a probability of 0."""
        own = self.probabilities[np.arange(len(self.labels)), self.labels]
        losses: NDArray[np.float64] = -np.log(np.maximum(own, np.finfo(np.float64).tiny))
        return losses

    def __repr__(self) -> str:
        images = format_quantity(len(self.files), "image")
        return f"Predictions({images}; classes {list_some(self.classes)})"

    def save(self, path: Path) -> None:
        """Writes a CSV, atomically: what is known of each image, and a probability a class."""
        text = io.StringIO()
        # Every text is quoted: of those that need it, Python before 3.13 forgets "\r".
        writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        probabilities = [f"{_PREFIX}{name}" for name in self.classes]
        writer.writerow([*_COLUMNS, *self.columns, *probabilities])
        writer.writerows(
            [*known, *numbers]
            for *known, numbers in zip(
                self.files,
                self.groups,
                self.sources or [""] * len(self.files),
                (self.classes[label] for label in self.labels),
                (self.classes[label] for label in self.predicted),
                *self.columns.values(),
                self.probabilities.tolist(),
                strict=True,
            )
        )
        write_text(path, text.getvalue())

    @classmethod
    def load(cls, path: Path) -> "Predictions":
        """Reads what `save` wrote, to the last digit.

        Raises:
            NotFound: there is no such file.
            InvalidData: it is not such a table.
            Inaccessible: it cannot be read.
        """
        try:
            with path.open(newline="", encoding="utf-8") as file:
                header, *rows = csv.reader(file, strict=True)
            return _from_table(header, rows)
        except FileNotFoundError as error:
            raise NotFound(f"{path}: {error.strerror}") from error
        except OSError as error:
            raise Inaccessible(f"{path}: {error.strerror}") from error
        except InvalidData as error:
            raise InvalidData(f"{path}: {error}") from error
        except (ValueError, csv.Error) as error:
            raise InvalidData(
                f"{path}: not a table of predictions ({describe_fault(error)})"
            ) from error

    def _refuse_improbable(self) -> None:
        with np.errstate(invalid="ignore"):  # infinities of both signs
            sums = self.probabilities.sum(axis=1)
        right = np.isclose(sums, 1, rtol=0, atol=_ROUNDING)
        right &= (self.probabilities >= 0).all(axis=1)
        if not right.all():
            file = self.files[int((~right).argmax())]
            raise InvalidData(
                f"predictions: the probabilities of {file!r} are not 0 or more with a sum of 1 "
                f"({(~right).sum()} of {len(right)} images)"
            )


def _from_table(header: list[str], rows: list[list[str]]) -> Predictions:
    own = len(_COLUMNS)
    fixed = next((n for n, name in enumerate(header) if name.startswith(_PREFIX)), len(header))
    if header[:own] != _COLUMNS or not all(n.startswith(_PREFIX) for n in header[fixed:]):
        raise ValueError(f"its columns are not {', '.join(_COLUMNS)}, ..., {_PREFIX}CLASS, ...")
    if any(len(row) != len(header) for row in rows):
        raise ValueError("its rows differ in length")
    classes = tuple(name.removeprefix(_PREFIX) for name in header[fixed:])
    probabilities = [[float(cell) for cell in row[fixed:]] for row in rows]
    return Predictions(
        classes=classes,
        files=tuple(row[0] for row in rows),
        groups=tuple(row[1] for row in rows),
        labels=np.array([classes.index(row[3]) for row in rows], dtype=np.int64),
        probabilities=np.array(probabilities, dtype=np.float64).reshape(len(rows), len(classes)),
        sources=tuple(row[2] for row in rows),
        columns={header[n]: tuple(row[n] for row in rows) for n in range(own, fixed)},
    )
