import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lungscope.data.cache import open_cache
from lungscope.data.split import SUBSETS, Split, SplitEntry, sha256_of
from lungscope.errors import LungscopeError
from lungscope.evaluation import run_evaluation
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.run_evaluation import evaluate_run
from lungscope.images import Preprocessing
from lungscope.inference.description import Description
from lungscope.models import Shape, build_network
from lungscope.models.checkpoint import save_checkpoint
from lungscope.training.recipe import Recipe
from lungscope.training.run import RunFolder

CLASSES = ("Lung Opacity", "Normal")
SIZE = 32


def write_images(folder):
    """Noise, two images of each class in each subset."""
    generator = np.random.default_rng(0)
    entries = []
    for subset in SUBSETS:
        for label, name in enumerate(CLASSES):
            for number in range(2):
                file = f"{name}/{subset}-{number}.png"
                (folder / name).mkdir(parents=True, exist_ok=True)
                noise = generator.integers(0, 256, (64, 64), dtype=np.uint8)
                Image.fromarray(noise).save(folder / file)
                digest = sha256_of(folder / file)
                entries.append(SplitEntry(file, label, digest, file, subset))
    return tuple(entries)


def describe(split, **changes):
    return Description(
        architecture="mobilenet-v2",
        se_reduction=16,
        classes=split.classes,
        preprocessing=Preprocessing(SIZE, 0.5, 0.25),
        weights_sha256="",
        data_fingerprint=split.fingerprint,
        **changes,
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("run-evaluation")


@pytest.fixture(scope="module")
def data(place):
    write_images(place / "data")
    return place / "data"


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return build_network("mobilenet-v2", Shape(2)).state_dict()


@pytest.fixture(scope="module")
def run(place, data, state):
    split = Split(CLASSES, write_images(data), "group-column", 0, "by hand")
    recipe = Recipe(model="mobilenet-v2", weights="none", size=SIZE)
    run = RunFolder.create(place / "run", recipe, split, data, force=False)
    save_checkpoint(run.checkpoint, state, describe(split))
    open_cache(data, split.entries, SIZE, place / "cache", workers=1)
    return run


@pytest.fixture
def evaluated(run, data, place):
    def evaluated(folder, **options):
        return evaluate_run(run, data, folder, cache_folder=place / "cache", **options)

    return evaluated


def test_a_class_without_test_images_is_left_undefined(place, data, state, tmp_path):
    entries = [
        replace(entry, source="Lviv" if entry.subset == "test" else "Kyiv")
        for entry in write_images(data)
        if entry.subset != "test" or entry.label == 1
    ]
    split = Split(CLASSES, tuple(entries), "group-column", 0, "by hand", ("Lviv",))
    recipe = Recipe(model="mobilenet-v2", weights="none", size=SIZE)
    run = RunFolder.create(tmp_path / "run", recipe, split, data, force=False)
    save_checkpoint(run.checkpoint, state, describe(split))
    found = evaluate_run(run, data, tmp_path / "evaluation", cache_folder=place / "cache")
    assert found.assessment.images == 2
    missing = found.assessment.one_vs_rest.by_class["Lung Opacity"]
    assert missing["sensitivity"] is None
    assert missing["auroc"] is None


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_an_evaluation_is_predictions_metrics_and_figures(evaluated, run, tmp_path):
    found = evaluated(tmp_path / "new" / "evaluation")
    assert found.folder == tmp_path / "new" / "evaluation"
    files = content(found.folder)
    assert list(files) == [
        "figures/confusion-matrix.png",
        "figures/coverage.png",
        "figures/reliability.png",
        "figures/roc.png",
        "figures/samples.png",
        "metrics.json",
        "predictions.csv",
    ]
    metrics = json.loads(files["metrics.json"])
    assert metrics["images"] == found.assessment.images == 4
    assert metrics["subset"] == "test"
    assert (
        metrics["weights_sha256"] == Description.load(run.checkpoint / "model.json").weights_sha256
    )
    table = Predictions.load(found.folder / "predictions.csv")
    assert table.files == found.predictions.files
    assert all("/test-" in file for file in table.files)
    assert np.array_equal(table.probabilities, found.predictions.probabilities)
    assert [path.name for path in found.folder.parent.iterdir()] == ["evaluation"]


@pytest.mark.parametrize("subset", ["validation", "train"])
def test_another_subset_is_evaluated_on_its_own_images(evaluated, tmp_path, subset):
    found = evaluated(tmp_path / subset, subset=subset)
    assert all(f"/{subset}-" in file for file in found.predictions.files)


def test_twice_gives_the_same_files_to_the_last_bit(evaluated, tmp_path):
    evaluated(tmp_path / "one")
    evaluated(tmp_path / "two")
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_an_evaluation_is_replaced_only_with_force(evaluated, tmp_path):
    evaluated(tmp_path / "out", subset="validation")
    before = content(tmp_path / "out")
    with pytest.raises(LungscopeError, match="holds an evaluation; replace it with force=True"):
        evaluated(tmp_path / "out")
    assert content(tmp_path / "out") == before
    evaluated(tmp_path / "out", force=True)
    assert content(tmp_path / "out") != before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", ["draw_confusion_matrix", "draw_test_samples"])
@pytest.mark.parametrize("failure", [RuntimeError("broken"), OSError(28, "No space left")])
def test_a_failure_half_way_leaves_the_evaluation_that_was_there(
    evaluated, tmp_path, monkeypatch, name, failure
):
    evaluated(tmp_path / "out", subset="validation")
    before = content(tmp_path / "out")

    def fail(*_):
        raise failure

    monkeypatch.setattr(run_evaluation, name, fail)
    with pytest.raises((RuntimeError, LungscopeError), match=r"broken|No space left"):
        evaluated(tmp_path / "out", force=True)
    assert content(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_first_evaluation_that_fails_leaves_nothing(evaluated, tmp_path, monkeypatch):
    monkeypatch.setattr(run_evaluation, "draw_test_samples", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        evaluated(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_with_anything_else_in_it_is_never_touched(evaluated, tmp_path, force):
    (tmp_path / "metrics.json").write_text("{}")
    (tmp_path / "thesis.txt").write_text("three years of work")
    with pytest.raises(LungscopeError, match=r"thesis\.txt, which is no part of an evaluation"):
        evaluated(tmp_path, force=force)
    assert content(tmp_path) == {
        "metrics.json": b"{}",
        "thesis.txt": b"three years of work",
    }


def test_the_run_itself_is_never_replaced(evaluated, run):
    before = content(run.folder)
    with pytest.raises(LungscopeError, match="no part of an evaluation"):
        evaluated(run.folder, force=True)
    assert content(run.folder) == before


def test_a_file_in_the_place_of_the_folder_is_refused(evaluated, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(LungscopeError, match="is a file"):
        evaluated(tmp_path / "out", force=True)


def test_an_empty_folder_is_taken(evaluated, tmp_path):
    (tmp_path / "out").mkdir()
    evaluated(tmp_path / "out")
    assert len(content(tmp_path / "out")) == 7


@pytest.fixture
def other_run(run, tmp_path, data):
    """The same run in another folder, to be spoilt."""
    return RunFolder.create(tmp_path / "other", run.recipe, run.split, data, force=False)


def refusal(run, data, place):
    with pytest.raises(LungscopeError) as refused:
        evaluate_run(run, data, run.folder / "evaluation", cache_folder=place / "cache")
    assert not (run.folder / "evaluation").exists()
    return str(refused.value)


def test_a_checkpoint_of_another_split_is_refused(other_run, data, place, state):
    description = replace(describe(other_run.split), data_fingerprint="0" * 64)
    save_checkpoint(other_run.checkpoint, state, description)
    assert "trained on another split" in refusal(other_run, data, place)


def test_classes_in_another_order_than_the_splits_are_refused(other_run, data, place, state):
    # the fingerprint is the same: it names the class of every image, not the order of classes
    description = replace(describe(other_run.split), classes=CLASSES[::-1])
    save_checkpoint(other_run.checkpoint, state, description)
    assert "outputs are Normal, Lung Opacity" in refusal(other_run, data, place)


def test_a_run_that_has_no_checkpoint_yet_is_refused(other_run, data, place):
    assert "has trained no epoch yet; continue it with Run.resume()" in refusal(
        other_run, data, place
    )


def test_other_data_is_refused(other_run, place, state, tmp_path):
    save_checkpoint(other_run.checkpoint, state, describe(other_run.split))
    assert "images are missing" in refusal(other_run, tmp_path / "nowhere", place)
    write_images(tmp_path / "copy")
    victim = tmp_path / "copy" / other_run.split.entries[0].file
    victim.write_bytes(victim.read_bytes() + b"\0")
    assert "1 images changed" in refusal(other_run, tmp_path / "copy", place)


def test_a_folder_that_cannot_be_made_is_refused_in_one_line(evaluated, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LungscopeError, match="cannot be written") as refused:
        evaluated(tmp_path / "file" / "evaluation")
    assert "\n" not in str(refused.value)


def test_the_folder_can_be_read_by_whom_the_umask_lets(evaluated, tmp_path):
    folder = evaluated(tmp_path / "out").folder
    (tmp_path / "ordinary").mkdir()
    assert folder.stat().st_mode == (tmp_path / "ordinary").stat().st_mode
    assert isinstance(folder, Path)
