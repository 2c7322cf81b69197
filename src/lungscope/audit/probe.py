"""A linear probe: how well a network's features predict the source of an image."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hmean
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lungscope.data.split import SplitEntry
from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.proportions import FEW, wilson_interval, with_interval

FOLDS = 5
"""Folds of the cross-validation; a source needs as many groups to be probed for."""

INVERSE_REGULARISATION = 0.01
"""scikit-learn's C; there are far more features than images."""

ITERATIONS = 1000
"""Most iterations of the solver; the default of 100 can be too few for so many features."""

WIDER = (1 + FOLDS / (FOLDS - 1)) ** 0.5
"""Factor on the bootstrap interval. The five probes share training images, so their predictions are
correlated: the bare bootstrap excludes chance in 8 to 17 % of its 95 % intervals for features that
are noise. Nadeau and Bengio (2003, Machine Learning 52) multiply the variance by
1 + folds / (folds - 1)."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Probe:
    """How well a linear classifier predicts the source of some images.

    Attributes:
        images: number of images of each source.
        groups: number of groups of each source.
        balanced_accuracy: mean over sources of the proportion of images whose source is predicted
            correctly, each by a probe that saw no image of its group. The interval is over groups,
            widened by `WIDER`; it is rather too wide than too narrow.
        chance: balanced accuracy of guessing, 1 / number of sources.
    """

    images: dict[str, int]
    groups: dict[str, int]
    balanced_accuracy: Estimate
    chance: float

    @property
    def above_chance(self) -> bool:
        """Whether the source is predicted better than by guessing."""
        return self.balanced_accuracy.low > self.chance


@dataclass(frozen=True, eq=False)
class Probed:
    """Images whose source is predicted.

    Attributes:
        rows: (M,) which of the N images they are.
        sources: (M,) the source of each, by its position in `names`.
        groups: (M,) the group of each.
        names: the S sources, each of `FOLDS` groups or more.
    """

    rows: NDArray[np.intp]
    sources: NDArray[np.intp]
    groups: NDArray[np.str_]
    names: list[str]

    def count(self) -> dict[str, int]:
        """Images of each source."""
        return {n: int((self.sources == k).sum()) for k, n in enumerate(self.names)}

    def count_groups(self) -> dict[str, int]:
        """Groups of each source."""
        return {n: len(set(self.groups[self.sources == k])) for k, n in enumerate(self.names)}


def select_probed(entries: Sequence[SplitEntry], chosen: NDArray[np.bool_]) -> Probed | None:
    """Selects the images that can be probed: those of sources of `FOLDS` groups or more.

    Args:
        entries: N images.
        chosen: (N,) which of them to select from.

    Returns:
        None if fewer than two sources have as many groups.
    """
    groups: dict[str, set[str]] = {}
    for row in np.flatnonzero(chosen).tolist():
        if source := entries[row].source:
            groups.setdefault(source, set()).add(entries[row].group)
    number = {
        name: k for k, name in enumerate(sorted(n for n in groups if len(groups[n]) >= FOLDS))
    }
    if len(number) < 2:
        return None
    rows = [row for row in np.flatnonzero(chosen).tolist() if entries[row].source in number]
    return Probed(
        rows=np.array(rows),
        sources=np.array([number[entries[row].source or ""] for row in rows]),
        groups=np.array([entries[row].group for row in rows]),
        names=list(number),
    )


def probe_source(features: Values, probed: Probed, seed: int) -> Probe:
    """Trains a linear classifier for the source and tests it on groups that it has not seen.

    Args:
        features: (N, F) of all images.
        probed: which of them, with their sources and groups.
        seed: seed of the folds.
    """
    # balanced, or it would gain by always predicting the source of the most images
    probe = make_pipeline(
        StandardScaler(),
        LogisticRegression(C=INVERSE_REGULARISATION, class_weight="balanced", max_iter=ITERATIONS),
    )
    # groups stay whole, or it would recognise patients and not their source
    predicted = cross_val_predict(
        probe,
        features[probed.rows],
        probed.sources,
        groups=probed.groups,
        cv=StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed),
    )
    return Probe(
        images=probed.count(),
        groups=probed.count_groups(),
        balanced_accuracy=_balanced_accuracy(probed, predicted),
        chance=1 / len(probed.names),
    )


def _balanced_accuracy(probed: Probed, predicted: NDArray[np.intp]) -> Estimate:
    of_source = np.eye(len(probed.names))[probed.sources]
    correct = of_source * (predicted == probed.sources)[:, None]
    value = float((correct.sum(axis=0) / of_source.sum(axis=0)).mean())
    groups = list(probed.count_groups().values())
    # the mean of S proportions varies as one proportion of as many observations
    as_one = max(1, int(len(groups) * hmean(groups) / WIDER**2))
    if min(groups) < FEW:
        return wilson_interval(value, as_one)
    resampling = Resampling.over(probed.groups.tolist())
    hits, sizes = resampling.sums(correct), resampling.sums(of_source)
    recalls = np.divide(hits, sizes, out=np.full_like(sizes, np.nan), where=sizes > 0)
    return with_interval(value, value + WIDER * (recalls.mean(axis=1) - value), as_one)
