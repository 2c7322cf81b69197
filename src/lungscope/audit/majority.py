"""How a model stands to the majority class: whether it has learned anything that can be lost."""

import numpy as np

from lungscope.audit.audit import Measured
from lungscope.audit.baselines import Baseline
from lungscope.audit.wording import points, share

HALF = 0.5
"""Of what lies above guessing: more than that is much."""

UNLEARNED = "not measured where the model is not distinguishably better than the majority class"
"""Of every finding that `unlearned` can put off: the end of its threshold."""


def majority(measured: Measured) -> Baseline:
    """The baseline that always answers with the most common class of the train subset."""
    return next(each for each in measured.baselines if each.name == "majority")


def earned(measured: Measured, accuracy: float) -> float | None:
    """The share of the model's accuracy above the majority class that another accuracy reaches.

    Returns:
        1 where it is the model's own; None where the model is no better than the majority class.
    """
    least = majority(measured).accuracy.value
    above = measured.accuracy.value - least
    return (accuracy - least) / above if above > 0 else None


def unlearned(measured: Measured) -> str | None:
    """Why the model's answers say nothing of what it depends on.

    A model that has learned nothing keeps its accuracy whatever is done to the images, and is as
    good on every source: that it does is no merit.

    Returns:
        A sentence; None where the model is distinguishably better than the majority class and has
        more than one answer.
    """
    answers = np.unique(measured.predictions.predicted).tolist()
    if len(answers) == 1:
        name = measured.predictions.classes[answers[0]]
        return f"The model's answer is {name} for every image: it has learned nothing to lose."
    if earned(measured, measured.accuracy.value) is None:
        return (
            f"The model's accuracy of {share(measured.accuracy.value)} is no better than the "
            f"majority class's {share(majority(measured).accuracy.value)}: it has learned nothing "
            "to lose."
        )
    gain = measured.gains["majority"]
    if gain.low <= 0:
        return (
            "The model is not distinguishably better than the majority class "
            f"({points(gain)} points): there is no telling whether it has anything to lose."
        )
    return None
