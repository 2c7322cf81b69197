"""Finished runs that did not have to be trained, and ways to damage them."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from lungscope.evaluation.predictions import Predictions
from lungscope.images import Preprocessing
from lungscope.inference.description import Description
from lungscope.models.checkpoint import WEIGHTS
from lungscope.models.cost import Cost
from lungscope.reproduction.job import plan_jobs
from lungscope.reproduction.plan import Plan
from lungscope.reproduction.reproduction import Reproduction
from lungscope.reproduction.row import Problem, make_row
from lungscope.reproduction.runner import read_trained
from lungscope.training.history import Epoch, write_history
from lungscope.training.recipes import PAPER_RECIPE
from lungscope.training.run import RunFolder

MODELS = ("vgg11", "mobilenet-v2", "squeezenet1_1")
COST = Cost(3_504_872, 2_227_715, 3843, 0, 300_000_000)
SMALL = replace(PAPER_RECIPE, size=32, batch_size=8, epochs=2, weights="none")


@pytest.fixture
def small():
    """A recipe that takes a second."""
    return SMALL


@pytest.fixture
def planned(tmp_path, phantom_split):
    """Lists all jobs of a plan under `tmp_path / "out"`."""

    def planned(plan=None, splits=(phantom_split,)):
        plan = plan or Plan(("mobilenet-v2",), SMALL)
        return [job for own in plan_jobs(plan, splits, tmp_path / "out").values() for job in own]

    return planned


@pytest.fixture
def finish(phantoms):
    """Writes a run as if it had been trained and evaluated."""

    def finish(job, *, temperature=2.0, epochs=(0.5, 0.75), evaluated=True):
        run = RunFolder.create(job.folder, job.recipe, job.split, phantoms, force=True)
        rows = [Epoch(n, 0.01, 1.0, 0.5, 1.0, a, a, 2.0) for n, a in enumerate(epochs, start=1)]
        write_history(run.history, rows)
        run.last.touch()
        run.checkpoint.mkdir()
        description = Description(
            architecture=job.model,
            se_reduction=16,
            classes=job.split.classes,
            preprocessing=Preprocessing(32, 0.5, 0.25),
            weights_sha256="0" * 64,
            temperature=temperature,
            data_fingerprint=job.split.fingerprint,
            recipe=job.recipe.to_json(),
            metrics={},
            versions={},
        )
        description.save(run.checkpoint / "model.json")
        (run.checkpoint / WEIGHTS).touch()
        run.note(finished=True)
        own = answers(job.split.subset("test"), job.split.classes, job.recipe.seed)
        if evaluated:
            own.tempered(temperature).save(run.folder / "evaluation" / "predictions.csv")
        return own

    return finish


def answers(entries, classes, seed):
    """Predictions that are better than chance and depend on the seed."""
    labels = np.array([entry.label for entry in entries])
    logits = np.random.default_rng(seed).normal(0, 1, (len(entries), len(classes)))
    logits[np.arange(len(entries)), labels] += 1
    return Predictions.from_logits(
        classes,
        tuple(entry.file for entry in entries),
        tuple(entry.group for entry in entries),
        labels,
        logits,
    )


def damage_of(what):
    """Returns a function that damages a finished run, and what the message must contain."""

    def overwritten(name, text):
        return lambda run: (run.folder / name).write_text(text)

    def lost(name):
        def lose(run):
            path = run.folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

        return lose

    return {
        "run.json is no JSON": (overwritten("run.json", "{"), "run.json: not JSON"),
        "run.json is lost": (lost("run.json"), "run.json: No such file"),
        "recipe.json is no JSON": (overwritten("recipe.json", "{"), "recipe.json: not JSON"),
        "recipe.json is lost": (lost("recipe.json"), "recipe.json: is missing"),
        "split.json is no JSON": (overwritten("split.json", "{"), "split.json: not a split"),
        "history.csv is no table": (overwritten("history.csv", "x"), "history.csv: holds no epoch"),
        "history.csv is lost": (lost("history.csv"), "history.csv: No such file"),
        "checkpoint is lost": (lost("checkpoint"), "but the run is finished"),
        "weights are lost": (lost("checkpoint/model.safetensors"), "model.safetensors is missing"),
        "model.json is no JSON": (overwritten("checkpoint/model.json", "{"), "model.json: damaged"),
    }[what]


DAMAGES = (
    "run.json is no JSON",
    "run.json is lost",
    "recipe.json is no JSON",
    "recipe.json is lost",
    "split.json is no JSON",
    "history.csv is no table",
    "history.csv is lost",
    "checkpoint is lost",
    "weights are lost",
    "model.json is no JSON",
)


@pytest.fixture(params=DAMAGES)
def damage(request):
    """Every way to damage a run, and what the message must contain."""
    return damage_of(request.param)


@pytest.fixture
def table(tmp_path):
    """Reads `table1.json`."""
    return lambda: json.loads((tmp_path / "out" / "table1.json").read_text())


@pytest.fixture
def reproduced(planned, finish, phantom_split):
    """A reproduction with a model that could not run, one in the paper and one that is not."""

    def reproduced(recipe=PAPER_RECIPE, seeds=1):
        plan = Plan(MODELS, recipe, seeds=seeds)
        every = planned(plan)
        rows = []
        for model in MODELS:
            own = [job for job in every if job.model == model and model != "vgg11"]
            for job in own:
                finish(job)
            problem = None if own else Problem("weights-unavailable", "no | network")
            rows.append(
                make_row(plan, model, COST, [read_trained(job) for job in own], {}, problem)
            )
        return Reproduction(plan, (phantom_split,), tuple(rows), ())

    return reproduced
