"""Predictions made for a test."""

import numpy as np
import pytest
from scipy.special import softmax

from lungscope.evaluation.predictions import Predictions


@pytest.fixture(scope="session")
def answers():
    """Makes predictions of probabilities and labels; one image a group unless groups are given."""

    def answers(probabilities, labels, groups=None):
        probabilities = np.array(probabilities, dtype=np.float64)
        count, classes = probabilities.shape
        return Predictions(
            classes=tuple("abcdefghij"[:classes]),
            files=tuple(f"{row}.png" for row in range(count)),
            groups=tuple(groups if groups is not None else map(str, range(count))),
            labels=np.array(labels, dtype=np.int64),
            probabilities=probabilities,
        )

    return answers


@pytest.fixture(scope="session")
def simulated(answers):
    """Draws images whose classes have exactly the probabilities before sharpening."""

    def simulated(count, classes=3, sharpness=1.0, seed=0, in_group=1):
        generator = np.random.default_rng(seed)
        logits = generator.normal(0, 2, (count, classes))
        chances = softmax(logits, axis=1).cumsum(axis=1)
        labels = (generator.random((count, 1)) > chances).sum(axis=1).clip(max=classes - 1)
        groups = [str(row // in_group) for row in range(count)]
        return answers(softmax(sharpness * logits, axis=1), labels, groups)

    return simulated
