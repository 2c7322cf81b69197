"""Whether a model's features tell where an image was made.

A network whose features tell the hospital can use it to score. Where hospital and class go
together, telling the class tells the hospital, so the honest question is asked within each class:
there nothing but the hospital tells the hospital.
"""

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
"""Of the cross-validation; a source needs as many groups to be probed for."""

STRENGTH = 0.01
"""Inverse regularisation (scikit-learn's C): features are far more than images."""

ITERATIONS = 1000

WIDER = (1 + FOLDS / (FOLDS - 1)) ** 0.5
"""The five probes share images that they were trained on, so their answers go together: the bare
bootstrap leaves chance out of 8 to 17 % of its 95 % intervals for features that are noise. Nadeau
and Bengio (2003, Machine Learning 52) multiply the variance by 1 + folds / (folds - 1)."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Probe:
    """How well the sources of some images are told apart.

    Attributes:
        images: how many of each source.
        groups: how many groups of each source.
        balanced_accuracy: the mean over sources of the share of its images that the probe rightly
            names, each named by a probe that saw no image of its group. The interval is over
            groups, widened by `WIDER`; it errs on the wide side.
        chance: the balanced accuracy of guessing, 1 / number of sources.
    """

    images: dict[str, int]
    groups: dict[str, int]
    balanced_accuracy: Estimate
    chance: float

    @property
    def tells(self) -> bool:
        """Whether the sources are told apart better than by guessing."""
        return self.balanced_accuracy.low > self.chance


@dataclass(frozen=True)
class SourceProbe:
    """What a model's features give away of the source.

    Attributes:
        overall: of all images, by their features.
        class_alone: of the same images by the same probe, given their true class and nothing else:
            what `overall` reaches where features tell the class alone.
        within: of the images of each class, by their features; None where fewer than two sources
            have images of the class in five groups or more.
        left_out: images that were not probed, for their source is unknown or has fewer groups.
    """

    overall: Probe
    class_alone: Probe
    within: dict[str, Probe | None]
    left_out: int


def probe_sources(
    features: Values, entries: Sequence[SplitEntry], classes: Sequence[str], seed: int = 0
) -> SourceProbe | None:
    """Trains linear probes for the source and tests each on groups that it did not see.

    Args:
        features: (N, F) of images that the network was not trained on.
        entries: those images, in the same order.
        classes: names of the labels.
        seed: of the folds.

    Returns:
        None if fewer than two sources have five groups or more among the entries: there may be no
        two sources, or too few groups of them to probe for.
    """
    labels = np.array([entry.label for entry in entries])
    everywhere = _asked(entries, np.ones(len(entries), dtype=np.bool_))
    if everywhere is None:
        return None
    of_class = {name: _asked(entries, labels == number) for number, name in enumerate(classes)}
    return SourceProbe(
        overall=_probe(features, everywhere, seed),
        class_alone=_probe(np.eye(len(classes))[labels], everywhere, seed),
        within={
            name: None if asked is None else _probe(features, asked, seed)
            for name, asked in of_class.items()
        },
        left_out=len(entries) - len(everywhere.rows),
    )


@dataclass(frozen=True, eq=False)
class _Asked:
    """Images whose source is asked for.

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


def _asked(entries: Sequence[SplitEntry], wanted: NDArray[np.bool_]) -> _Asked | None:
    groups: dict[str, set[str]] = {}
    for row in np.flatnonzero(wanted).tolist():
        if source := entries[row].source:
            groups.setdefault(source, set()).add(entries[row].group)
    number = {
        name: k for k, name in enumerate(sorted(n for n in groups if len(groups[n]) >= FOLDS))
    }
    if len(number) < 2:
        return None
    rows = [row for row in np.flatnonzero(wanted).tolist() if entries[row].source in number]
    return _Asked(
        rows=np.array(rows),
        sources=np.array([number[entries[row].source or ""] for row in rows]),
        groups=np.array([entries[row].group for row in rows]),
        names=list(number),
    )


def _probe(features: Values, asked: _Asked, seed: int) -> Probe:
    probe = make_pipeline(
        StandardScaler(),
        LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=ITERATIONS),
    )
    named = cross_val_predict(
        probe,
        features[asked.rows],
        asked.sources,
        groups=asked.groups,
        cv=StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed),
    )
    return Probe(
        images=asked.count(),
        groups=asked.count_groups(),
        balanced_accuracy=_balanced_accuracy(asked, named),
        chance=1 / len(asked.names),
    )


def _balanced_accuracy(asked: _Asked, named: NDArray[np.intp]) -> Estimate:
    of_source = np.eye(len(asked.names))[asked.sources]
    right = of_source * (named == asked.sources)[:, None]
    value = float((right.sum(axis=0) / of_source.sum(axis=0)).mean())
    groups = list(asked.count_groups().values())
    # the mean of S shares varies as one share of so many observations
    as_one = max(1, int(len(groups) * hmean(groups) / WIDER**2))
    if min(groups) < FEW:
        return wilson_interval(value, as_one)
    resampling = Resampling.over(asked.groups.tolist())
    rights, sizes = resampling.sums(right), resampling.sums(of_source)
    recalls = np.divide(rights, sizes, out=np.full_like(sizes, np.nan), where=sizes > 0)
    return with_interval(value, value + WIDER * (recalls.mean(axis=1) - value), as_one)
