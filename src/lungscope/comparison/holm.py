"""Several tests at once: Holm's correction (Holm, 1979, Scandinavian Journal of Statistics 6)."""

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """P-values corrected for being several, in the order given.

    The smallest of m is multiplied by m, the next by m - 1, and so on; none falls below one that
    was smaller before, and none exceeds 1. Rejecting those below 0.05 rejects a true hypothesis,
    any at all, with a probability of at most 5 %, however the tests depend on each other.

    Args:
        p_values: each in [0, 1]; there may be none.
    """
    order = np.argsort(p_values, kind="stable")
    raised = np.asarray(p_values, dtype=np.float64)[order] * np.arange(len(order), 0, -1)
    corrected = np.empty(len(order))
    corrected[order] = np.minimum(np.maximum.accumulate(raised), 1)
    return tuple(corrected.tolist())
