"""Models compared pair by pair on the same images."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungscope.comparison.delong import AreaTest, delong_test
from lungscope.comparison.matching import match_predictions
from lungscope.comparison.pair import FEWEST_GROUPS, ModelPair, describe_pair
from lungscope.comparison.significance import (
    POWER,
    SIGNIFICANCE,
    estimate_design_effect,
    estimate_images_needed,
    holm_adjust,
    mcnemar_test,
)
from lungscope.estimate import LEVEL, Estimate
from lungscope.evaluation.bootstrap import DRAWS, Resampling, bootstrap_where_defined
from lungscope.evaluation.metrics import METRICS, Sample
from lungscope.evaluation.predictions import Predictions
from lungscope.text import html_table

METHODS: Mapping[str, Mapping[str, str | float]] = {
    "differences": {
        "interval": "percentile-bootstrap",
        "resampled": "groups",
        "level": LEVEL,
        "draws": DRAWS,
    },
    "accuracy_test": {"test": "mcnemar-exact", "correction": "holm-over-pairs"},
    "auc_one_vs_rest": {
        "test": "delong",
        "independent": "images",
        "correction": "holm-over-pairs-and-classes",
    },
    "images_needed": {"formula": "connor-1987", "power": POWER, "significance": SIGNIFICANCE},
}
"""How each part of `comparison.json` was computed, in codes that File formats explains."""


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """How models differ on N images in G groups.

    Attributes:
        models: their names, in the order given.
        images: N.
        groups: G.
        classes: class names.
        metrics: those of each model that are registered as compared.
        pairs: of all models, each with all that follow it.
    """

    models: tuple[str, ...]
    images: int
    groups: int
    classes: tuple[str, ...]
    metrics: dict[str, dict[str, float]]
    pairs: tuple[ModelPair, ...]

    def __repr__(self) -> str:
        return f"Comparison({'; '.join(describe_pair(pair) for pair in self.pairs)})"

    def _repr_html_(self) -> str:
        rows = [
            (
                f"{pair.first} - {pair.second}",
                *(f"{found:+.3f}" for found in pair.differences.values()),
                pair.better or "not distinguishable",
            )
            for pair in self.pairs
        ]
        metrics = [METRICS[name].label for name in self.pairs[0].differences]
        images = f"{self.images:,} images in {self.groups:,} groups"
        return html_table(("models", *metrics, "better"), rows, caption=images)

    def to_json(self) -> dict[str, Any]:
        """Returns the content of `comparison.json`."""
        return {
            "images": self.images,
            "groups": self.groups,
            "classes": self.classes,
            "models": self.metrics,
            "pairs": [pair.to_json() for pair in self.pairs],
            "methods": METHODS,
        }


def compare(answers: Mapping[str, Predictions], seed: int = 0) -> Comparison:
    """Compares every pair of models.

    Args:
        answers: each model's predictions by its name, two models or more; images and classes may
            be in any order.
        seed: of the bootstrap.

    Raises:
        InvalidData: they are not for the same images, labels, groups and classes.

    Examples:
        >>> classes, labels = ("Normal", "Pneumonia"), np.array([0, 0, 1, 1])
        >>> probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
        >>> names = ("a", "b", "c", "d")  # each of a patient of its own
        >>> first = Predictions(classes, names, names, labels, probabilities)
        >>> second = Predictions(classes, names, names, labels, probabilities[[0, 2, 1, 3]])
        >>> compare({"first": first, "second": second})
        Comparison(first - second: accuracy equal on 4 images in 4 groups: too few groups ...)
    """
    same = match_predictions(answers)
    tested = next(iter(same.values()))
    resampling = Resampling.over(tested.groups, seed=seed)
    replicated = {name: Replicated.of(each, resampling) for name, each in same.items()}
    names = list(combinations(same, 2))

    accuracy = [
        mcnemar_test(_right(same[one]), _right(same[other]), tested.groups) for one, other in names
    ]
    areas = [_areas(same[one], same[other]) for one, other in names]
    p_areas = iter(
        holm_adjust([t.p for t in chain(*(each.values() for each in areas)) if t is not None])
    )
    corrected = zip(
        holm_adjust([test.p_images for test in accuracy]),
        holm_adjust([test.p_groups for test in accuracy]),
        strict=True,
    )
    pairs = []
    for (one, other), test, area, (p_images, p_groups) in zip(
        names, accuracy, areas, corrected, strict=True
    ):
        effect, needed = _needed(same[one], same[other])
        pairs.append(
            ModelPair(
                first=one,
                second=other,
                images=len(tested.files),
                groups=resampling.counts.shape[1],
                values=(replicated[one].values, replicated[other].values),
                differences=bootstrap_differences(replicated[one], replicated[other]),
                mcnemar=test,
                areas=area,
                pairs=len(names),
                p_images=p_images,
                p_groups=p_groups,
                p_areas={label: next(p_areas) for label, found in area.items() if found},
                design_effect=effect,
                images_needed=needed,
            )
        )
    return Comparison(
        models=tuple(same),
        images=len(tested.files),
        groups=resampling.counts.shape[1],
        classes=tested.classes,
        metrics={name: each.values for name, each in replicated.items()},
        pairs=tuple(pairs),
    )


def _right(predictions: Predictions) -> Any:
    return predictions.predicted == predictions.labels


def _areas(first: Predictions, second: Predictions) -> dict[str, AreaTest | None]:
    return {
        label: delong_test(first.labels == k, first.probabilities[:, k], second.probabilities[:, k])
        for k, label in enumerate(first.classes)
    }


def _needed(first: Predictions, second: Predictions) -> tuple[float | None, float | None]:
    """Estimates the design effect and the number of images needed."""
    if len(set(first.groups)) < FEWEST_GROUPS:
        return None, None
    advantage = _right(first).astype(np.float64) - _right(second).astype(np.float64)
    effect = estimate_design_effect(advantage, first.groups)
    difference = float(advantage.mean())
    if not difference:
        return effect, None
    return effect, estimate_images_needed(float(abs(advantage).mean()), difference, effect)


@dataclass(frozen=True, eq=False)
class Replicated:
    """One model's metrics on the images as they are and on D bootstrap draws of their groups.

    Attributes:
        values: each metric that is registered as compared.
        replicates: (D,) of each; NaN in draws in which it is not defined.
    """

    values: dict[str, float]
    replicates: dict[str, NDArray[np.float64]]

    @classmethod
    def of(cls, predictions: Predictions, resampling: Resampling) -> "Replicated":
        """Computes every metric on every draw.

        Args:
            predictions: of N images.
            resampling: over the groups of the same N images in the same order.
        """
        compared = {name: metric for name, metric in METRICS.items() if metric.compared}
        sample = Sample(predictions, resampling)
        return cls(
            {name: metric.value(predictions) for name, metric in compared.items()},
            {name: metric.resample(sample) for name, metric in compared.items()},
        )


def bootstrap_differences(first: Replicated, second: Replicated) -> dict[str, Estimate]:
    """Estimates first - second in each compared metric, with 95 % percentile intervals.

    A draw in which a metric is not defined for one of the models is left out of its interval.

    Args:
        first: one model.
        second: another on the same images and the same draws.

    Examples:
        >>> classes, labels = ("Normal", "Pneumonia"), np.array([0, 0, 1, 1])
        >>> probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
        >>> names = ("a", "b", "c", "d")  # each of a patient of its own
        >>> first = Predictions(classes, names, names, labels, probabilities)
        >>> second = Predictions(classes, names, names, labels, probabilities[[0, 2, 1, 3]])
        >>> draws = Resampling.over(names)
        >>> found = bootstrap_differences(Replicated.of(first, draws), Replicated.of(second, draws))
        >>> found["accuracy"].value
        0.0
    """
    return {
        name: bootstrap_where_defined(
            value - second.values[name], first.replicates[name] - second.replicates[name]
        )
        for name, value in first.values.items()
    }
