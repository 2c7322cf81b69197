"""How much two properties of images go together."""

from collections.abc import Sequence

import numpy as np
from scipy.stats.contingency import association, crosstab


def cramers_v(first: Sequence[str], second: Sequence[str]) -> float:
    """Cramér's V of two properties; 0 where one of them has a single value.

    What chance alone adds to it, much with few images or many values, is taken off (Bergsma,
    2013, Journal of the Korean Statistical Society 42).
    """
    table = crosstab(list(first), list(second)).count
    if min(table.shape) < 2:
        return 0.0
    (rows, columns), total = table.shape, table.sum()
    square = association(table, method="cramer") ** 2 * (min(rows, columns) - 1)
    left = max(0.0, square - (rows - 1) * (columns - 1) / (total - 1))
    fewer = min(n - (n - 1) ** 2 / (total - 1) for n in (rows, columns)) - 1
    return float(np.sqrt(left / fewer)) if fewer > 0 else 0.0
