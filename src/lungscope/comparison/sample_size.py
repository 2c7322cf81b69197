"""How many images it takes to tell two models apart."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

SIGNIFICANCE = 0.05
POWER = 0.8


def images_needed(discordant: float, difference: float, effect: float = 1.0) -> float:
    """Images on which a difference in accuracy is found with 80 % power at 5 %, two-sided.

    Connor (1987), Biometrics 43, 207-211, for McNemar's test, times the design effect:

        n = effect (z(0.975) sqrt(d) + z(0.8) sqrt(d - difference^2))^2 / difference^2

    Args:
        discordant: d, the share of images that exactly one model gets right, in (0, 1].
        difference: of the two accuracies, 0 < abs(difference) <= d.
        effect: the design effect, >= 1.
    """
    null = norm.isf(SIGNIFICANCE / 2) * math.sqrt(discordant)
    alternative = norm.ppf(POWER) * math.sqrt(max(0.0, discordant - difference**2))
    return float(effect * ((null + alternative) / difference) ** 2)


def design_effect(values: NDArray[np.float64], groups: Sequence[str]) -> float:
    """How many times as many images it takes because those of a group are alike (Kish, 1965).

    The variance of the mean with whole groups drawn, over that with single images drawn, by
    linearisation. Values below 1, which few groups give by chance, are raised to 1.

    Args:
        values: (N,) one number an image, of which the mean is wanted.
        groups: the group of each image, (N,), two groups or more.
    """
    names, group = np.unique(np.asarray(groups), return_inverse=True)
    deviation = values - values.mean()
    sums = np.zeros(len(names))
    np.add.at(sums, group, deviation)
    independent = (deviation**2).sum() / (1 - 1 / len(values))
    grouped = (sums**2).sum() / (1 - 1 / len(names))
    return max(1.0, float(grouped / independent)) if independent else 1.0
