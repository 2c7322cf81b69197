import shutil

import numpy as np
import pytest
import torch

from lungscope.data.index import Index
from lungscope.errors import InvalidSetting, NotFound
from lungscope.evaluation.evaluated_model import ExportedFolder, TrainedRun, open_model
from lungscope.images import Preprocessing
from lungscope.inference.classifier import Classifier
from lungscope.inference.description import Description
from lungscope.models import Shape, build_network
from lungscope.models.checkpoint import Checkpoint, save_checkpoint
from lungscope.training.recipe import Recipe
from lungscope.training.run import RunFolder


@pytest.fixture(scope="module")
def run(tmp_path_factory, phantoms, phantom_split):
    folder = tmp_path_factory.mktemp("evaluated") / "lung"
    recipe = Recipe(model="squeezenet1_1", weights="none", size=64)
    made = RunFolder.create(folder, recipe, phantom_split, phantoms, force=False)
    torch.manual_seed(0)
    description = Description(
        architecture=recipe.model,
        se_reduction=16,
        classes=phantom_split.classes,
        preprocessing=Preprocessing(64, 0.5, 0.25),
        weights_sha256="",
        temperature=1.7,
        data_fingerprint=phantom_split.fingerprint,
    )
    network = build_network(recipe.model, Shape(3))
    save_checkpoint(made.checkpoint, network.state_dict(), description)
    return made


@pytest.fixture
def files(phantoms, tmp_path):
    index = Index.open(phantoms)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    return [broken, *(index.path(entry) for entry in index.entries[:6])]


def test_a_run_answers_as_its_checkpoint_and_never_abstains(run, files):
    model = open_model(run.folder)
    assert isinstance(model, TrainedRun)
    assert not model.facts.abstains
    broken, *answers = model.answer(files, None, lambda *_: None)
    assert broken.probabilities is None
    assert broken.refusal == "unreadable"
    checkpoint = Checkpoint.load(run.checkpoint)
    for file, answer in zip(files[1:], answers, strict=True):
        expected = list(checkpoint.predict(file).probabilities.values())
        assert answer.probabilities == pytest.approx(expected, abs=1e-6)
        assert answer.refusal is None


def test_a_run_has_seen_its_training_and_validation_images(run):
    seen = open_model(run.folder).training_images(None, lambda *_: None)
    split = run.split
    expected = {e.sha256 for e in split.entries if e.subset != "test"}
    assert {each.tobytes().hex() for each in seen.sha256} == expected
    assert len(seen.hashes) == len(expected)


def test_a_run_whose_images_are_gone_still_knows_their_bytes(run, tmp_path):
    seen = open_model(run.folder, tmp_path).training_images(None, lambda *_: None)
    assert seen.images == 48
    assert len(seen.hashes) == 0


def test_an_exported_model_answers_as_its_classifier(exported_model, files):
    model = open_model(exported_model)
    assert isinstance(model, ExportedFolder)
    classifier = Classifier.load(exported_model)
    done = []
    broken, *answers = model.answer(files, None, lambda *step: done.append(step))
    assert broken.refusal == "unreadable"
    for file, answer in zip(files[1:], answers, strict=True):
        expected = classifier.predict(file)
        assert np.array_equal(answer.probabilities, list(expected.probabilities.values()))
        assert answer.refusal == expected.abstention
    assert done[-1] == (7, 7)


def test_a_bundled_model_is_meant_by_its_name():
    assert open_model("paper").facts.kind == "exported"


def test_what_is_no_model_is_refused(run, tmp_path):
    with pytest.raises(NotFound, match=r"model\.json"):
        open_model(tmp_path / "nowhere")
    with pytest.raises(InvalidSetting, match="is a checkpoint"):
        open_model(run.checkpoint)
    untrained = shutil.copytree(run.folder, tmp_path / "untrained")
    shutil.rmtree(untrained / "checkpoint")
    with pytest.raises(NotFound, match="has trained no epoch yet"):
        open_model(untrained)
