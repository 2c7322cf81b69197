"""Runs that nobody had to train, with everything that a report is made of."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from html_page import Page
from lungscope.audit.audit_report import AuditReport
from lungscope.audit.checks.misclassifications import find_misclassifications
from lungscope.audit.checks.shortcuts import BaselineScore, Shortcuts
from lungscope.audit.finding import AuditFigure, Finding
from lungscope.data.split import SUBSETS, Split, SplitEntry
from lungscope.estimate import Estimate
from lungscope.evaluation.assessment import assess
from lungscope.evaluation.predictions import Predictions
from lungscope.images import Preprocessing
from lungscope.inference.description import Description
from lungscope.training.history import Epoch, write_history
from lungscope.training.recipe import Recipe
from lungscope.training.run import RunFolder

CLASSES = ("Lung Opacity", "Normal", "Viral Pneumonia")
SOURCES = ("rsna-adult", "rsna-adult", "guangzhou-paediatric")
SHA256 = "83ec07a54addb64a4bb847fc7d6325a1179ef5eaa7c75bf895fd9359423fbaa3"
FIGURES = {
    "figures": ["learning-curves"],
    "evaluation/figures": ["confusion-matrix", "roc", "reliability", "coverage", "samples"],
    "audit/figures": [
        "accuracies",
        "sources",
        "robustness",
        "severities",
        "faithfulness",
        "randomisation",
        "misclassifications",
    ],
}


def a_split(classes=CLASSES, sources=SOURCES, name="{of}/{subset}-{number}.png"):
    """Twenty images of each class in each subset, two a group."""
    entries = []
    for label in range(len(classes)):
        for subset in SUBSETS:
            for number in range(20):
                file = name.format(of=label, subset=subset, number=number)
                digest = hashlib.sha256(file.encode()).hexdigest()
                group = f"{label}-{subset}-{number // 2}"
                entries.append(SplitEntry(file, label, digest, group, subset, sources[label]))
    return Split(classes, tuple(entries), "group-column", 0, "80/10/10")


def answers(split, subset, seed=0):
    entries = split.subset(subset)
    labels = np.array([entry.label for entry in entries])
    logits = np.random.default_rng(seed).normal(0, 1, (len(entries), len(split.classes)))
    logits[np.arange(len(entries)), labels] += 2
    return Predictions.from_logits(
        split.classes,
        tuple(entry.file for entry in entries),
        tuple(entry.group for entry in entries),
        labels,
        logits,
        tuple(entry.source or "" for entry in entries),
    )


def an_audit(predictions):
    """An audit of which findings, figures, baselines and misclassified images are made up."""

    def finding(name, title, verdict, statement="One sentence."):
        return Finding(name, title, verdict, statement, "Warns seldom.")

    def baseline(name, title, value):
        accuracy = Estimate(value, value - 0.05, value + 0.05)
        return BaselineScore(name, title, f"{title}.", accuracy, Estimate(0.2, 0.1, 0.3))

    return AuditReport(
        weights_sha256=SHA256,
        subset="test",
        images=len(predictions.files),
        groups=len(set(predictions.groups)),
        accuracy=Estimate(0.8, 0.7, 0.9),
        findings=(
            finding("leaks", "Was it tested on what it was trained on?", "pass"),
            finding("border-baseline", "How accurate is the border?", "warn"),
            finding("by-source", "Is it equally good on every source?", "not-measured", "Of 0."),
            finding("robustness", "Is it robust?", "fail", "It costs 12."),
        ),
        figures=tuple(
            AuditFigure(
                name, f"What the figure {name} shows, with the number 12.", f"Caption of {name}."
            )
            for name in FIGURES["audit/figures"]
        ),
        results={
            "shortcuts": Shortcuts(
                (
                    baseline("thumbnail", "32 x 32 thumbnail", 0.6123),
                    baseline("border", "border alone", 0.5321),
                ),
                (),
            ),
            "misclassifications": find_misclassifications(predictions),
            "faithfulness": None,
            "unheard-of": {"since": "another version"},
        },
    )


def draw(path, size=(80, 40)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, 128).save(path)


@pytest.fixture(scope="session")
def make_run(tmp_path_factory):
    """Makes a run folder; what is not `done` is left out."""

    def make_run(
        split=None,
        done=("evaluation", "audit"),
        name="lung",
        recipe=None,
        finished=True,
        temperature=1.25,
        accuracies=(0.5, 0.75, 0.7),
    ):
        place = tmp_path_factory.mktemp("report")
        split, data = split or a_split(), place / "somebody" / "x rays"
        recipe = recipe or Recipe(model="mobilenet-v2")
        run = RunFolder.create(place / name, recipe, split, data, force=False)
        rows = [Epoch(n, 0.01, 0.9, 0.6, 0.8, a, a, 61.0) for n, a in enumerate(accuracies, 1)]
        write_history(run.history, rows)
        run.note(finished=finished)
        description = Description(
            architecture=recipe.model,
            se_reduction=16,
            classes=split.classes,
            preprocessing=Preprocessing(64, 0.4964, 0.2480),
            weights_sha256=SHA256,
            temperature=temperature,
            data_fingerprint=split.fingerprint,
        )
        description.save(run.checkpoint / "model.json")
        tested = answers(split, "test")
        if "evaluation" in done:
            validation = answers(split, "validation", 1)
            assessed = assess(tested, validation, temperature, "test", weights_sha256=SHA256)
            assessed.save(run.folder / "evaluation" / "metrics.json")
        if "audit" in done:
            (run.folder / "audit").mkdir()
            an_audit(tested).save(run.folder / "audit")
        for part, names in FIGURES.items():
            if part == "figures" or part.split("/")[0] in done:
                for figure in names:
                    draw(run.folder / part / f"{figure}.png")
        return run

    return make_run


@pytest.fixture(scope="session")
def make_split():
    """Twenty images of each class in each subset, two a group."""
    return a_split


@pytest.fixture(scope="session")
def run(make_run):
    """A run with everything; not to be changed."""
    return make_run()


@pytest.fixture(scope="session")
def page_of():
    """Parses HTML; fails where its tags are not balanced."""
    return Page
