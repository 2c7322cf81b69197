"""Predictions of several models brought to the same images in the same order, or refused."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np

from lungscope.errors import InvalidData
from lungscope.evaluation.predictions import Predictions


def match_predictions(answers: Mapping[str, Predictions]) -> dict[str, Predictions]:
    """Sorts every model's answers by file, with the classes in the first model's order.

    Args:
        answers: predictions by the model's name, one model or more.

    Raises:
        InvalidData: the models were not given the same images with the same labels and groups;
            the message says how they differ.
    """
    names = list(answers)
    first = names[0]
    found = {name: _sorted(name, answers[name], answers[first].classes, first) for name in names}
    for name in names[1:]:
        _refuse_other_images(first, found[first], name, found[name])
        _refuse_other_facts(first, found[first], name, found[name])
    return found


def _sorted(
    name: str, predictions: Predictions, classes: tuple[str, ...], first: str
) -> Predictions:
    if set(predictions.classes) != set(classes):
        raise InvalidData(
            f"{name} tells {', '.join(predictions.classes)} apart, {first} {', '.join(classes)}: "
            "only models of the same classes can be compared"
        )
    order = np.argsort(np.array(predictions.files, dtype=object), kind="stable")
    files = tuple(predictions.files[row] for row in order)
    for file, following in pairwise(files):
        if file == following:
            raise InvalidData(f"{name}: {file!r} is twice among its predictions; evaluate again")
    column = [predictions.classes.index(label) for label in classes]
    ordered = predictions.take(order)
    return replace(
        ordered,
        classes=classes,
        labels=np.argsort(column)[ordered.labels],
        probabilities=ordered.probabilities[:, column],
    )


def _refuse_other_images(first: str, one: Predictions, second: str, other: Predictions) -> None:
    if one.files == other.files:
        return
    parts = []
    for name, mine, theirs in ((first, one, other), (second, other, one)):
        extra = sorted(set(mine.files) - set(theirs.files))
        if extra:
            parts.append(f"{len(extra)} only of {name}, such as {extra[0]!r}")
    raise InvalidData(
        f"{first} and {second} were tested on different images ({'; '.join(parts)}): train and "
        "evaluate both with the same split and subset"
    )


def _refuse_other_facts(first: str, one: Predictions, second: str, other: Predictions) -> None:
    labels = tuple([each.classes[label] for label in each.labels] for each in (one, other))
    for what, mine, theirs in (("class", *labels), ("group", one.groups, other.groups)):
        rows = [row for row, (a, b) in enumerate(zip(mine, theirs, strict=True)) if a != b]
        if rows:
            row = rows[0]
            raise InvalidData(
                f"{first} and {second} were tested on the same files, but {len(rows)} have another "
                f"{what}: {one.files[row]!r} is {mine[row]!r} for {first} and {theirs[row]!r} for "
                f"{second}; train and evaluate both with the same split"
            )
