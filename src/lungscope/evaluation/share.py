"""A share of images with an interval that always leaves room for doubt.

The bootstrap over groups gives no interval where every group is right, and too narrow a one of
few groups: three hospitals without a mistake do not prove that there is none. There it is
Wilson's, as if images of one group told the same.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lungscope.evaluation.bootstrap import Estimate, Resampling, estimate_where_defined
from lungscope.evaluation.calibration import wilson

FEW = 10
"""With fewer groups cluster bootstraps are known to be too narrow: the interval is Wilson's."""


def share(right: NDArray[np.bool_], groups: Sequence[str]) -> Estimate:
    """The share of images that are right, with its 95 % interval over groups.

    Args:
        right: (N,), N > 0.
        groups: the group of each image, length N.
    """
    value, count = float(right.mean()), len(set(groups))
    if count < FEW:
        return wilson(value, count)  # as below, without the draws
    resampling = Resampling.over(groups)
    counts = resampling.sums(np.stack([right, np.ones(len(right))], axis=1))
    return with_interval(value, counts[:, 0] / counts[:, 1], count)


def with_interval(value: float, replicates: NDArray[np.float64], groups: int) -> Estimate:
    """A share with its percentile interval, or Wilson's: of few groups, or where that has no width.

    Args:
        value: the share, in [0, 1].
        replicates: (D,) its value in each draw; NaN where it has none. Beyond 0 and 1 the interval
            is cut off.
        groups: how many independent observations it is made of, > 0.
    """
    found = estimate_where_defined(value, replicates)
    if groups < FEW:
        return wilson(value, groups)
    return with_doubt(Estimate(value, max(0.0, found.low), min(1.0, found.high)), groups)


def with_doubt(found: Estimate, groups: int) -> Estimate:
    """A share with its interval, or with Wilson's where that has no width.

    Args:
        found: a share of some images, in [0, 1].
        groups: how many groups those images are of; of one or none there is no telling.
    """
    return wilson(found.value, groups) if found.low == found.high and groups > 1 else found


def groups_among(groups: Sequence[str], chosen: NDArray[np.bool_]) -> int:
    """How many groups some of the images are of.

    Args:
        groups: the group of each image, length N.
        chosen: (N,) which images.
    """
    return len({groups[row] for row in np.flatnonzero(chosen).tolist()})
