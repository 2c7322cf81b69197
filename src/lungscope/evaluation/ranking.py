"""Images in the order of a score: the areas under ROC and precision-recall curves, of many draws.

scikit-learn computes the same from one vector of weights at a time; here the images are sorted once
and thousands of bootstrap draws, which are weights, are summed up along that order together.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungscope.evaluation.bootstrap import Resampling

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ranking:
    """N images by falling score, T of the scores distinct.

    Attributes:
        order: (N,) the numbers of the images.
        positive: (N,) 1 for an image that is sought, 0 for another, in that order.
        last: (T,) the place of the last image of each score; images of one score stand or fall
            together.
        thresholds: (T,) the scores, falling.
    """

    order: NDArray[np.intp]
    positive: Values
    last: NDArray[np.intp]
    thresholds: Values

    @classmethod
    def of(cls, scores: Values, positive: NDArray[np.bool_]) -> "Ranking":
        """Sorts images.

        Args:
            scores: (N,) finite, N > 0.
            positive: (N,) which are sought.
        """
        order = np.argsort(-scores, kind="stable")
        falling = scores[order]
        last = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
        return cls(order, positive[order].astype(np.float64), last, falling[last])

    def counts(self, weights: Values | None = None) -> tuple[Values, Values]:
        """Counts positives, and all images, with a score of at least each threshold.

        Args:
            weights: (D, N) how often each image is there, in the ranking's order; once each if
                none are given.

        Returns:
            (D, T) and (D, T); each (1, T) without weights.
        """
        if weights is None:
            weights = np.ones((1, len(self.order)))
        found = np.cumsum(weights * self.positive, axis=1)[:, self.last]
        return found, np.cumsum(weights, axis=1)[:, self.last]

    def areas(self, weights: Values | None = None) -> tuple[Values, Values]:
        """Areas under the ROC curve and the precision-recall curve.

        The first is the probability that a positive scores higher than a negative, ties counted
        half. The second is the average precision, sum of (recall step) x precision, without
        interpolation. Both are scikit-learn's `roc_auc_score` and `average_precision_score`.

        Args:
            weights: as for `counts`.

        Returns:
            (D,) and (D,) in [0, 1]; NaN where a draw has no positive or no negative.
        """
        found, taken = self.counts(weights)
        falsely = taken - found
        found_step, falsely_step = _steps(found), _steps(falsely)
        pairs = found[:, -1] * falsely[:, -1]
        wins = (falsely_step * (found - found_step / 2)).sum(axis=1)
        precision = np.divide(found, taken, out=np.zeros_like(found), where=taken > 0)
        gained = (found_step * precision).sum(axis=1)
        defined = pairs > 0
        nothing = np.full(len(pairs), np.nan)
        return (
            np.divide(wins, pairs, out=nothing.copy(), where=defined),
            np.divide(gained, found[:, -1], out=nothing, where=defined),
        )

    def resampled_areas(self, resampling: Resampling) -> tuple[Values, Values]:
        """Computes the areas of every bootstrap draw, (D,) and (D,)."""
        blocks = [self.areas(weights) for weights in resampling.weights(self.order)]
        roc, precision_recall = zip(*blocks, strict=True)
        return np.concatenate(roc), np.concatenate(precision_recall)


def _steps(totals: Values) -> Values:
    return np.diff(totals, axis=1, prepend=0)
