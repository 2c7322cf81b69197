"""How well the audited model does, and whether it has learned anything that can be lost."""

import math
from dataclasses import dataclass

import numpy as np

from lungscope.audit.effect import correct, difference, mean
from lungscope.data.split import Split
from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.predictions import Predictions
from lungscope.text import format_percent, format_quantity

HALF = 0.5
"""More than this proportion of the accuracy above the majority class counts as much."""

NOT_ASKED = "not measured where the model is not distinguishably better than the majority class"
"""End of the threshold of every finding that `Performance.nothing_learned` can exempt."""


@dataclass(frozen=True, eq=False)
class Performance:
    """The model's accuracy on the audited images, beside that of the majority class.

    Attributes:
        predictions: the model's predictions for the N images as they are.
        accuracy: proportion of them that is classified correctly.
        majority: accuracy of always predicting the most common class of the train subset.
        gain: accuracy - majority, over the same bootstrap draws.
    """

    predictions: Predictions
    accuracy: Estimate
    majority: Estimate
    gain: Estimate

    @classmethod
    def compute(
        cls, predictions: Predictions, split: Split, resampling: Resampling
    ) -> "Performance":
        """Computes the accuracies of a model and of the majority class.

        Args:
            predictions: of the N audited images.
            split: its train subset says which class is the most common.
            resampling: of the groups of the N images.
        """
        trained_on = [entry.label for entry in split.subset("train")]
        own, common = correct(predictions), predictions.labels == np.bincount(trained_on).argmax()
        return cls(
            predictions=predictions,
            accuracy=mean(own, resampling),
            majority=mean(common, resampling),
            gain=difference(own, common, resampling),
        )

    @property
    def images(self) -> int:
        """Number of images."""
        return len(self.predictions.files)

    @property
    def groups(self) -> int:
        """Number of groups."""
        return len(set(self.predictions.groups))

    def proportion_reached(self, accuracy: float) -> float | None:
        """Computes how far an accuracy gets on the way from the majority class to the model.

        Args:
            accuracy: in [0, 1].

        Returns:
            0 at the majority class's accuracy and 1 at the model's; below 0 or above 1 beyond
            them. None if the model is no better than the majority class.
        """
        above = self.accuracy.value - self.majority.value
        return (accuracy - self.majority.value) / above if above > 0 else None

    def nothing_learned(self) -> str | None:
        """Explains why the model's predictions do not show what it depends on.

        A model that has learned nothing keeps its accuracy whatever is done to the images, and is
        equally good on every source. That must not earn it a pass.

        Returns:
            A sentence; None if the model is distinguishably better than the majority class and
            predicts more than one class.
        """
        named = np.unique(self.predictions.predicted).tolist()
        if len(named) == 1:
            name = self.predictions.classes[named[0]]
            return f"The model predicts {name} for every image: it has no accuracy to lose."
        if self.proportion_reached(self.accuracy.value) is None:
            accuracy = format_percent(self.accuracy.value)
            majority = format_percent(self.majority.value)
            return (
                f"The model's accuracy of {accuracy} is no better than the {majority} of always "
                "predicting the most common class: it has no accuracy to lose."
            )
        if self.gain.low <= 0:
            return (
                "The model is not distinguishably better than always predicting the most common "
                f"class (difference {self.gain:+.1pp}), so it cannot be determined whether it "
                "has any accuracy to lose."
            )
        return None


def points(value: float) -> str:
    """Writes a threshold of a difference of proportions, e.g. "5 points"."""
    return f"{100 * value:.0f} points"


LARGE_DROP = 0.05
"""A larger drop in accuracy is no longer small."""

_RULE_OF_THREE = 3
"""Divided by the number of groups: the proportion of groups that may be affected where none was
seen to be (Hanley and Lippman-Hand, 1983, JAMA 249). A bootstrap cannot know what it never draws.
"""

EXCLUDED = (
    f"passes only if a drop of more than {points(LARGE_DROP)} is excluded: the interval does not "
    f"reach that far, and there are {math.ceil(_RULE_OF_THREE / LARGE_DROP)} groups or more (rule "
    "of three), else warns that it cannot be excluded"
)
"""Part of the threshold of every finding on drops."""


def may_drop(change: Estimate, performance: Performance) -> bool:
    """Returns whether a large drop cannot be excluded.

    Args:
        change: accuracy on changed - on unchanged images.
        performance: says how many groups were tested.
    """
    return max(-change.low, _RULE_OF_THREE / performance.groups) > LARGE_DROP


def explain_doubt(performance: Performance) -> str:
    """Says that a large drop cannot be excluded, and on how many images."""
    return (
        f"A drop of more than {points(LARGE_DROP)} cannot be excluded: too few images "
        f"({format_quantity(performance.images, 'image')} in "
        f"{format_quantity(performance.groups, 'group')})."
    )
