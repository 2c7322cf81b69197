"""Small valid tables, settings and result files, as their own writers write them."""

import json
import tempfile
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import numpy as np

from lungscope.audit.audit_report import AuditReport
from lungscope.audit.finding import AuditFigure, Finding
from lungscope.data.overlap import Overlap, OverlappingImage
from lungscope.data.split import Split, SplitEntry
from lungscope.estimate import Estimate
from lungscope.evaluation.assessment import IntervalMethod, assess
from lungscope.evaluation.external import (
    ExternalAssessment,
    LabelCount,
    ModelFacts,
    UnreadFile,
    count_answers,
    measure,
)
from lungscope.evaluation.predictions import Predictions
from lungscope.inference.abstention import Reference
from lungscope.inference.training_images import TrainingImages
from lungscope.reproduction.plan import Plan
from lungscope.training.history import Epoch, write_history
from lungscope.training.recipes import RECIPES
from tiny_model import write_tiny_model

TABLES = (
    b"file,label\n1.png,A\n2.png,B\n",
    b"file,label,group,source,age\nx/1.png,Normal,p1,h1,60\nx/2.png,Pneumonia,p2,h2,\n",
    b'\xef\xbb\xbffile,label\r\n"a, b.png",A\r\n"c ""d"".png",B\r\n',
)
LISTS = (b"a.png\nb/c.dcm\n", b"\xef\xbb\xbfa.png\r\n*.png\r\n\r\n", b"x.png")
SETTINGS = (
    b"port: 8443\nhost: 10.0.0.9\nquiet: true\ntimeout: 1e1\n",
    b"workers: 2\nmax-upload: 128\naudit-log: /tmp/x.jsonl\n",
    b"# none\n{}\n",
)
CREDENTIALS = (b"user:password\n", b"a:b:c")
TOKENS = (b"0123456789abcdef0123\n", b"a" * 64)


@cache
def recipes():
    """Recipes in JSON."""
    return tuple(json.dumps(each.to_json()).encode() for each in RECIPES.values())


RECIPES_IN_YAML = (
    b"model: vgg16\nlearning_rate: 1e-3\nepochs: 3\nsize: 224\nweights: none\n",
    b"# ours\nmodel: mobilenet-lung\n\nseed: 7   # any\nselection: balanced\nepochs: 1\n",
)


@cache
def splits():
    """Split manifests."""
    subsets = ("train", "validation", "test")
    entries = tuple(
        SplitEntry(
            file=f"{label}/{number}.png",
            label=label,
            sha256=f"{label}{number}" * 32,
            group=f"g{label}{number}",
            subset=subset,
            source="h",
            columns=(("age", "60"),),
        )
        for label in range(2)
        for number, subset in enumerate(subsets)
    )
    split = Split(("A", "B"), entries, "group-column", 0, "80/10/10", data_sets=("x", "y/t.csv"))
    return (_saved(split.save),)


@cache
def predictions():
    """Tables of predictions."""
    return (_saved(_sample(6).save),)


@cache
def histories():
    """Histories of trainings."""
    epochs = [Epoch(n, 0.01, 0.5, 0.6, 0.7, 0.8, 0.8, 12.5) for n in (1, 2)]
    return (_saved(lambda path: write_history(path, epochs)),)


@cache
def assessments():
    """Metrics of an evaluation."""
    found = assess(_sample(30), _sample(30, 1), 1.5, "test")
    return (json.dumps(found.to_json()).encode(),)


@cache
def external():
    """Metrics of an evaluation elsewhere."""
    measured = measure(_sample(30), {"source": ["x", "y"] * 15})
    found = ExternalAssessment(
        model=ModelFacts("tiny abcdef12", "ab" * 32, "exported", ("a", "b", "c"), 1.5, True),
        data="clinic",
        listed=40,
        labels=(LabelCount("a", "a", 35), LabelCount("Other", None, 5)),
        overlap=Overlap(("bytes", "picture"), 100, (OverlappingImage("a.png", "picture"),)),
        ungrouped=30,
        columns_left_out=("view",),
        answers=count_answers(["x", "y"] * 15, [True] * 30, [None] * 29 + ["low-confidence"]),
        unread=(UnreadFile("b.png", "is no image"),),
        interval=IntervalMethod(),
        forced=measured,
        answered=None,
    )
    return (json.dumps(asdict(found)).encode(),)


@cache
def audits():
    """Results of audits."""
    finding = Finding("one", "Is it?", "warn", "It is.", "Fails if not.")
    report = AuditReport(
        weights_sha256="0" * 64,
        subset="test",
        images=60,
        groups=41,
        accuracy=Estimate(0.9, 0.8, 0.95),
        findings=(finding, replace(finding, verdict="not-measured")),
        figures=(AuditFigure("robustness", "What it shows.", "What is drawn."),),
        results={"by-source": None, "unheard-of": {"numbers": [1, 2.5, None]}},
    )
    return (json.dumps(report.to_json()).encode(),)


@cache
def plans():
    """Plans of reproductions."""
    return (_saved(Plan(("vgg11", "mobilenet-lung"), seeds=3).save),)


@cache
def folds():
    """Folds by source of reproductions, none of which has a split."""
    fold = {"name": "source-1", "source": "h", "images": 3, "refusal": "too-few-groups"}
    fold["removed"] = []
    content = {"format": "lungscope-source-folds", "version": 1, "seed": 0, "folds": [fold]}
    return (json.dumps(content).encode(),)


@cache
def runs():
    """What `run.json` holds."""
    facts = {"version": 2, "data": "xrays", "finished": True, "versions": {"torch": "2.10"}}
    return (json.dumps(facts).encode(),)


@cache
def exported():
    """`model.json` and the two arrays of an exported model."""
    with tempfile.TemporaryDirectory() as folder:
        made = write_tiny_model(Path(folder) / "tiny")
        description = (made / "model.json").read_bytes()
    plain = json.loads(description)
    for name in ("export", "sha256"):
        plain.pop(name, None)
    return (description, json.dumps(plain).encode())


@cache
def references():
    """Features of abstention."""
    return (
        _saved(
            Reference(
                mean=np.full(4, 0.5, np.float32),
                scale=np.full(4, 0.25, np.float32),
                axes=np.eye(1, 4, dtype=np.float32),
                deviations=np.ones(1, np.float32),
                rest=np.ones(1, np.float32),
            ).save
        ),
    )


@cache
def training_images():
    """What training images are recognised again by."""
    from lungscope.data import overlap

    folder = Path(overlap.__file__).parents[1] / "bundled" / "paper"
    whole = TrainingImages.load(folder / "training.npz")
    few = replace(
        whole,
        sha256=whole.sha256[:3],
        hashes=whole.hashes[:3],
        sketches=whole.sketches[:3],
        groups=whole.groups[:3],
    )
    return (_saved(few.save),)


def _sample(count, seed=0):
    labels = np.arange(count) % 3
    logits = np.random.default_rng(seed).normal(0, 1, (count, 3))
    files = tuple(f"{number}.png" for number in range(count))
    return Predictions.from_logits(("a", "b", "c"), files, files, labels, logits)


def _saved(save):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made"
        save(path)
        return path.read_bytes()
