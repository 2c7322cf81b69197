"""`lungscope evaluate` on a network that nobody trained."""

import json
import re
from pathlib import Path
from unittest import mock

import pytest
import torch
from sklearn.metrics import cohen_kappa_score
from typer.testing import CliRunner

from lungscope.cli.app import app
from lungscope.evaluation import metrics
from lungscope.evaluation.metrics import METRICS
from lungscope.evaluation.predictions import Predictions
from lungscope.images import Preprocessing
from lungscope.inference.description import Description
from lungscope.models import Shape, build_network
from lungscope.models.checkpoint import save_checkpoint
from lungscope.training.history import Epoch, write_history
from lungscope.training.recipe import Recipe
from lungscope.training.run import RunFolder

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "add-a-metric.md"
invoke = CliRunner().invoke


@pytest.fixture(scope="module")
def run(tmp_path_factory, phantoms, phantom_split):
    """A run with a checkpoint, not evaluated."""
    folder = tmp_path_factory.mktemp("evaluate") / "lung"
    recipe = Recipe(model="squeezenet1_1", weights="none", size=64)
    made = RunFolder.create(folder, recipe, phantom_split, phantoms, force=False)
    write_history(made.history, [Epoch(1, 0.01, 1.0, 0.5, 1.0, 0.5, 0.5, 2.0)])
    made.note(finished=True)
    torch.manual_seed(0)
    description = Description(
        architecture=recipe.model,
        se_reduction=16,
        classes=phantom_split.classes,
        preprocessing=Preprocessing(64, 0.5, 0.25),
        weights_sha256="",
        data_fingerprint=phantom_split.fingerprint,
    )
    shape = Shape(len(phantom_split.classes))
    save_checkpoint(made.checkpoint, build_network(recipe.model, shape).state_dict(), description)
    return folder


@pytest.fixture
def evaluate(run, cache_folder):
    def evaluate(*options):
        return invoke(app, ["evaluate", str(run), "--cache", str(cache_folder), *options])

    return evaluate


def test_every_metric_is_in_the_table_and_in_metrics_json(evaluate, run):
    result = evaluate("--force")
    assert result.exit_code == 0, result.stderr
    assert re.search(r"\d % accuracy on validation images", result.stdout)
    assert not re.search(r"\d%", result.stdout)
    written = json.loads((run / "evaluation" / "metrics.json").read_text())["overall"]
    assert list(written) == list(METRICS)
    for name, metric in METRICS.items():
        numbers = [f"{written[name][end]:.4f}" for end in ("value", "low", "high")]
        row = rf"{re.escape(metric.label)} +{numbers[0]} +{numbers[1]} to {numbers[2]}"
        assert re.search(row, result.stdout), metric.label


def test_json_is_metrics_json_and_nothing_else(evaluate, run):
    result = evaluate("--force", "--json")
    assert json.loads(result.stdout) == json.loads(
        (run / "evaluation" / "metrics.json").read_text()
    )


def test_the_metric_of_the_page_appears_with_its_interval(evaluate, run):
    function, _ = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    with mock.patch.dict(METRICS):
        METRICS.pop("kappa", None)
        exec(function, dict(vars(metrics)))  # noqa: S102  the page is ours
        result = evaluate("--force")
    assert result.exit_code == 0, result.stderr
    written = json.loads((run / "evaluation" / "metrics.json").read_text())["overall"]["kappa"]
    answers = Predictions.load(run / "evaluation" / "predictions.csv")
    assert written["value"] == pytest.approx(cohen_kappa_score(answers.labels, answers.predicted))
    assert written["low"] <= written["value"] <= written["high"]
    assert re.search(rf"Cohen's kappa +{written['value']:.4f} +", result.stdout)
