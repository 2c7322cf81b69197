"""DeLong's test: whether two models have the same area under the ROC curve.

DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44, 837-845, with the placement values from
midranks (Sun and Xu, 2014, IEEE Signal Processing Letters 21, 1389-1393). The test takes images
to be independent: where those of a group are alike, its intervals are too narrow and its p-values
too small.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from lungscope.estimate import LEVEL, Estimate

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class AreaTest:
    """Two models' areas under the ROC curve of one class against the rest.

    Attributes:
        first, second: the areas, in [0, 1]; images with equal scores count half.
        difference: first - second with its 95 % interval by the normal approximation, cut off at -1
            and 1.
        standard_error: of the difference.
        p: two-sided p-value in [0, 1]; 1 if the areas are equal.
    """

    first: float
    second: float
    difference: Estimate
    standard_error: float
    p: float


def delong_test(positive: NDArray[np.bool_], first: Scores, second: Scores) -> AreaTest | None:
    """Compares two models' areas under the curve on the same images.

    Args:
        positive: (N,) whether each image is of the class.
        first: (N,) one model's score for it, higher for more likely.
        second: (N,) the other's.

    Returns:
        None where no variance can be estimated: fewer than two images of the class or of the
        rest, or areas that differ by the same amount for every image.

    Examples:
        >>> import numpy as np
        >>> positive = np.array([True, True, True, False, False, False])
        >>> first = np.array([0.9, 0.8, 0.4, 0.5, 0.3, 0.1])
        >>> second = np.array([0.6, 0.7, 0.2, 0.5, 0.8, 0.1])
        >>> found = delong_test(positive, first, second)
        >>> print(f"{found.first:.3f} {found.second:.3f} {found.p:.2f}")
        0.889 0.556 0.32
    """
    count, rest = int(positive.sum()), int((~positive).sum())
    if min(count, rest) < 2:
        return None
    won, lost = zip(*(_placements(positive, scores) for scores in (first, second)), strict=True)
    areas = [float(wins.mean()) / (2 * rest) for wins in won]
    variance = float((won[0] - won[1]).var(ddof=1)) / (4 * rest**2 * count)
    variance += float((lost[0] - lost[1]).var(ddof=1)) / (4 * count**2 * rest)
    difference, error = areas[0] - areas[1], math.sqrt(variance)
    if difference and not error:
        return None
    margin = float(norm.isf((1 - LEVEL) / 2)) * error
    return AreaTest(
        areas[0],
        areas[1],
        Estimate(difference, max(-1.0, difference - margin), min(1.0, difference + margin)),
        error,
        2 * float(norm.sf(abs(difference) / error)) if error else 1.0,
    )


def _placements(positive: NDArray[np.bool_], scores: Scores) -> tuple[Scores, Scores]:
    """Counts how many negatives each positive surpasses, and positives each negative is below.

    In halves, so that ties leave whole numbers and equal placements have no variance at all.
    """
    overall = rankdata(scores)
    of_class, of_rest = scores[positive], scores[~positive]
    wins = 2 * (overall[positive] - rankdata(of_class))
    losses = 2 * (len(of_class) - (overall[~positive] - rankdata(of_rest)))
    return wins, losses
