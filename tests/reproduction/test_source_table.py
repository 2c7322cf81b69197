import csv
import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from lungscope.evaluation.predictions import Predictions
from lungscope.reproduction.plan import Part, Plan
from lungscope.reproduction.runner import TrainedPart
from lungscope.reproduction.source_folds import SourceFold
from lungscope.reproduction.source_table import SourceTable, make_source_row, write_source_table
from lungscope.training.history import Epoch

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "reference" / "schemas"
CLASSES = ("Lung Opacity", "Normal", "Viral Pneumonia")
PLAN = Plan(("squeezenet",))


@pytest.fixture
def trained():
    """20 images of a hospital without Viral Pneumonia; 2 of its 8 normal ones are misclassified."""
    labels = np.array([0] * 12 + [1] * 8)
    predicted = labels.copy()
    predicted[[12, 13]] = 0
    probabilities = np.full((20, 3), 0.1)
    probabilities[np.arange(20), predicted] = 0.8
    names = tuple(f"{n}.png" for n in range(20))
    epoch = Epoch(1, 0.01, 0.5, 0.8, 0.5, 0.8, 0.8, 2.0)
    predictions = Predictions(CLASSES, names, names, labels, probabilities)
    return TrainedPart(Part("source-2", 0), predictions, (epoch,))


@pytest.fixture
def table(trained):
    lost = SourceFold("source-1", "Kyiv", 30, "removes-class", ("Viral Pneumonia",))
    rows = (
        make_source_row(lost, "squeezenet", None, "refused", lost.describe_refusal()),
        make_source_row(SourceFold("source-2", "Lviv", 20), "squeezenet", trained, "not-started"),
        make_source_row(SourceFold("source-3", "Odesa", 9), "squeezenet", None, "not-started"),
    )
    return SourceTable(PLAN, CLASSES, rows, "xrays")


def test_a_source_is_measured_for_the_classes_that_it_has(table):
    row = table.rows[1]
    assert (row.state, row.epochs, row.best_epoch) == ("complete", 1, 1)
    assert row.measured.accuracy.value == pytest.approx(18 / 20)
    assert row.measured.accuracy.low < 0.9 < row.measured.accuracy.high
    assert {name: each.value for name, each in row.measured.recall.items()} == {
        "Lung Opacity": 1.0,
        "Normal": 0.75,
    }
    assert row.measured.sick_auroc.value == pytest.approx((12 * 6 + 12 * 2 / 2) / (12 * 8))


def test_only_what_was_not_done_is_pending(table):
    assert [row.pending for row in table.rows] == [False, False, True]


def test_the_notes_say_why_a_source_is_not_left_out(table):
    assert any(
        note.startswith("Kyiv is not left out: it has all images of Viral Pneumonia")
        for note in table.notes
    )


def test_csv_json_and_page_have_the_same_numbers(table, tmp_path):
    write_source_table(table, tmp_path)
    with (tmp_path / "sources.csv").open(newline="") as file:
        refused, done, waiting = csv.DictReader(file)
    assert refused["state"] == "refused"
    assert refused["accuracy"] == waiting["accuracy"] == ""
    assert float(done["recall:Normal"]) == 0.75
    assert done["recall:Viral Pneumonia"] == ""
    found = json.loads((tmp_path / "sources.json").read_text())
    assert found["rows"][1]["measured"]["accuracy"]["value"] == float(done["accuracy"])
    page = (tmp_path / "sources.html").read_text()
    assert "0.900" in page
    assert "leaving it out removes the class" in page


def test_the_json_fits_its_schema_and_a_part_of_it_does_not(table, tmp_path):
    schema = json.loads((SCHEMAS / "sources.schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    write_source_table(table, tmp_path)
    value = json.loads((tmp_path / "sources.json").read_text(encoding="utf-8"))
    validator.validate(value)
    assert value.keys() == schema["properties"].keys()
    assert value["plan"].keys() == schema["$defs"]["Plan"]["properties"].keys()
    for key in schema["required"]:
        assert not validator.is_valid({k: v for k, v in value.items() if k != key}), key


def test_a_table_says_how_far_it_is(table):
    assert repr(table) == "SourceTable('xrays': 1 of 3 rows done)"
    assert "<td>Lviv</td>" in table._repr_html_()
