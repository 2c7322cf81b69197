"""Findings on sources: whether the model can tell them, and whether it is as good on each."""

import math
from collections.abc import Mapping
from itertools import permutations

from lungscope.audit.audit import Measured
from lungscope.audit.finding import Finding, Verdict
from lungscope.audit.majority import HALF, UNLEARNED, unlearned
from lungscope.audit.source_probe import FOLDS, Probe
from lungscope.audit.subgroups import UNKNOWN, BySource, Gap, SourceScores
from lungscope.audit.wording import limit, percent, points
from lungscope.estimate import Estimate

STRONG = 0.5
"""Cramér's V from which class and source go together strongly (Cohen, 1988)."""

GAP = 0.05
"""A gap between sources that is no longer small."""


def source_told(measured: Measured) -> Finding:
    """Whether the model can tell where an image was made."""
    threshold = (
        "Warns where features tell the source within a class (the interval lies above chance); "
        f"fails where class and source also go together (Cramér's V of {STRONG} or more): then "
        "the model could score by the source. Where no class can be asked it fails if they go "
        "together so, for nothing tells them apart, and is not measured otherwise. Passes only "
        "where the interval stays below half of the way from chance to certainty, else warns that "
        "more cannot be excluded."
    )
    about = ("source-probe", "Can the model tell where an image was made?")
    if measured.confounding is None:
        return Finding(*about, "not-measured", "No image's source is known.", threshold)
    probe, strong = measured.probe, measured.confounding >= STRONG
    within = {} if probe is None else {name: p for name, p in probe.within.items() if p is not None}
    together = (
        f"Class and source go together with Cramér's V {measured.confounding:.2f}"
        f"{_with_unknown(measured.origins)}."
    )
    if not within:
        why = _unasked(measured.origins)
        if not strong:
            return Finding(*about, "not-measured", f"{why} {together}", threshold)
        told = (
            f"{together} {why} There is no telling whether the model sees the class or the source."
        )
        return Finding(*about, "fail", told, threshold)
    verdict: Verdict = "pass"
    doubt = ""
    if any(each.tells for each in within.values()):
        verdict = "fail" if strong else "warn"
    elif any(_may_tell(each) for each in within.values()):
        verdict = "warn"
        doubt = " That they tell much of the source cannot be excluded: too few images."
    probes = "; ".join(
        f"within {name} {percent(each.balanced_accuracy)} (chance {100 * each.chance:.0f} %)"
        for name, each in within.items()
    )
    return Finding(
        *about,
        verdict,
        "A linear probe on its features names the source with a balanced accuracy of "
        f"{probes}.{doubt} {together}",
        threshold,
    )


def alike_by_source(measured: Measured) -> Finding:
    """Whether the model is as good on every source."""
    threshold = (
        "Warns where the interval of the most certain gap between two sources, in accuracy or in a "
        f"class's recall, leaves 0 out; fails where all of it lies above {limit(GAP)}; passes only "
        f"where no interval of a gap reaches beyond {limit(GAP)}, else warns that it cannot be "
        "excluded. Not measured where no gap is certain and no class has test images of two "
        f"sources, and {UNLEARNED}."
    )
    about = ("by-source", "Is it as good on every source?")
    found = measured.by_source
    if found is None or found.accuracy_gap is None:
        return Finding(*about, "not-measured", _alone(found), threshold)
    if reason := unlearned(measured):
        return Finding(*about, "not-measured", reason, threshold)
    gaps = _recall_gaps(found)
    what, gap = max(
        {"accuracy": found.accuracy_gap, **gaps}.items(), key=lambda each: each[1].difference.low
    )
    told = [
        f"The most certain gap is in {what}: {gap.higher} is {points(gap.difference)} points above "
        f"{gap.lower}."
    ]
    where, widest = max(_reaches(found.sources).items(), key=lambda each: each[1])
    verdict: Verdict = "pass"
    if gap.difference.low > 0:
        verdict = "fail" if gap.difference.low > GAP else "warn"
    elif not gaps:
        verdict = "not-measured"
    elif widest > GAP:
        verdict = "warn"
        told.append(
            f"A gap of up to {100 * widest:.1f} points in {where} cannot be excluded: "
            "too few images."
        )
    if not gaps:
        told.append(
            "No class has test images of two sources, so that a gap between sources cannot be told "
            "from one between classes."
        )
    elif found.absent:
        told.append(f"{'; '.join(found.absent)}.")
    return Finding(*about, verdict, " ".join(told), threshold)


def _unasked(origins: Mapping[str, Mapping[str, int]]) -> str:
    """Why the probe could be asked within no class."""
    of_class = {name: set(sources) - {UNKNOWN} for name, sources in origins.items()}
    named = set().union(*of_class.values())
    if len(named) < 2:
        return f"The data names one source only: {''.join(named)}."
    if all(len(sources) < 2 for sources in of_class.values()):
        return "No class has images of two sources."
    return (
        "Too few groups to probe: it takes a class with two sources that have "
        f"{FOLDS} groups or more each among its validation and test images."
    )


def _with_unknown(origins: Mapping[str, Mapping[str, int]]) -> str:
    unknown = any(UNKNOWN in sources for sources in origins.values())
    return ", images of unknown source counted as one more source" if unknown else ""


def _may_tell(probe: Probe) -> bool:
    return probe.balanced_accuracy.high > probe.chance + HALF * (1 - probe.chance)


def _alone(found: BySource | None) -> str:
    """Why there is no gap: there are not two sources among the test images."""
    if found is None:
        return "No test image's source is known."
    return f"All test images are of one source: {found.sources[0].source}."


def _recall_gaps(found: BySource) -> dict[str, Gap]:
    return {f"recall of {n}": gap for n, gap in found.recall_gaps.items() if gap is not None}


def _reaches(sources: tuple[SourceScores, ...]) -> dict[str, float]:
    """By what is compared, the largest gap between any two sources that is not excluded.

    That all gaps are small follows where each by itself is shown to be (an intersection-union
    test: Berger, 1982, Technometrics 24), so intervals are not widened by the number of pairs.
    """
    compared = {"accuracy": [each.accuracy.share for each in sources]} | {
        f"recall of {name}": [
            cell.share for each in sources if (cell := each.recall[name]) is not None
        ]
        for name in sources[0].recall
    }
    return {
        what: max(_most(higher, lower) for higher, lower in permutations(shares, 2))
        for what, shares in compared.items()
        if len(shares) > 1
    }


def _most(first: Estimate, second: Estimate) -> float:
    """The upper end of the interval of first - second, made of theirs as a `Gap`'s is."""
    above, below = first.high - first.value, second.value - second.low
    return first.value - second.value + math.hypot(above, below)
