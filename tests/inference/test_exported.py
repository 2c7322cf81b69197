import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lungscope.errors import LungscopeError, ModelDamaged
from lungscope.inference.classifier import Classifier
from lungscope.inference.description import Description
from lungscope.inference.exported import BUNDLED_MODELS, DEFAULT_MODEL, ExportedModel, find_model


@pytest.fixture
def copy(exported_model, tmp_path):
    return shutil.copytree(exported_model, tmp_path / "model")


def test_a_folder_is_read_whole(exported_model):
    model = ExportedModel.load(exported_model)
    assert model.description.classes == ("Lung Opacity", "Normal", "Viral Pneumonia")
    assert model.thresholds.max_distance == 1.5


@pytest.mark.parametrize("name", ["model.onnx", "abstention.npz"])
def test_a_file_that_was_changed_is_refused(copy, name):
    content = bytearray((copy / name).read_bytes())
    content[-1] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(LungscopeError, match=rf"{name}: not the file that model\.json describes"):
        ExportedModel.load(copy)


@pytest.mark.parametrize("name", ["model.json", "model.onnx", "abstention.npz"])
def test_a_file_that_is_missing_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(LungscopeError, match=name):
        ExportedModel.load(copy)


def test_a_checkpoint_is_told_from_an_exported_model(copy):
    description = json.loads((copy / "model.json").read_text())
    del description["export"]
    (copy / "model.json").write_text(json.dumps(description))
    with pytest.raises(LungscopeError, match=r"export its run with Run\.export\(\)"):
        ExportedModel.load(copy)


def test_damaged_thresholds_are_refused(copy):
    description = Description.load(copy / "model.json")
    replace(description, abstention={"score": "horoscope"}).save(copy / "model.json")
    with pytest.raises(LungscopeError, match="damaged thresholds"):
        ExportedModel.load(copy)


@pytest.mark.parametrize("name", BUNDLED_MODELS)
def test_a_bundled_model_is_whole_and_small(name):
    folder = find_model(name)
    model = ExportedModel.load(folder)
    assert model.description.architecture == "mobilenet-lung"
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 20e6
    assert "not for diagnosis" in (folder / "model_card.md").read_text().lower()


def test_a_model_is_found_by_its_name_or_its_folder():
    assert find_model() == BUNDLED_MODELS[DEFAULT_MODEL]
    assert find_model("paper") == BUNDLED_MODELS["paper"]
    assert find_model("runs/export") == Path("runs/export")
    assert find_model("./paper") == find_model(Path("paper")) == Path("paper")


def test_a_bundled_model_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(
        LungscopeError, match="no bundled model has this name; give robust or paper"
    ):
        Classifier.bundled("papers")


def test_a_description_that_was_changed_is_refused(copy):
    text = (copy / "model.json").read_text()
    classes = ['"Lung Opacity"', '"Normal"']
    swapped = text.replace(classes[0], "?").replace(classes[1], classes[0]).replace("?", classes[1])
    (copy / "model.json").write_text(swapped)
    with pytest.raises(LungscopeError, match="was changed after the export"):
        ExportedModel.load(copy)


def test_an_export_of_0_1_0_is_refused_with_what_to_do(copy):
    description = json.loads((copy / "model.json").read_text())
    (copy / "model.json").write_text(json.dumps(description | {"version": 1}))
    with pytest.raises(ModelDamaged, match=r"0\.1\.0.*train it again and export that run"):
        ExportedModel.load(copy)


@pytest.mark.parametrize("temperature", ["9" * 400, "[" * 100_000, '"warm"', "null"])
def test_a_description_of_an_impossible_temperature(exported_model, tmp_path, temperature):
    path = tmp_path / "model.json"
    plain = json.loads((exported_model / "model.json").read_text())
    del plain["export"]
    text = json.dumps(plain | {"temperature": "HERE"}).replace('"HERE"', temperature)
    path.write_text(text)
    with pytest.raises(ModelDamaged, match="damaged model description"):
        Description.load(path)
