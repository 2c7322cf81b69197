"""What would be measured of a model of lungs on enough images, for the tests of findings."""

import numpy as np

from lungscope.audit.audit import Measured
from lungscope.audit.baselines import Baseline
from lungscope.audit.effect import Effect
from lungscope.audit.faithfulness import SHARES, Comparison, Curve, Faithfulness
from lungscope.audit.leaks import Leaks
from lungscope.audit.masking import Masked
from lungscope.audit.randomisation import Depth, Randomisation
from lungscope.audit.robustness import Level, Response, Robustness
from lungscope.audit.subgroups import by_group
from lungscope.estimate import Estimate
from lungscope.evaluation.predictions import Predictions

STILL = Estimate(0.0, 0.0, 0.0)
MODEL = Estimate(0.9, 0.87, 0.93)


def predictions(images=300, groups=100, right=0.9):
    """Of three classes; the wrong ones, the last, are called by the next class's name."""
    labels = np.arange(images) % 3
    predicted = np.where(np.arange(images) < right * images, labels, (labels + 1) % 3)
    return Predictions(
        ("a", "b", "c"),
        tuple(f"{n}.png" for n in range(images)),
        tuple(f"g{n % groups}" for n in range(images)),
        labels,
        np.eye(3)[predicted],
    )


def effect(difference=STILL, accuracy=MODEL):
    none = Estimate(0.0, 0.0, 0.01)
    return Effect(accuracy, difference, none, none, none)


def measured(images=300, groups=100):
    """A model of lungs on enough images: 90 %, the majority class 1/3, and nothing moves it."""
    made = predictions(images, groups)
    low = {"thumbnail": 0.5, "border": 0.4, "statistics": 0.4, "majority": 1 / 3}
    still = tuple(Level(strength, 1.0, effect()) for strength in (1, 2, 5))
    return Measured(
        predictions=made,
        accuracy=MODEL,
        baselines=tuple(
            Baseline(name, name, "", Estimate(value, value - 0.05, value + 0.05), np.ones(0, bool))
            for name, value in low.items()
        ),
        gains={
            name: Estimate(0.9 - value, 0.85 - value, 0.95 - value) for name, value in low.items()
        },
        masks=(
            Masked("corners", "", "", effect()),
            Masked("border", "", "", effect()),
            Masked("centre", "", "", effect(accuracy=Estimate(0.35, 0.3, 0.4))),
        ),
        by_source=None,
        by_group=by_group(made),
        origins={name: {"unknown": images // 3} for name in made.classes},
        confounding=None,
        probe=None,
        leaks=Leaks(images=images, unseen=(), pairs=(), grouped=images, groups=()),
        mistakes=(),
        robustness=Robustness(
            MODEL,
            Estimate(0.88, 0.85, 0.91),
            (Response("blur", "Blur", "", still), Response("noise", "Noise", "", still)),
        ),
        faithfulness=faithfulness(),
        randomisation=randomisation(),
    )


def faithfulness():
    """Heatmaps that point at what the model uses."""
    favour = Estimate(0.14, 0.11, 0.17)
    return Faithfulness(
        images=60,
        groups=41,
        shares=SHARES,
        deletion=Comparison(
            Curve((), Estimate(0.329, 0.276, 0.39)),
            Curve((), Estimate(0.469, 0.398, 0.546)),
            favour,
        ),
        insertion=Comparison(
            Curve((), Estimate(0.761, 0.711, 0.804)),
            Curve((), Estimate(0.595, 0.53, 0.658)),
            favour,
        ),
    )


def randomisation():
    """Heatmaps that hang on what the model has learned."""
    return Randomisation(
        images=60,
        groups=41,
        networks=3,
        places=49,
        chance=0.115,
        depths=(
            Depth("classifier", Estimate(0.39, 0.35, 0.43)),
            Depth("0", Estimate(0.15, 0.12, 0.18)),
        ),
    )
