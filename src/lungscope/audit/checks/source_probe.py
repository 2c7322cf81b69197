"""Whether a model's features predict the source of an image.

A network whose features predict the hospital can use it to score. Where hospital and class are
associated, predicting the class predicts the hospital, so the probe is trained within each class,
where only the hospital itself can predict the hospital.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungscope.audit.check import Check, register_check
from lungscope.audit.context import AUDITED, Context
from lungscope.audit.finding import Finding, Verdict
from lungscope.audit.performance import HALF, Performance
from lungscope.audit.probe import FOLDS, Probe, probe_source, select_probed
from lungscope.data.checks.columns import cramers_v
from lungscope.data.split import UNKNOWN_SOURCE, SplitEntry
from lungscope.training.loading import make_batches
from lungscope.training.scoring import BATCH, compute_features

STRONG = 0.5
"""Cramér's V from which class and source are strongly associated (Cohen, 1988)."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class SourceProbe:
    """What a model's features predict of the source.

    Attributes:
        overall: probe of all images, by their features.
        class_alone: the same, given the true class and nothing else: what `overall` reaches if the
            features predict the class alone.
        within: probes of the images of each class, by their features; None where fewer than two
            sources have images of the class in five groups or more.
        left_out: number of images that were not probed, because their source is unknown or has
            fewer groups.
    """

    overall: Probe
    class_alone: Probe
    within: dict[str, Probe | None]
    left_out: int


@dataclass(frozen=True)
class Sources:
    """How sources lie on classes, and what the features predict of them.

    Attributes:
        images: class -> source -> images of the whole split; those of no known source are counted
            under the source "unknown".
        association: Cramér's V of class and source over the whole split, in [0, 1]; None if no
            source is known.
        probe: what the model's features predict; None if fewer than two sources have groups enough
            among the validation and test images.
    """

    images: dict[str, dict[str, int]]
    association: float | None
    probe: SourceProbe | None


def probe_sources(
    features: Values, entries: Sequence[SplitEntry], classes: Sequence[str], seed: int = 0
) -> SourceProbe | None:
    """Trains linear probes for the source and tests each on groups that it has not seen.

    Args:
        features: (N, F) of images that the network was not trained on.
        entries: those images, in the same order.
        classes: names of the labels.
        seed: seed of the folds.

    Returns:
        None if fewer than two sources have five groups or more among the entries.
    """
    labels = np.array([entry.label for entry in entries])
    everywhere = select_probed(entries, np.ones(len(entries), dtype=np.bool_))
    if everywhere is None:
        return None
    of_class = {
        name: select_probed(entries, labels == number) for number, name in enumerate(classes)
    }
    return SourceProbe(
        overall=probe_source(features, everywhere, seed),
        class_alone=probe_source(np.eye(len(classes))[labels], everywhere, seed),
        within={
            name: None if probed is None else probe_source(features, probed, seed)
            for name, probed in of_class.items()
        },
        left_out=len(entries) - len(everywhere.rows),
    )


def measure_sources(context: Context) -> Sources:
    """Counts images by class and source, and probes the features of held-out images."""
    entries, classes = context.split.entries, context.split.classes
    counts: dict[str, Counter[str]] = {name: Counter() for name in classes}
    for entry in entries:
        counts[classes[entry.label]][entry.source or UNKNOWN_SOURCE] += 1
    known = any(entry.source for entry in entries)
    return Sources(
        images={name: dict(sources) for name, sources in counts.items()},
        association=cramers_v(
            [classes[entry.label] for entry in entries],
            [entry.source or UNKNOWN_SOURCE for entry in entries],
        )
        if known
        else None,
        probe=_probe_held_out(context),
    )


def _probe_held_out(context: Context) -> SourceProbe | None:
    # images that the network was not trained on: features of training images predict more
    held_out = (*context.split.subset("validation"), *context.split.subset(AUDITED))
    if not any(entry.source for entry in held_out):
        return None
    checkpoint = context.checkpoint
    features = compute_features(
        checkpoint.network,
        checkpoint.description.preprocessing,
        make_batches(context.cache, held_out, BATCH),
        context.device,
    )
    return probe_sources(features, held_out, context.split.classes)


def conclude_sources(sources: Sources, _: Performance) -> Sequence[Finding]:
    """Asks whether the model can predict where an image was made."""
    threshold = (
        "Warns if features predict the source within a class (the interval lies above chance); "
        f"fails if class and source are also associated (Cramér's V of {STRONG} or more), because "
        "the model could then score by the source. Where no class can be probed it fails if they "
        "are so associated, because nothing separates the two, and is not measured otherwise. "
        "Passes only if the interval stays below half of the way from chance to certainty, else "
        "warns that more cannot be excluded."
    )
    about = ("source-probe", "Can the model predict where an image was made?")
    if sources.association is None:
        return (Finding(*about, "not-measured", "No image's source is known.", threshold),)
    probe, strong = sources.probe, sources.association >= STRONG
    within = {} if probe is None else {name: p for name, p in probe.within.items() if p is not None}
    together = (
        f"The association of class and source is Cramér's V {sources.association:.2f}"
        f"{_with_unknown(sources.images)}."
    )
    if not within:
        why = _why_not_probed(sources.images)
        if not strong:
            return (Finding(*about, "not-measured", f"{why} {together}", threshold),)
        statement = (
            f"{together} {why} It cannot be determined whether the model recognises the class or "
            "the source."
        )
        return (Finding(*about, "fail", statement, threshold),)
    verdict: Verdict = "pass"
    doubt = ""
    if any(each.above_chance for each in within.values()):
        verdict = "fail" if strong else "warn"
    elif any(_may_predict(each) for each in within.values()):
        verdict = "warn"
        doubt = " That they predict much of the source cannot be excluded: too few images."
    probes = "; ".join(
        f"{each.balanced_accuracy:.1%} within {name} (chance {100 * each.chance:.0f} %)"
        for name, each in within.items()
    )
    statement = (
        "A linear probe of the model's features predicts the source with a balanced accuracy of "
        f"{probes}.{doubt} {together}"
    )
    return (Finding(*about, verdict, statement, threshold),)


def _why_not_probed(images: Mapping[str, Mapping[str, int]]) -> str:
    by_class = {name: set(sources) - {UNKNOWN_SOURCE} for name, sources in images.items()}
    named = set().union(*by_class.values())
    if len(named) < 2:
        return f"The data names only one source: {''.join(named)}."
    if all(len(sources) < 2 for sources in by_class.values()):
        return "No class has images of two sources."
    return (
        "There are too few groups to probe: a class needs two sources with "
        f"{FOLDS} groups or more each among its validation and test images."
    )


def _with_unknown(images: Mapping[str, Mapping[str, int]]) -> str:
    unknown = any(UNKNOWN_SOURCE in sources for sources in images.values())
    return ", with images of unknown source counted as one more source" if unknown else ""


def _may_predict(probe: Probe) -> bool:
    return probe.balanced_accuracy.high > probe.chance + HALF * (1 - probe.chance)


register_check(Check("source-probe", Sources, measure_sources, conclude_sources, order=20))
