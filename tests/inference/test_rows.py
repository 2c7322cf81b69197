import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lungscope.images import Acquisition, Identifiers
from lungscope.inference.abstention import AbstentionCause
from lungscope.inference.prediction import Failure, ImageOrigin, Prediction
from lungscope.inference.rows import columns, to_cells, to_json

CLASSES = ("Normal", "Viral Pneumonia")
PREDICTION = Prediction(
    file=Path("a/b.dcm"),
    label="Normal",
    probabilities={"Normal": 0.75, "Viral Pneumonia": 0.25},
    cause=None,
    distance=1.25,
    model="tiny 01234567",
    model_sha256="0123456789",
    origin=ImageOrigin(
        "DICOM",
        2000,
        1800,
        Acquisition(modality="CR", view_position="PA"),
        Identifiers(patient_id="PID-774411"),
    ),
    activation_map=np.zeros((2, 3, 3), np.float32),
)
ABSTAINED = replace(
    PREDICTION, label=None, cause=AbstentionCause("low-confidence", "confidence", 0.75, 0.8)
)
FAILURE = Failure(Path("c.png"), "the file is empty (0 bytes)")


def test_an_answer_is_a_json_object_of_what_is_known():
    row = json.loads(json.dumps(to_json(PREDICTION, with_ids=False)))
    assert row["file"] == "a/b.dcm"
    assert (row["predicted"], row["abstained"], row["reason"], row["error"]) == (
        "Normal", False, None, None,
    )  # fmt: skip
    assert row["probabilities"] == {"Normal": 0.75, "Viral Pneumonia": 0.25}
    assert (row["modality"], row["view_position"], row["laterality"]) == ("CR", "PA", None)


def test_a_file_that_could_not_be_read_is_a_row_with_its_reason():
    row = {"file": "c.png", "error": FAILURE.reason, "predicted": None, "unwanted": None}
    assert to_json(FAILURE, with_ids=False) == row


def test_a_file_that_is_not_accepted_is_a_row_with_a_code():
    refused = Failure(Path("ct.dcm"), "its modality is CT, not CR, DR or DX", "modality")
    assert to_json(refused, with_ids=False)["unwanted"] == "modality"
    names = columns(CLASSES, with_ids=False)
    cells = dict(zip(names, to_cells(refused, CLASSES, with_ids=False), strict=True))
    assert cells["unwanted"] == "modality"


def test_warnings_are_codes_in_a_list_and_with_spaces_between_in_a_cell():
    assert to_json(PREDICTION, with_ids=False)["warnings"] == []
    warned = replace(PREDICTION, warnings=("mirrored",))
    assert to_json(warned, with_ids=False)["warnings"] == ["mirrored"]
    names = columns(CLASSES, with_ids=False)
    for outcome, cell in ((PREDICTION, ""), (warned, "mirrored")):
        cells = dict(zip(names, to_cells(outcome, CLASSES, with_ids=False), strict=True))
        assert cells["warnings"] == cell


def test_identifiers_are_told_only_to_who_asks():
    assert "PID-774411" not in json.dumps(to_json(PREDICTION, with_ids=False))
    assert to_json(PREDICTION, with_ids=True)["patient_id"] == "PID-774411"
    assert "PID-774411" not in repr(PREDICTION) + PREDICTION._repr_html_()


def test_cells_stand_under_their_columns():
    for with_ids in (False, True):
        names = columns(CLASSES, with_ids=with_ids)
        file = io.StringIO()
        writer = csv.writer(file)
        writer.writerow(names)
        for outcome in (PREDICTION, FAILURE):
            cells = to_cells(outcome, CLASSES, with_ids=with_ids)
            assert len(cells) == len(names)
            writer.writerow(cells)
        answer, failure = csv.DictReader(io.StringIO(file.getvalue()))
        assert answer["predicted"] == "Normal"
        assert float(answer["probability:Viral Pneumonia"]) == 0.25
        assert answer["abstained"] == "false"
        assert failure["error"] == FAILURE.reason
        assert failure["predicted"] == failure["probability:Normal"] == failure["abstained"] == ""
        assert answer.get("patient_id") == ("PID-774411" if with_ids else None)


def test_an_abstention_is_a_code_beside_a_sentence():
    row = to_json(ABSTAINED, with_ids=False)
    assert (row["predicted"], row["abstained"]) == (None, True)
    assert row["abstention"] == "low-confidence"
    assert row["reason"] == "low confidence (0.75, at least 0.80)"
    names = columns(CLASSES, with_ids=False)
    cells = dict(zip(names, to_cells(ABSTAINED, CLASSES, with_ids=False), strict=True))
    assert cells["abstention"] == "low-confidence"


@pytest.mark.parametrize("name", ["=1+1.jpg", "+1.jpg", "-1.jpg", "@SUM(1).jpg", "\t=1.jpg"])
def test_a_cell_that_a_spreadsheet_would_take_for_a_formula_is_made_text(name):
    cells = to_cells(replace(FAILURE, file=Path(name)), CLASSES, with_ids=False)
    assert cells[0] == f"'{name}"
    row = to_json(replace(FAILURE, file=Path(name)), with_ids=False)
    assert row["file"] == name
