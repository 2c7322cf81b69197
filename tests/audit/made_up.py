"""What would be measured of a model of lungs on enough images, for the tests of conclusions."""

from types import SimpleNamespace

import numpy as np

from lungscope.audit.checks.faithfulness import (
    PROPORTIONS,
    CurvePair,
    Faithfulness,
    ProbabilityCurve,
)
from lungscope.audit.checks.leaks import Leaks
from lungscope.audit.checks.lungs import LungEffects, Transplants
from lungscope.audit.checks.randomisation import Depth, Randomisation
from lungscope.audit.checks.robustness import Level, Response, Robustness
from lungscope.audit.checks.shortcuts import BaselineScore, Shortcuts
from lungscope.audit.context import Context
from lungscope.audit.effect import Effect
from lungscope.audit.masking import MaskedScore
from lungscope.audit.performance import Performance
from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.subset_predictions import predict_subset
from lungscope.progress import ignore

STILL = Estimate(0.0, 0.0, 0.0)
MODEL = Estimate(0.9, 0.87, 0.93)


def predictions(images=300, groups=100, right=0.9):
    """Of three classes; the wrong ones, the last, are predicted as the next class."""
    labels = np.arange(images) % 3
    predicted = np.where(np.arange(images) < right * images, labels, (labels + 1) % 3)
    return Predictions(
        ("a", "b", "c"),
        tuple(f"{n}.png" for n in range(images)),
        tuple(f"g{n % groups}" for n in range(images)),
        labels,
        np.eye(3)[predicted],
    )


def performance(images=300, groups=100):
    """90 %, and the majority class 1/3."""
    return Performance(
        predictions(images, groups),
        MODEL,
        Estimate(1 / 3, 0.28, 0.38),
        Estimate(0.9 - 1 / 3, 0.85 - 1 / 3, 0.95 - 1 / 3),
    )


def effect(difference=STILL, accuracy=MODEL):
    none = Estimate(0.0, 0.0, 0.01)
    return Effect(accuracy, difference, none, none, none)


def shortcuts():
    low = {"thumbnail": 0.5, "border": 0.4, "statistics": 0.4, "majority": 1 / 3}
    return Shortcuts(
        baselines=tuple(
            BaselineScore(
                name,
                name,
                "",
                Estimate(value, value - 0.05, value + 0.05),
                Estimate(0.9 - value, 0.85 - value, 0.95 - value),
            )
            for name, value in low.items()
        ),
        masks=(MaskedScore("corners", "", "", effect()),),
    )


def lung_effects():
    """Nothing is left without the lungs, and nothing is lost with them alone or with another's."""
    return LungEffects(
        images=300,
        groups=100,
        missed=0,
        accuracy=MODEL,
        hidden=effect(accuracy=Estimate(0.35, 0.3, 0.4)),
        alone=effect(),
        transplants=Transplants(200, 80, effect(), effect()),
    )


def robustness():
    """Nothing changes anything."""
    still = tuple(Level(severity, 1.0, effect()) for severity in (1, 2, 5))
    return Robustness(
        MODEL,
        Estimate(0.88, 0.85, 0.91),
        (Response("blur", "Blur", "", still), Response("noise", "Noise", "", still)),
    )


def leaks(images=300):
    return Leaks(images=images, unseen=(), pairs=(), grouped=images, groups=())


def faithfulness():
    """Heatmaps that highlight what the model uses."""
    advantage = Estimate(0.14, 0.11, 0.17)
    return Faithfulness(
        images=60,
        groups=41,
        proportions=PROPORTIONS,
        deletion=CurvePair(
            ProbabilityCurve((), Estimate(0.329, 0.276, 0.39)),
            ProbabilityCurve((), Estimate(0.469, 0.398, 0.546)),
            advantage,
        ),
        insertion=CurvePair(
            ProbabilityCurve((), Estimate(0.761, 0.711, 0.804)),
            ProbabilityCurve((), Estimate(0.595, 0.53, 0.658)),
            advantage,
        ),
    )


def randomisation():
    """Heatmaps that depend on what the model has learned."""
    return Randomisation(
        images=60,
        groups=41,
        networks=3,
        cells=49,
        chance=0.115,
        depths=(
            Depth("classifier", Estimate(0.39, 0.35, 0.43)),
            Depth("0", Estimate(0.15, 0.12, 0.18)),
        ),
    )


def context(checkpoint, cache, entries, progress=lambda _: ignore, draws=200):
    """A context of test images alone."""
    answers = predict_subset(checkpoint, cache, entries)
    resampling = Resampling.over(answers.groups, draws=draws)
    split = SimpleNamespace(
        subset=lambda _: tuple(entries), entries=tuple(entries), classes=answers.classes
    )
    return Context(
        checkpoint,
        split,
        cache,
        index=None,
        survey=None,
        performance=Performance.compute(answers, split, resampling),
        resampling=resampling,
        progress=progress,
    )


def unlearned():
    """One class for every image."""
    made = performance()
    always = Predictions(
        made.predictions.classes,
        made.predictions.files,
        made.predictions.groups,
        made.predictions.labels,
        np.eye(3)[np.full(300, 1)],
    )
    return Performance(always, made.accuracy, made.majority, made.gain)
