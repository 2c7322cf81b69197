import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from lungscope.data.index import Index
from lungscope.data.overlap import find_overlap
from lungscope.data.splitting import make_folds
from lungscope.data.survey import survey_images
from lungscope.errors import LungscopeError
from lungscope.evaluation.run_evaluation import open_evaluated
from lungscope.evaluation.subset_predictions import predict_subset
from lungscope.export import exporting
from lungscope.export.exporting import export_runs
from lungscope.export.members import open_members, predict_held_out
from lungscope.export.parity import GraphOutputs, run_graph
from lungscope.images import Preprocessing, read
from lungscope.inference.abstention import Thresholds
from lungscope.inference.classifier import Classifier
from lungscope.inference.exported import ExportedModel, load_training_images
from lungscope.models.checkpoint import Checkpoint, save_checkpoint
from lungscope.training.recipe import Recipe
from lungscope.training.run import RunFolder

NAME = "squeezenet1_1"


@pytest.fixture(scope="module")
def run(tmp_path_factory, phantoms, phantom_split, untrained):
    """A run with an untrained model on phantoms."""
    folder = tmp_path_factory.mktemp("exported") / "run"
    recipe = Recipe(model=NAME, weights="none", size=64)
    run = RunFolder.create(folder, recipe, phantom_split, phantoms, force=False)
    description = replace(
        untrained(NAME).description,
        classes=phantom_split.classes,
        data_fingerprint=phantom_split.fingerprint,
    )
    save_checkpoint(run.checkpoint, untrained(NAME).network.state_dict(), description)
    return run


@pytest.fixture(scope="module")
def graph(run):
    return exporting.serialise_graph(exporting.build_graph(Checkpoint.load(run.checkpoint)))


@pytest.fixture
def exported(run, phantoms, cache_folder):
    def exported(folder, *precision, **options):
        return export_runs(
            [run], phantoms, folder, *precision, cache_folder=cache_folder, **options
        )

    return exported


@pytest.fixture
def ready(graph, monkeypatch):
    """Spares a test the seconds that a graph takes to make."""
    monkeypatch.setattr(exporting, "_graph", lambda *_, **__: graph)


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def same(one, other):
    limits = [Thresholds.from_json(each.abstention) for each in (one, other)]
    return limits[0] == limits[1] and replace(one, abstention={}) == replace(other, abstention={})


def test_an_exported_model_is_a_folder_that_answers_as_the_checkpoint(
    exported, run, phantoms, cache_folder, tmp_path
):
    told = []

    def progress(step):
        told.append(step)
        return lambda done, total: told.append((done, total))

    found = exported(tmp_path / "new" / "model", progress=progress)
    assert sorted(content(found.folder)) == [
        "abstention.npz",
        "model.json",
        "model.onnx",
        "parity.json",
        "training.npz",
    ]
    model = ExportedModel.load(found.folder)
    assert same(model.description, found.description)
    trained = Checkpoint.load(run.checkpoint)
    changed = {"abstention": found.description.abstention, "export": found.description.export}
    assert found.description == replace(trained.description, **changed)
    assert found.description.export.precision == "fp32"
    assert found.size == len(model.graph)

    entries = run.split.subset("test")
    cache = open_evaluated(run, phantoms, cache_folder)[2]
    expected = predict_subset(trained, cache, entries).probabilities
    classifier = Classifier.load(found.folder)
    for entry, row in zip(entries, expected, strict=True):
        answer = classifier.classify(read(phantoms / entry.file))
        assert list(answer.probabilities.values()) == pytest.approx(row.tolist(), abs=1e-5)

    images = len(run.split.subset("validation")) + 12
    assert told[0] == "comparing with the checkpoint"
    assert (images, images) in told


def test_the_images_that_were_seen_can_be_recognised_again(exported, run, phantoms, tmp_path):
    found = exported(tmp_path / "model")
    known = load_training_images(found.folder, found.description)
    assert known.images == len(known.sketches) == 36 + 12
    index = Index.open(phantoms)
    overlap = find_overlap(phantoms, index.entries, known)
    test = {entry.file for entry in run.split.subset("test")}
    assert {each.file for each in overlap.images} == {e.file for e in index.entries} - test


def test_what_was_checked_is_written_and_told(exported, ready, tmp_path):
    found = exported(tmp_path / "model")
    written = json.loads((tmp_path / "model" / "parity.json").read_text())
    assert written == found.parity.to_json()
    assert written["radiographs"] == 12
    assert written["phantoms"] == 12
    assert written["largest_logit_difference"] < 1e-4
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert told["parity"] == written
    assert told["bytes"] == (tmp_path / "model" / "model.onnx").stat().st_size
    assert told["abstention"]["max_distance"] > 0


def test_abstention_is_fitted_on_what_the_graph_says(exported, ready, run, phantoms, tmp_path):
    model = ExportedModel.load(exported(tmp_path / "model").folder)
    subset = [
        np.uint8(read(phantoms / entry.file).pixels * 255 + 0.5)
        for entry in run.split.subset("train")
    ]
    features = run_graph(model.graph, subset).features
    assert model.reference.mean == pytest.approx(features.mean(axis=0), rel=1e-4, abs=1e-6)
    noise = np.random.default_rng(0).integers(0, 256, (1, 64, 64), dtype=np.uint8)
    strange = model.reference.distance(run_graph(model.graph, noise).features)
    assert strange > model.thresholds.max_distance


def test_in_integers_it_is_smaller_and_says_so(exported, graph, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting.Parity, "require", lambda _: None)  # an untrained model's
    found = exported(tmp_path / "model", "int8")
    assert found.description.export.precision == "int8"
    assert found.description.identity.endswith(" int8")
    assert found.size < 0.5 * len(graph)
    assert same(ExportedModel.load(found.folder).description, found.description)


def test_twice_gives_the_same_files_to_the_last_bit(exported, tmp_path):
    exported(tmp_path / "one")
    exported(tmp_path / "two")
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_a_model_card_goes_with_the_model(exported, ready, run, tmp_path):
    card = run.folder / "model_card.md"
    card.write_text("# What it is\n")
    try:
        exported(tmp_path / "model")
        assert (tmp_path / "model" / "model_card.md").read_text() == "# What it is\n"
        exported(tmp_path / "model", force=True)  # it is part of what may be replaced
    finally:
        card.unlink()


@pytest.fixture
def lying(monkeypatch):
    """A graph that is sure of something else."""

    def lying(graph, images, on_progress=None):
        honest = run_graph(graph, images)
        return GraphOutputs(honest.logits + np.float32([0, 0, 9]), honest.features)

    monkeypatch.setattr(exporting, "run_graph", lying)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_graph_that_answers_otherwise_is_refused_and_nothing_is_left(
    exported, ready, lying, tmp_path, precision
):
    with pytest.raises(LungscopeError, match="nothing was written"):
        exported(tmp_path / "new" / "model", precision)
    assert list(tmp_path.iterdir()) == []


def test_the_exported_model_that_was_there_stays_if_the_new_one_is_refused(
    exported, ready, tmp_path, monkeypatch
):
    exported(tmp_path / "model")
    before = content(tmp_path / "model")
    with pytest.raises(LungscopeError, match="holds an exported model; replace it with force=True"):
        exported(tmp_path / "model")
    monkeypatch.setattr(exporting, "write_json", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        exported(tmp_path / "model", force=True)
    assert content(tmp_path / "model") == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_folder_with_anything_else_in_it_is_refused_before_any_work(
    exported, tmp_path, monkeypatch
):
    monkeypatch.setattr(exporting, "open_members", lambda *_: pytest.fail("work"))
    (tmp_path / "thesis.txt").write_text("three years of work")
    with pytest.raises(LungscopeError, match=r"thesis\.txt, which is no part of an exported model"):
        exported(tmp_path, force=True)


def test_the_run_itself_is_never_replaced(exported, run):
    with pytest.raises(LungscopeError, match="no part of an exported model"):
        exported(run.folder, force=True)
    with pytest.raises(LungscopeError, match="no part of an exported model"):
        exported(run.checkpoint, force=True)  # it holds a model.json, too


def test_a_run_without_a_checkpoint_is_refused(run, phantoms, tmp_path, cache_folder):
    bare = RunFolder.create(tmp_path / "bare", run.recipe, run.split, phantoms, force=False)
    with pytest.raises(LungscopeError, match="has trained no epoch yet"):
        export_runs([bare], phantoms, tmp_path / "model", cache_folder=cache_folder)
    assert not (tmp_path / "model").exists()


# Several runs, and flips


@pytest.fixture(scope="module")
def make_member(tmp_path_factory, phantoms, untrained):
    """Makes a run of an untrained model on a split; each has other weights."""

    def make(number, split, size=64):
        folder = tmp_path_factory.mktemp("members") / f"member-{number}"
        recipe = Recipe(model=NAME, weights="none", size=size)
        run = RunFolder.create(folder, recipe, split, phantoms, force=False)
        template = untrained(NAME)
        torch.manual_seed(number)
        state = {
            name: value + 0.05 * value.std() * torch.randn_like(value) if value.ndim > 1 else value
            for name, value in template.network.state_dict().items()
        }
        description = replace(
            template.description,
            classes=split.classes,
            data_fingerprint=split.fingerprint,
            temperature=1 + number,
            preprocessing=Preprocessing(size, 0.5, 0.25),
        )
        save_checkpoint(run.checkpoint, state, description)
        return run

    return make


@pytest.fixture(scope="module")
def pair(make_member, phantom_split):
    return [make_member(number, phantom_split) for number in (1, 2)]


def test_several_runs_of_a_split_are_one_model(pair, phantoms, cache_folder, tmp_path):
    found = export_runs(pair, phantoms, tmp_path / "model", cache_folder=cache_folder)
    model = ExportedModel.load(found.folder)
    assert same(model.description, found.description)
    assert found.description.identity.startswith("ensemble ")
    assert found.description.temperature == 1
    assert found.description.data_fingerprint == pair[0].split.fingerprint
    members = [Checkpoint.load(run.checkpoint).description for run in pair]
    assert [each.model for each in found.description.export.members] == [
        each.identity for each in members
    ]
    file = phantoms / pair[0].split.subset("test")[0].file
    alone = [Checkpoint.load(run.checkpoint).predict(file).probabilities for run in pair]
    answer = Classifier.load(found.folder).classify(read(file))
    expected = [(alone[0][name] + alone[1][name]) / 2 for name in answer.probabilities]
    assert list(answer.probabilities.values()) == pytest.approx(expected, abs=1e-5)
    card = (found.folder / "model_card.md").read_text()
    assert all(each.identity in card for each in members)
    assert "share one split" in card


@pytest.fixture(scope="module")
def folds(make_member, phantoms):
    index = Index.open(phantoms)
    splits = make_folds(index, survey_images(index), 3)
    return [make_member(number, split) for number, split in enumerate(splits)]


def test_no_image_of_folds_is_answered_by_a_network_that_was_trained_on_it(
    folds, phantoms, cache_folder
):
    members = open_members(folds, phantoms, cache_folder)
    found = predict_held_out(members, flip=False)
    assert sorted(found.files) == sorted(entry.file for entry in folds[0].split.entries)
    for member in members:
        validation = member.split.subset("validation")
        expected = predict_subset(member.checkpoint, member.cache, validation)
        rows = [found.files.index(entry.file) for entry in validation]
        assert found.probabilities[rows] == pytest.approx(expected.probabilities, abs=1e-6)


def test_where_all_share_a_split_held_out_images_are_answered_by_the_mean_of_all(
    pair, phantoms, cache_folder
):
    members = open_members(pair, phantoms, cache_folder)
    found = predict_held_out(members, flip=False)
    validation = pair[0].split.subset("validation")
    alone = [predict_subset(m.checkpoint, m.cache, validation).probabilities for m in members]
    assert found.probabilities == pytest.approx(np.mean(alone, axis=0), abs=1e-6)


def test_folds_are_one_model_that_has_seen_all_of_their_images(
    folds, phantoms, cache_folder, tmp_path
):
    found = export_runs(folds, phantoms, tmp_path / "model", cache_folder=cache_folder)
    assert found.description.data_fingerprint == ""
    known = load_training_images(found.folder, found.description)
    assert known.images == len(folds[0].split.entries)
    assert "no image of their data is left" in (found.folder / "model_card.md").read_text()


def test_flips_are_averaged_and_the_model_says_so(exported, run, phantoms, tmp_path):
    card = run.folder / "model_card.md"
    card.write_text("# What it is\n")
    try:
        found = exported(tmp_path / "model", flip=True)
    finally:
        card.unlink()
    assert found.description.identity.endswith(" flip")
    assert same(ExportedModel.load(found.folder).description, found.description)
    text = (tmp_path / "model" / "model_card.md").read_text()
    assert text.startswith("> Exported with `--flip`")
    assert text.endswith("# What it is\n")
    file = phantoms / run.split.subset("test")[0].file
    radiograph = read(file)
    mirrored = replace(radiograph, pixels=radiograph.pixels[:, ::-1].copy())
    classifier = Classifier.load(found.folder)
    answers = [classifier.classify(each).probabilities for each in (radiograph, mirrored)]
    assert list(answers[0].values()) == pytest.approx(list(answers[1].values()), abs=1e-4)


def test_what_is_averaged_does_not_become_integers(exported, pair, phantoms, tmp_path):
    with pytest.raises(LungscopeError, match="only one run without flips becomes integers"):
        exported(tmp_path / "model", "int8", flip=True)
    with pytest.raises(LungscopeError, match="only one run without flips becomes integers"):
        export_runs(pair, phantoms, tmp_path / "model", "int8")


def test_runs_that_do_not_go_together_are_refused(
    pair, make_member, phantom_split, phantoms, cache_folder
):
    with pytest.raises(LungscopeError, match="the same run is given twice"):
        open_members([pair[0], pair[0]], phantoms, cache_folder)
    smaller = make_member(3, phantom_split, size=32)
    with pytest.raises(LungscopeError, match=r"its input has 32 pixels a side, that of .* 64"):
        open_members([pair[0], smaller], phantoms, cache_folder)
    turned = make_member(4, replace_classes(phantom_split))
    with pytest.raises(LungscopeError, match=r"its classes are .*; one model has one list"):
        open_members([pair[0], turned], phantoms, cache_folder)


def replace_classes(split):
    """The same images under other names of classes."""
    return replace(split, classes=tuple(name + " 2" for name in split.classes))
