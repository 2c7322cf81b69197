"""One row a file: what `predict` writes as a line of JSON or of CSV."""

import math
from collections.abc import Sequence
from typing import Any

from lungscope.images import CHEST_RADIOGRAPHS
from lungscope.inference.prediction import Outcome, Prediction

_ACQUISITION = ("modality", "body_part", "view_position", "laterality")
_IDENTIFIERS = (
    "patient_id",
    "accession_number",
    "study_instance_uid",
    "series_instance_uid",
    "sop_instance_uid",
)

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What cells begin with that a spreadsheet would take for a formula (OWASP, "CSV injection")."""


def to_json(outcome: Outcome, *, with_ids: bool) -> dict[str, Any]:
    """A JSON object; what is unknown is null.

    `predicted` is the class that is named; `label` is the word for the true class, in tables of
    data and of an evaluation. `unwanted` is the code of why a DICOM image is refused, or would
    have been had not every modality been allowed.

    Args:
        outcome: of one file.
        with_ids: whether the identifiers of patient and study are in it.
    """
    if not isinstance(outcome, Prediction):
        return {
            "file": str(outcome.file),
            "error": outcome.reason,
            "predicted": None,
            "unwanted": outcome.unwanted,
        }
    origin = outcome.origin
    row: dict[str, Any] = {
        "file": str(outcome.file),
        "error": None,
        "predicted": outcome.label,
        "probabilities": dict(outcome.probabilities),
        "abstained": outcome.abstained,
        "abstention": outcome.abstention,
        "reason": outcome.reason,
        "warnings": list(outcome.warnings),
        "distance": outcome.distance if math.isfinite(outcome.distance) else None,
        "model": outcome.model,
        "model_sha256": outcome.model_sha256,
        "format": origin.format,
        "height": origin.height,
        "width": origin.width,
        **{name: getattr(origin.acquisition, name, None) for name in _ACQUISITION},
        "unwanted": None
        if origin.acquisition is None
        else CHEST_RADIOGRAPHS.objection(origin.acquisition),
    }
    if with_ids:
        row |= {name: getattr(origin.identifiers, name, None) for name in _IDENTIFIERS}
    return row


def columns(classes: Sequence[str], *, with_ids: bool) -> list[str]:
    """The names of a CSV's columns."""
    probabilities = [f"probability:{name}" for name in classes]
    return [
        *("file", "error", "predicted", *probabilities, "abstained", "abstention", "reason"),
        "warnings",
        *("distance", "model", "model_sha256", "format", "height", "width"),
        *(*_ACQUISITION, "unwanted"),
        *(_IDENTIFIERS if with_ids else ()),
    ]


def to_cells(outcome: Outcome, classes: Sequence[str], *, with_ids: bool) -> list[str | float]:
    """The cells of a CSV's row, in the order of `columns`; what is unknown is empty.

    A text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    row = to_json(outcome, with_ids=with_ids)
    row |= {f"probability:{name}": p for name, p in row.pop("probabilities", {}).items()}
    found = [row.get(name) for name in columns(classes, with_ids=with_ids)]
    return [_cell(each) for each in found]


def _cell(value: Any) -> str | float:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return " ".join(value)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value
