"""The public steps of a study, joined: split, train, evaluate, audit, compare, export."""

import inspect
import logging
import shutil
from dataclasses import replace

import pytest

import lungscope as ls

TINY = ls.Recipe(model="squeezenet1_1", weights="none", epochs=2, size=64, batch_size=16)


@pytest.fixture(scope="module")
def split(phantoms):
    return ls.split(phantoms, fractions=(0.6, 0.2, 0.2), seed=1)


@pytest.fixture(scope="module")
def trained(phantoms, split, cache_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    return ls.train(str(phantoms), split, str(folder), recipe=TINY, cache_folder=cache_folder)


@pytest.fixture
def run(trained, tmp_path):
    """A run that a test may change."""
    return ls.Run.open(shutil.copytree(trained.folder, tmp_path / "run"))


def test_a_split_has_the_asked_fractions_and_whole_groups(split):
    assert [len(split.subset(name)) for name in ("train", "validation", "test")] == [36, 12, 12]
    assert split.seed == 1


def test_a_split_is_the_same_from_an_index_a_path_and_a_string(phantoms, split):
    for data in (ls.Index.open(phantoms), phantoms, str(phantoms)):
        assert ls.split(data, fractions=(0.6, 0.2, 0.2), seed=1) == split


def test_unreadable_files_are_refused_or_skipped(phantoms, tmp_path):
    folder = shutil.copytree(phantoms, tmp_path / "xrays")
    broken = next(folder.rglob("*.png"))
    broken.write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(ls.InvalidData, match=broken.name):
        ls.split(folder)
    made = ls.split(folder, skip_unreadable=True)
    assert broken.relative_to(folder).as_posix() not in {entry.file for entry in made.entries}


def test_settings_that_are_wrong_are_refused_as_settings(phantoms, split):
    with pytest.raises(ls.InvalidSetting, match="seed is -1; give a whole number, 0 or more"):
        ls.split(phantoms, seed=-1)
    with pytest.raises(ls.InvalidSetting, match="seed is 'a'; give a whole number"):
        ls.split(phantoms, seed="a")
    for fractions in ("abc", (0.5, 0.5), ("a", "b", "c"), (0.8, 0.3, -0.1)):
        with pytest.raises(ls.InvalidSetting, match="must be three positive numbers"):
            ls.split(phantoms, fractions=fractions)
    with pytest.raises(ls.InvalidSetting, match="data is NoneType; give an Index, or the path"):
        ls.split(None)
    with pytest.raises(ls.InvalidSetting, match="split is Index; give a Split, or the path"):
        ls.train(phantoms, ls.Index.open(phantoms))
    with pytest.raises(ls.InvalidSetting, match="subset 'val' is unknown; give train, validation"):
        split.subset("val")
    with pytest.raises(ls.InvalidSetting, match=r"recipe is dict; give a Recipe, such as Recipe\("):
        ls.train(phantoms, split, recipe={"epochs": 3})


@pytest.mark.parametrize(
    ("wrong", "kind", "words"),
    [
        ({"model": "resnet50"}, ls.InvalidSetting, "model 'resnet50' is unknown; choose one of"),
        (
            {"weights": "imagnet"},
            ls.NotFound,
            "imagnet: not found; weights are imagenet, robust, paper",
        ),
    ],
)
def test_a_recipe_that_cannot_be_trained_is_refused_before_an_image_is_read(
    phantoms, tmp_path, monkeypatch, wrong, kind, words
):
    monkeypatch.setattr(
        "lungscope.api.splitting.survey_images", lambda *_: pytest.fail("images are read")
    )
    with pytest.raises(kind, match=words):
        ls.train(phantoms, folder=tmp_path / "run", recipe=replace(TINY, **wrong))
    assert not (tmp_path / "run").exists()


def test_a_run_says_what_it_is(trained, split):
    assert trained.finished
    assert trained.split == split
    assert trained.recipe == TINY
    assert len(trained.history) == 2
    assert "squeezenet1_1, 2 epochs, finished" in repr(trained)
    assert ls.Run.open(str(trained.folder)) == trained


def test_each_epoch_is_logged_and_reported(phantoms, split, cache_folder, tmp_path, caplog):
    seen = []
    with caplog.at_level(logging.INFO, "lungscope"):
        ls.train(
            phantoms,
            split,
            tmp_path / "run",
            recipe=TINY,
            cache_folder=cache_folder,
            on_epoch=seen.append,
        )
    assert [epoch.epoch for epoch in seen] == [1, 2]
    assert [record.message[:8] for record in caplog.records] == ["epoch 1:", "epoch 2:"]


def test_a_run_is_replaced_only_with_force(run, phantoms, split, cache_folder):
    options = {"recipe": TINY, "cache_folder": cache_folder}
    with pytest.raises(ls.LungscopeError, match="holds a run"):
        ls.train(phantoms, split, run.folder, **options)
    assert ls.train(phantoms, split, run.folder, force=True, **options).finished


def test_an_evaluation_has_metrics_with_intervals_and_a_report(run, cache_folder):
    accuracy = run.evaluate(cache_folder=cache_folder).overall["accuracy"]
    assert isinstance(accuracy, ls.Estimate)
    assert accuracy.low <= accuracy.value <= accuracy.high
    assert (run.folder / "report.html").is_file()
    assert (run.folder / "evaluation" / "metrics.json").is_file()


def test_an_evaluation_and_an_audit_are_read_back(run, cache_folder):
    evaluated, audited = (
        run.evaluate(cache_folder=cache_folder),
        run.audit(cache_folder=cache_folder),
    )
    again = ls.RunEvaluation.load(run.folder / "evaluation")
    assert again.to_json() == evaluated.to_json()
    assert again.predictions.files == evaluated.predictions.files
    assert ls.AuditReport.load(str(run.folder / "audit")) == audited


def test_another_subset_is_evaluated_beside_it_and_is_not_on_the_report(run, cache_folder):
    run.evaluate("validation", cache_folder=cache_folder)
    assert (run.folder / "evaluation-validation" / "metrics.json").is_file()
    assert not (run.folder / "report.html").exists()


def test_an_audit_has_findings(run, cache_folder):
    run.evaluate(cache_folder=cache_folder)
    assert {finding.verdict for finding in run.audit(cache_folder=cache_folder).findings}
    assert (run.folder / "audit" / "audit.json").is_file()


def test_an_exported_model_predicts_as_the_run(run, phantoms, cache_folder):
    classifier = run.export(cache_folder=cache_folder)
    assert classifier.classes == run.checkpoint.description.classes
    xray = next(phantoms.rglob("*.png"))
    assert sum(classifier.predict(xray).probabilities.values()) == pytest.approx(1)


def test_the_wrong_one_of_a_runs_folders_is_refused_with_the_right_one(trained):
    with pytest.raises(ls.InvalidSetting, match="is a run; its checkpoint is "):
        ls.Checkpoint.load(trained.folder)
    with pytest.raises(ls.InvalidSetting, match="is a run, not an exported model; export it"):
        ls.Classifier.load(trained.folder)
    with pytest.raises(ls.InvalidSetting, match="is a checkpoint, which needs torch; export its"):
        ls.Classifier.load(trained.folder / "checkpoint")
    with pytest.raises(ls.NotFound, match=r"is a folder; give the split\.json in it"):
        ls.Split.load(trained.folder)


def test_runs_are_compared_by_object_or_folder(run, cache_folder, tmp_path):
    run.evaluate(cache_folder=cache_folder)
    other = shutil.copytree(run.folder, tmp_path / "other")
    (pair,) = ls.compare(run, str(other)).pairs
    assert pair.differences["accuracy"].value == 0


def test_what_is_no_run_is_not_found(tmp_path):
    with pytest.raises(ls.LungscopeError, match="not a run folder"):
        ls.Run.open(tmp_path)


def test_an_unknown_subset_or_precision_is_a_wrong_setting_and_writes_nothing(run, cache_folder):
    with pytest.raises(ls.InvalidSetting, match="give one of train, validation, test"):
        run.evaluate("val", cache_folder=cache_folder)
    with pytest.raises(ls.InvalidSetting, match="give one of fp32, int8"):
        run.export(precision="int4", cache_folder=cache_folder)
    assert not (run.folder / "evaluation-val").exists()
    assert not (run.folder / "export").exists()


def test_results_are_short_in_print_and_tables_in_a_notebook(run, cache_folder, tmp_path):
    other = shutil.copytree(run.folder, tmp_path / "other")
    for each in (run, ls.Run.open(other)):
        each.evaluate(cache_folder=cache_folder)
    comparison, audit = ls.compare(run, other), run.audit(cache_folder=cache_folder)
    evaluated = ls.RunEvaluation.load(run.folder / "evaluation")
    assert len(repr(evaluated.predictions)) < 100
    assert len(repr(evaluated.assessment)) < 100
    for shown in (run, run.recipe, comparison, audit, evaluated, ls.Classifier.bundled()):
        assert len(repr(shown)) < 300
        assert shown._repr_html_().startswith("<table>")
    assert repr(run.recipe) == (
        "Recipe(model='squeezenet1_1', weights='none', size=64, batch_size=16, epochs=2)"
    )
    assert len(str(inspect.signature(ls.read))) < 200


def test_a_checkpoint_and_a_classifier_have_a_short_repr(run):
    assert repr(run.checkpoint).startswith("Checkpoint(squeezenet1_1 ")
    assert len(repr(run.checkpoint)) < 100
    assert repr(ls.Classifier.bundled()).startswith("Classifier(mobilenet-lung ")
