"""Cells of class and source: how often each is drawn, and how an epoch is judged over them.

Where class and source are associated, a mean over images is carried by the common cells: it does
not show that a rare one, such as the children of one hospital, is misclassified.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lungscope.data.split import SplitEntry
from lungscope.training.recipe import Recipe, Selection

FEWEST = 10
"""Validation images of a cell that is judged: the accuracy of fewer is mostly chance."""


def number_cells(entries: Sequence[SplitEntry]) -> NDArray[np.int64]:
    """Numbers the cells of class and source.

    Args:
        entries: N images; those without a source are of one source.

    Returns:
        (N,) the cell of each, 0 <= cell < number of cells, in the order of class and source.
    """
    names = [(entry.label, entry.source or "") for entry in entries]
    numbers = {name: number for number, name in enumerate(sorted(set(names)))}
    return np.array([numbers[name] for name in names], dtype=np.int64)


def sampling_weights(entries: Sequence[SplitEntry], recipe: Recipe) -> NDArray[np.float64] | None:
    """Computes how probable each image is as the next one of a training.

    A class of n images is drawn in proportion to n to the power of 1 - `balance_classes`, and a
    source of m of them in proportion to m to the power of 1 - `balance_sources`.

    Args:
        entries: N training images.
        recipe: with the two powers.

    Returns:
        (N,) summing to 1; None where every image is as probable as any other.
    """
    if not recipe.balance_classes and not recipe.balance_sources:
        return None
    classes = Counter(entry.label for entry in entries)
    cells = Counter((entry.label, entry.source) for entry in entries)
    within: defaultdict[int, float] = defaultdict(float)
    for (label, _), count in cells.items():
        within[label] += count ** (1 - recipe.balance_sources)

    def weight(entry: SplitEntry) -> float:
        of_class: float = classes[entry.label] ** (1 - recipe.balance_classes)
        images = cells[entry.label, entry.source]
        of_source: float = images ** (1 - recipe.balance_sources) / within[entry.label]
        return of_class * of_source / images

    weights = np.array([weight(entry) for entry in entries])
    normalised: NDArray[np.float64] = weights / weights.sum()
    return normalised


def judging_weights(cells: NDArray[np.int64], selection: Selection) -> NDArray[np.float64] | None:
    """Computes how much each validation image counts where a temperature is fitted.

    A temperature that the common cells decide is one for the common hospital. As far as the epoch
    is judged by cells, each cell counts the same here too.

    Args:
        cells: (N,) the cell of each.
        selection: as of `score_epoch`.

    Returns:
        (N,) summing to 1, an image of a cell of fewer than `FEWEST` as if there were as many; None
        where each image counts the same.
    """
    if selection == "accuracy":
        return None
    weights = 1 / np.maximum(np.bincount(cells)[cells], FEWEST)
    normalised: NDArray[np.float64] = weights / weights.sum()
    return normalised


def score_epoch(
    correct: NDArray[np.bool_], cells: NDArray[np.int64], selection: Selection
) -> float:
    """Judges an epoch by its validation images.

    Args:
        correct: (N,) whether each is classified correctly.
        cells: (N,) the cell of each.
        selection: "accuracy": the proportion that is correct; "balanced": the mean of that
            proportion over cells of at least `FEWEST` images; "worst-cell": its minimum.

    Returns:
        In [0, 1]. Where no cell has so many images, all cells count.
    """
    if selection == "accuracy":
        return float(correct.mean())
    counts = np.bincount(cells)
    proportions = np.bincount(cells, weights=correct) / np.maximum(counts, 1)
    judged = counts >= FEWEST if (counts >= FEWEST).any() else counts > 0
    found = proportions[judged]
    return float(found.mean() if selection == "balanced" else found.min())
