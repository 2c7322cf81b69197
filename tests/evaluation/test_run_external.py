"""From a data set to a folder of results, with a model that is small enough to know by heart."""

import csv
import hashlib
import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from lungscope.data.index import Entry, Index
from lungscope.data.overlap import hash_training_images
from lungscope.errors import AlreadyExists, DataLeak, InvalidData, InvalidSetting
from lungscope.evaluation.evaluated_model import open_model
from lungscope.evaluation.external import ExternalAssessment
from lungscope.evaluation.run_external import (
    ExternalEvaluation,
    ExternalSettings,
    choose_columns,
    choose_folder,
    evaluate_on,
    name_of,
)
from lungscope.inference.description import Description, ExportInfo

SIDES = {"Lung_Opacity": 0.0, "Viral pneumonia": 1.0}
"""The tiny model calls what is bright at the left an opacity, at the right viral."""


def film(side, seed):
    """A film with a bright half and noise of its own."""
    grid = np.full((96, 96), 90.0)
    half = slice(0, 48) if side == 0 else slice(48, 96)
    grid[:, half] = 200
    noise = np.random.default_rng(seed).normal(0, 40, (24, 24))
    return Image.fromarray(np.clip(grid + np.kron(noise, np.ones((4, 4))), 0, 255).astype(np.uint8))


@pytest.fixture
def clinic(tmp_path):
    """Twelve films of two classes and two hospitals, one that is nearly white, one unreadable."""
    folder = tmp_path / "clinic"
    folder.mkdir()
    rows = []
    for number in range(12):
        name, side = list(SIDES.items())[number % 2]
        film(side, number).save(folder / f"{number}.png")
        rows.append((f"{number}.png", name, f"p{number // 2}", "xy"[number // 6], "adult", ""))
    bright = np.random.default_rng(99).integers(235, 256, (96, 96), dtype=np.uint8)
    Image.fromarray(bright).save(folder / "white.png")
    (folder / "broken.png").write_bytes(b"no image")
    rows += [
        ("white.png", "Lung_Opacity", "p8", "x", "child", "F"),
        ("broken.png", "Lung_Opacity", "p9", "y", "", "M"),
    ]
    write_table(folder / "metadata.csv", rows)
    return folder


def write_table(path, rows, label="label"):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("file", label, "group", "source", "age", "Sex"), *rows])


@pytest.fixture
def evaluated(clinic, exported_model, tmp_path):
    def evaluated(model=exported_model, **settings):
        options = {"force": settings.pop("force", False)}
        return evaluate_on(
            open_model(model),
            Index.open(clinic),
            "clinic",
            tmp_path / "out",
            ExternalSettings(**settings),
            **options,
        )

    return evaluated


def test_every_image_is_answered_counted_and_measured(evaluated):
    found = evaluated().assessment
    assert found.forced.whole.images == 13
    assert found.forced.whole.accuracy.value == pytest.approx(12 / 13)
    assert found.answered.whole.images == 12
    assert found.answered.whole.accuracy.value == 1
    assert {each.source: each.refused for each in found.answers} == {
        "x": {"out-of-distribution": 1},
        "y": {"unreadable": 1},
    }
    assert [each.file for each in found.unread] == ["broken.png"]
    assert [(e.label, e.mapped_to, e.images) for e in found.labels] == [
        ("Lung Opacity", "Lung Opacity", 8),
        ("Viral pneumonia", "Viral Pneumonia", 6),
    ]


def test_results_are_given_by_source_and_the_usual_columns(evaluated):
    found = evaluated().assessment
    assert list(found.forced.parts) == ["source", "age", "Sex"]
    assert [part.value for part in found.forced.parts["age"]] == ["adult", "child"]


def test_what_is_written_can_be_read_and_has_the_columns_of_the_data(evaluated, clinic):
    found = evaluated()
    assert {path.name for path in found.folder.iterdir()} == {
        "external.json",
        "predictions.csv",
        "figures",
    }
    assert ExternalAssessment.load(found.folder / "external.json") == found.assessment
    again = ExternalEvaluation.load(str(found.folder))
    assert (again.assessment, again.folder) == (found.assessment, found.folder)
    assert len(repr(again.assessment)) < 150
    predictions = again.predictions
    assert predictions.columns["age"][:2] == ("adult", "adult")
    assert set(predictions.columns["given_label"]) == {"Lung Opacity", "Viral pneumonia"}
    assert [
        predictions.columns["abstention"][predictions.files.index(file)]
        for file in ("0.png", "white.png")
    ] == ["", "out-of-distribution"]
    assert {path.name for path in (found.folder / "figures").iterdir()} == {
        "confusion-matrix.png",
        "roc.png",
        "reliability.png",
        "sources.png",
    }


def test_a_label_that_is_left_out_is_counted(evaluated):
    found = evaluated(mapping={"viral pneumonia": None}).assessment
    assert found.left_out == 6
    assert found.forced.whole.images == 7
    assert list(found.forced.whole.recall) == ["Lung Opacity"]


def test_something_must_be_left(evaluated):
    with pytest.raises(InvalidData, match="every label is left out"):
        evaluated(mapping={"viral pneumonia": None, "Lung Opacity": None})


def test_another_column_may_have_the_labels(clinic, exported_model, tmp_path):
    rows = [(f"{n}.png", f"Finding {n % 2}", "", "", "", "") for n in range(12)]
    write_table(clinic / "metadata.csv", rows, "finding")
    index = Index.open(clinic, "finding")
    mapping = {"Finding 0": "Lung Opacity", "Finding 1": "Viral Pneumonia"}
    found = evaluate_on(
        open_model(exported_model), index, "c", tmp_path / "o", ExternalSettings(mapping)
    ).assessment
    assert found.forced.whole.accuracy.value == 1
    assert found.ungrouped == 12
    assert [part.value for part in found.forced.parts["finding"]] == ["Finding 0", "Finding 1"]


def test_an_older_export_cannot_be_searched_and_is_not_refused(evaluated):
    assert evaluated().assessment.overlap.searched == ()


@pytest.fixture
def knowing(clinic, exported_model, tmp_path, phantom_split):
    """The tiny model, with hashes of four of the clinic's films and of two patients."""
    entries = tuple(
        replace(entry, file=file, group=group, sha256=sha256(clinic / file))
        for entry, file, group in zip(
            phantom_split.subset("train")[:4],
            ("0.png", "1.png", "2.png", "3.png"),
            ("p0", "p0", "p5", "q"),
            strict=True,
        )
    )
    # what of a split is hashed; a whole one has every class in every subset
    split = SimpleNamespace(entries=entries, grouped_by="group-column")
    folder = shutil.copytree(exported_model, tmp_path / "knowing")
    hash_training_images([split], clinic, b"salt").save(folder / "training.npz")
    description = Description.load(folder / "model.json")
    hashes = {
        **description.export.sha256,
        "training.npz": sha256(folder / "training.npz"),
    }
    replace(description, export=ExportInfo("fp32", hashes)).save(folder / "model.json")
    Image.open(clinic / "2.png").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(clinic / "2.png")
    return folder


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_overlap_is_refused_with_counts_by_kind(evaluated, knowing):
    with pytest.raises(DataLeak) as refused:
        evaluated(knowing)
    assert str(refused.value) == (
        "clinic: 6 of 14 images overlap with those that the model was trained on (3 with the same "
        "bytes, 1 with the same picture and 2 of the same patient), first 0.png; leave them out "
        "with leave_out_overlap=True"
    )


def test_overlap_may_be_left_out_and_is_counted(evaluated, knowing):
    found = evaluated(knowing, leave_out_overlap=True).assessment
    assert found.overlap.counts == {"bytes": 3, "picture": 1, "group": 2}
    assert found.overlap.training_images == 4
    assert found.asked == 8


def test_results_are_not_replaced_unasked(evaluated):
    first = evaluated()
    with pytest.raises(AlreadyExists):
        evaluated()
    again = evaluated(force=True)
    assert json.dumps(again.to_json()) == json.dumps(first.to_json())


def test_a_refusal_writes_nothing(evaluated, tmp_path):
    with pytest.raises(InvalidSetting, match="has no column 'weight'; its columns are age, Sex"):
        evaluated(by=["weight"])
    assert not (tmp_path / "out").exists()


def test_columns_with_too_many_values_are_left_out_or_refused():
    entries = [Entry(f"{n}", 0, columns=(("age", str(n)), ("view", "AP"))) for n in range(50)]
    assert choose_columns(entries, None, "clinic") == (("view",), ("age",))
    assert choose_columns(entries, ["view", "source", "view"], "clinic") == (("view",), ())
    with pytest.raises(InvalidSetting, match="'age' has 50 different values"):
        choose_columns(entries, ["age"], "clinic")


def test_nothing_can_be_said_of_files_that_cannot_be_read(clinic, exported_model, tmp_path):
    for path in clinic.glob("*.png"):
        path.write_bytes(b"no image")
    with pytest.raises(InvalidData, match="none of 14 files can be read"):
        evaluate_on(
            open_model(exported_model),
            Index.open(clinic),
            "clinic",
            tmp_path / "out",
            ExternalSettings(),
        )


def test_a_data_set_has_the_name_of_its_folder_or_table(clinic):
    (clinic / "second.csv").touch()
    assert name_of(clinic) == name_of(clinic / "metadata.csv") == "clinic"
    assert name_of(clinic / "second.csv") == "second"


def test_an_exported_model_needs_a_folder_for_results(exported_model, tmp_path):
    with pytest.raises(InvalidSetting, match="give a folder for the results"):
        choose_folder(open_model(exported_model), "clinic", None)
    assert choose_folder(open_model(exported_model), "clinic", tmp_path) == tmp_path
