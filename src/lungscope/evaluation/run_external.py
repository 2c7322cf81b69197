"""Evaluating a model on another data set: overlap, answers, metrics, written to one folder."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lungscope.atomic import atomic_folder, refuse_occupied
from lungscope.data.class_mapping import ClassMapping, match_classes
from lungscope.data.index import Entry, Index
from lungscope.data.overlap import (
    NOT_SEARCHED,
    OVERLAP_WORDS,
    Overlap,
    find_overlap,
)
from lungscope.data.table import TABLE
from lungscope.errors import DataLeak, InvalidData, InvalidSetting
from lungscope.evaluation.assessment import IntervalMethod
from lungscope.evaluation.calibration import compute_reliability
from lungscope.evaluation.discrimination import Discrimination, compute_class_curves
from lungscope.evaluation.evaluated_model import Answer, EvaluatedModel
from lungscope.evaluation.external import (
    MOST_VALUES,
    SOURCE,
    USUAL_COLUMNS,
    ExternalAssessment,
    LabelCount,
    Measurement,
    UnreadFile,
    count_answers,
    measure,
)
from lungscope.evaluation.predictions import Predictions
from lungscope.figures.confusion_matrix import draw_confusion_matrix
from lungscope.figures.reliability import Reliability, draw_reliability
from lungscope.figures.roc import draw_roc
from lungscope.figures.subgroups import SourceBlock, SourceLine, draw_subgroups
from lungscope.progress import OnProgress, ignore
from lungscope.text import format_quantity, html_table, join_words
from lungscope.training.run import EVALUATION

ASSESSMENT = "external.json"
PREDICTIONS = "predictions.csv"
FIGURES = "figures"
PAGE = "report.html"
OWN_FILES = frozenset({ASSESSMENT, PREDICTIONS, FIGURES, PAGE})
"""What a folder of results consists of; the page is written by `report`."""

ABSTENTION = "abstention"
"""Column of `predictions.csv` with the code of why an image was refused."""


@dataclass(frozen=True)
class ExternalSettings:
    """How a data set is used.

    Attributes:
        mapping: the class of labels that have another name than a class of the model; "" or None
            for labels that are left out.
        by: columns that results are given by, besides the source; `USUAL_COLUMNS` that the data
            has by default.
        leave_out_overlap: whether images that the model has seen are left out, not refused.
        workers: processes that read files; one per processor by default.
    """

    mapping: ClassMapping = field(default_factory=dict)
    by: Sequence[str] | None = None
    leave_out_overlap: bool = False
    workers: int | None = None


@dataclass(frozen=True, eq=False, repr=False)
class ExternalEvaluation:
    """A model's evaluation on another data set.

    Attributes:
        predictions: for the images that were read, calibrated.
        assessment: everything that was measured.
        folder: where everything was written.
    """

    predictions: Predictions
    assessment: ExternalAssessment
    folder: Path

    @classmethod
    def load(cls, folder: str | Path) -> "ExternalEvaluation":
        """Reads an evaluation that was written.

        Args:
            folder: of the evaluation, e.g. "runs/lung/evaluation-on-clinic".

        Raises:
            NotFound: there is none.
            InvalidData: it is damaged, or was written by another version.
            Inaccessible: it cannot be read.

        Examples:
            >>> import lungscope as ls
            >>> ls.ExternalEvaluation.load("nowhere")
            Traceback (most recent call last):
            ...
            lungscope.errors.NotFound: nowhere/external.json: No such file or directory; ...
        """
        folder = Path(folder)
        assessment = ExternalAssessment.load(folder / ASSESSMENT)
        return cls(Predictions.load(folder / PREDICTIONS), assessment, folder)

    def to_json(self) -> dict[str, Any]:
        """Returns the content of `external.json`."""
        return self.assessment.to_json()

    def __repr__(self) -> str:
        whole = self.assessment.forced.whole
        images = format_quantity(whole.images, "image")
        return (
            f"ExternalEvaluation({str(self.folder)!r}: {images}, balanced accuracy "
            f"{whole.balanced_accuracy})"
        )

    def _repr_html_(self) -> str:
        rows = [
            (part.value or "unknown", part.images, part.accuracy, part.balanced_accuracy)
            for part in self.assessment.forced.parts[SOURCE]
        ]
        header = ("source", "images", "accuracy", "balanced accuracy")
        return html_table(header, rows, caption=self.assessment.data)


def evaluate_on(
    model: EvaluatedModel,
    index: Index,
    name: str,
    folder: Path,
    settings: ExternalSettings,
    *,
    force: bool = False,
    progress: Callable[[str], OnProgress] = lambda _: ignore,
) -> ExternalEvaluation:
    """Evaluates a model on another data set and writes predictions, metrics and figures.

    Args:
        model: a run or an exported model.
        index: the labelled images.
        name: of the data set, for people.
        folder: `external.json predictions.csv figures/` go here, all of them or none.
        settings: how the data set is used.
        force: whether an evaluation that is already there is replaced.
        progress: given the name of a step, returns its progress callback.

    Raises:
        InvalidData: labels that are no class of the model and are not mapped, or no image is left.
        InvalidSetting: a mapping or column that does not fit the data.
        DataLeak: the model has seen images, or their patients, and they are not to be left out.
        AlreadyExists: the folder holds an evaluation, and `force` is off.
    """
    refuse_occupied(folder, OWN_FILES, "an evaluation on other data", force=force)
    facts = model.facts
    mapped = match_classes(index.classes, facts.classes, settings.mapping)
    columns, left_out = choose_columns(index.entries, settings.by, name)
    kept = [entry for entry in index.entries if mapped[index.classes[entry.label]] is not None]
    if not kept:
        raise InvalidData(f"{name}: every label is left out; map one to a class of the model")
    overlap = _search(model, index, kept, settings.workers, progress)
    _refuse_overlap(overlap, len(kept), name, leave_out=settings.leave_out_overlap)
    seen = {each.file for each in overlap.images}
    asked = [entry for entry in kept if entry.file not in seen]
    if not asked:
        raise InvalidData(f"{name}: no image is left to evaluate on")
    files = [index.path(entry) for entry in asked]
    answers = list(model.answer(files, settings.workers, progress("classifying")))
    rows = [row for row, answer in enumerate(answers) if answer.probabilities is not None]
    if not rows:
        raise InvalidData(f"{name}: none of {format_quantity(len(asked), 'file')} can be read")
    predictions = _predictions(facts.classes, index, mapped, asked, answers, rows)
    counts = Counter(entry.label for entry in index.entries)
    assessment = ExternalAssessment(
        model=facts,
        data=name,
        listed=len(index.entries),
        labels=tuple(
            LabelCount(label, mapped[label], counts[number])
            for number, label in enumerate(index.classes)
        ),
        overlap=overlap,
        ungrouped=sum(entry.group is None for entry in asked),
        columns_left_out=left_out,
        answers=count_answers(
            [entry.source or "" for entry in asked],
            [answer.probabilities is not None for answer in answers],
            [answer.refusal for answer in answers],
        ),
        unread=tuple(
            UnreadFile(entry.file, answer.reason)
            for entry, answer in zip(asked, answers, strict=True)
            if answer.probabilities is None
        ),
        interval=IntervalMethod(),
        forced=_measured(predictions, columns),
        answered=_answered(predictions, columns) if facts.abstains else None,
    )
    with atomic_folder(folder) as new:
        predictions.save(new / PREDICTIONS)
        _draw(new / FIGURES, assessment, predictions)
        assessment.save(new / ASSESSMENT)
    return ExternalEvaluation(predictions, assessment, folder)


def choose_columns(
    entries: Sequence[Entry], asked: Sequence[str] | None, name: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Chooses the columns that results are given by.

    Args:
        entries: the images.
        asked: names of columns; None for the usual ones that there are.
        name: of the data set, for messages.

    Returns:
        The columns besides the source, and usual ones with too many different values.

    Raises:
        InvalidSetting: a column that is not there or has too many different values.
    """
    cells = {key: {dict(e.columns)[key] for e in entries} for key, _ in entries[0].columns}
    if asked is None:
        there = [column for column in cells if column.casefold() in USUAL_COLUMNS]
        many = tuple(column for column in there if len(cells[column]) > MOST_VALUES)
        return tuple(column for column in there if column not in many), many
    for column in asked:
        if column == SOURCE:
            continue
        if column not in cells:
            known = ", ".join(cells) or "none besides file, label, group and source"
            raise InvalidSetting(f"{name}: has no column {column!r}; its columns are {known}")
        if len(cells[column]) > MOST_VALUES:
            raise InvalidSetting(
                f"{name}: column {column!r} has {len(cells[column])} different values; results are "
                f"given by {MOST_VALUES} at most: put them in bands in a column of its own"
            )
    return tuple(dict.fromkeys(column for column in asked if column != SOURCE)), ()


def name_of(data: Path) -> str:
    """Returns the name of a data set: that of its folder, or of its table without suffix."""
    place = data.resolve()
    if place.is_file():
        return place.parent.name if place.name == TABLE else place.stem
    return place.name or "data"


def choose_folder(model: EvaluatedModel, name: str, folder: Path | None) -> Path:
    """Chooses where results go: for a run, by default a folder of their own in the run.

    Args:
        model: that is evaluated.
        name: of the data set.
        folder: what was asked for, if anything.

    Raises:
        InvalidSetting: nothing was asked for, and the model is not a run.
    """
    if folder is not None:
        return folder
    if model.results is None:
        raise InvalidSetting(
            f"{model.facts.identity}: is an exported model, whose folder is left as it is",
            remedy="name-folder",
        )
    return model.results / f"{EVALUATION}-on-{name}"


def _search(
    model: EvaluatedModel,
    index: Index,
    entries: Sequence[Entry],
    workers: int | None,
    progress: Callable[[str], OnProgress],
) -> Overlap:
    seen = model.training_images(workers, progress("hashing training images"))
    if seen is None:
        return NOT_SEARCHED
    return find_overlap(
        index.root, entries, seen, workers, progress("looking for images that it has seen")
    )


def _refuse_overlap(overlap: Overlap, images: int, name: str, *, leave_out: bool) -> None:
    if leave_out or not overlap.images:
        return
    kinds = [f"{count} {OVERLAP_WORDS[kind]}" for kind, count in overlap.counts.items() if count]
    raise DataLeak(
        f"{name}: {len(overlap.images)} of {format_quantity(images, 'image')} overlap with those "
        f"that the model was trained on ({join_words(kinds)}), first {overlap.images[0].file}",
        remedy="leave-out-overlap",
    )


def _predictions(
    classes: tuple[str, ...],
    index: Index,
    mapped: Mapping[str, str | None],
    entries: Sequence[Entry],
    answers: Sequence[Answer],
    rows: Sequence[int],
) -> Predictions:
    """The predictions for the images that were read, at the given rows of entries and answers."""
    chosen = [entries[row] for row in rows]
    given = [index.classes[entry.label] for entry in chosen]
    found = [numbers for row in rows if (numbers := answers[row].probabilities) is not None]
    own = {key: tuple(dict(each.columns)[key] for each in chosen) for key, _ in chosen[0].columns}
    return Predictions(
        classes=classes,
        files=tuple(each.file for each in chosen),
        groups=tuple(f"file:{each.file}" if each.group is None else each.group for each in chosen),
        labels=np.array([classes.index(str(mapped[label])) for label in given], dtype=np.int64),
        probabilities=np.stack(found),
        sources=tuple(each.source or "" for each in chosen),
        columns=own
        | {
            "given_label": tuple(given),
            ABSTENTION: tuple(answers[row].refusal or "" for row in rows),
        },
    )


def _measured(predictions: Predictions, columns: Sequence[str]) -> Measurement:
    cells = {SOURCE: predictions.sources}
    return measure(predictions, cells | {name: predictions.columns[name] for name in columns})


def _answered(predictions: Predictions, columns: Sequence[str]) -> Measurement | None:
    rows = [row for row, code in enumerate(predictions.columns[ABSTENTION]) if not code]
    return _measured(predictions.take(rows), columns) if rows else None


def _draw(folder: Path, assessment: ExternalAssessment, predictions: Predictions) -> None:
    found = assessment.forced
    images = format_quantity(found.whole.images, "image")
    title = f"{assessment.model.identity} on {assessment.data}, {images}"
    counts = np.array(found.confusion.counts, dtype=np.float64)
    draw_confusion_matrix(folder / "confusion-matrix.png", counts, predictions.classes, title)
    prevalence = counts.sum(axis=1) / counts.sum()
    curves = compute_class_curves(
        predictions,
        Discrimination(
            found.one_vs_rest, {}, dict(zip(predictions.classes, prevalence.tolist(), strict=True))
        ),
    )
    if curves:
        draw_roc(folder / "roc.png", curves, title)
    panel = Reliability(
        "as answered, calibrated",
        [(each.confidence, each.accuracy) for each in compute_reliability(predictions)],
        predictions.probabilities.max(axis=1),
        found.calibration.ece_top_label,
    )
    draw_reliability(folder / "reliability.png", [panel], title)
    draw_subgroups(folder / "sources.png", _blocks(found, predictions), title)


def _blocks(found: Measurement, predictions: Predictions) -> list[SourceBlock]:
    blocks = []
    sources, groups = np.array(predictions.sources), np.array(predictions.groups)
    for part in found.parts[SOURCE]:
        own = sources == part.value
        lines = [SourceLine("all images", part.images, part.groups, part.accuracy)]
        for label, name in enumerate(predictions.classes):
            rows = own & (predictions.labels == label)
            count = len(np.unique(groups[rows]))
            lines.append(SourceLine(name, int(rows.sum()), count, part.recall.get(name)))
        blocks.append(SourceBlock(part.value or "unknown source", lines))
    return blocks
