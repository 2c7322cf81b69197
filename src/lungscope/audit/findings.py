"""What an audit concludes: one finding a question, each with its threshold in words.

Thresholds are conventions. They are set so that a model of lungs passes, and so that what a reader
of an accuracy would want to be told of is never passed over.
"""

from lungscope.audit.audit import Measured
from lungscope.audit.baselines import Baseline
from lungscope.audit.finding import Finding, Verdict
from lungscope.audit.masking import Masked
from lungscope.evaluation.bootstrap import Estimate

HALF = 0.5
"""Of the accuracy above the majority class: what a shortcut may not earn."""

STRONG = 0.5
"""Cramér's V from which class and source go together strongly (Cohen, 1988)."""

_SHOWN = {
    "thumbnail": "a 32 x 32 thumbnail",
    "border": "nothing but the border",
    "statistics": "nothing but image statistics and the size of the file",
}

DROP, GAP, WIDTH = 0.05, 0.05, 0.10
"""A loss of accuracy, a gap between sources and an interval's width that are no longer small."""


def findings(measured: Measured) -> tuple[Finding, ...]:
    """Draws the conclusions, in the order in which a person should read them."""
    return (
        *(_baseline(measured, each) for each in measured.baselines if each.name != "majority"),
        *(_mask(measured, each) for each in measured.masks),
        _confounded(measured),
        _sources(measured),
        _leaks(measured),
        _robustness(measured),
        _size(measured),
    )


def earned(measured: Measured, accuracy: float) -> float | None:
    """The share of the model's accuracy above the majority class that another accuracy reaches.

    Returns:
        1 where it is the model's own; None where the model is no better than the majority class.
    """
    majority = _majority(measured).accuracy.value
    above = measured.accuracy.value - majority
    return (accuracy - majority) / above if above > 0 else None


def _majority(measured: Measured) -> Baseline:
    return next(each for each in measured.baselines if each.name == "majority")


def _baseline(measured: Measured, baseline: Baseline) -> Finding:
    gain, share = measured.gains[baseline.name], earned(measured, baseline.accuracy.value)
    verdict: Verdict = "pass"
    if share is None or gain.low <= 0:
        verdict = "fail"
    elif share > HALF:
        verdict = "warn"
    of_it = "" if share is None else f" That is {100 * max(0.0, share):.0f} % of the way from the "
    of_it += "" if share is None else "majority class to the model."
    return Finding(
        f"{baseline.name}-baseline",
        f"How far does one get with {_SHOWN[baseline.name]}?",
        verdict,
        f"A classifier that sees {_SHOWN[baseline.name]} has an accuracy of "
        f"{_percent(baseline.accuracy)}; the model's {_share(measured.accuracy.value)} is "
        f"{_points(gain)} points more.{of_it}",
        "Warns where it earns more than half of what the model has above the majority class; fails "
        "where the model is not distinguishably better (the paired interval reaches 0).",
    )


def _mask(measured: Measured, masked: Masked) -> Finding:
    return _centre(measured, masked) if masked.name == "centre" else _outside(masked)


def _centre(measured: Measured, masked: Masked) -> Finding:
    accuracy, majority = masked.effect.accuracy, _majority(measured).accuracy.value
    share = earned(measured, accuracy.value)
    verdict: Verdict = "pass"
    if share is None or share > HALF:
        verdict = "fail"
    elif accuracy.low > majority:
        verdict = "warn"
    return Finding(
        "centre-masked",
        "What does the model know without the lungs?",
        verdict,
        f"With only the border left to see, the model's accuracy is {_percent(accuracy)}; the "
        f"majority class alone has {_share(majority)}. (A high value shows that it reads the "
        "border; a low one does not show that it never does: no training image looks so.)",
        "Warns where its interval lies above the majority class; fails where more than half of the "
        "accuracy above the majority class is left.",
    )


def _outside(masked: Masked) -> Finding:
    effect = masked.effect
    verdict: Verdict = "pass"
    if effect.difference.high < 0:
        verdict = "fail" if effect.difference.value < -DROP else "warn"
    return Finding(
        f"{masked.name}-masked",
        f"Does the model need the {masked.name}?",
        verdict,
        f"With the {masked.name} masked its accuracy changes by {_points(effect.difference)} "
        f"points; {_share(effect.flips.value)} of the answers change.",
        f"Warns where the accuracy falls (the paired interval leaves 0 out); fails where it falls "
        f"by more than {100 * DROP:.0f} points.",
    )


def _confounded(measured: Measured) -> Finding:
    threshold = (
        "Warns where features tell the source within a class (the interval lies above chance); "
        f"fails where class and source also go together (Cramér's V of {STRONG} or more): then "
        "the model could score by the source."
    )
    about = ("source-probe", "Can the model tell where an image was made?")
    if measured.probe is None or measured.confounding is None:
        return Finding(
            *about, "not-measured", "The data names no two sources to tell apart.", threshold
        )
    within = {name: each for name, each in measured.probe.within.items() if each is not None}
    together = f"Class and source go together with Cramér's V {measured.confounding:.2f}."
    if not within:
        return Finding(
            *about,
            "fail" if measured.confounding >= STRONG else "not-measured",
            f"{together} No class has images of two sources, so that there is no telling whether "
            "the model sees the class or the source.",
            threshold,
        )
    verdict: Verdict = "pass"
    if any(each.tells for each in within.values()):
        verdict = "fail" if measured.confounding >= STRONG else "warn"
    probes = "; ".join(
        f"within {name} {_percent(each.balanced_accuracy)} (chance {100 * each.chance:.0f} %)"
        for name, each in within.items()
    )
    return Finding(
        *about,
        verdict,
        f"A linear probe on its features names the source with a balanced accuracy of {probes}. "
        f"{together}",
        threshold,
    )


def _sources(measured: Measured) -> Finding:
    threshold = (
        "Warns where the interval of the largest gap between two sources, in accuracy or in a "
        f"class's recall, leaves 0 out; fails where all of it lies above {100 * GAP:.0f} points."
    )
    about = ("by-source", "Is it as good on every source?")
    found = measured.by_source
    gaps = [] if found is None else [("accuracy", found.accuracy_gap)]
    gaps += [] if found is None else [(f"recall of {n}", g) for n, g in found.recall_gaps.items()]
    known = [(what, gap) for what, gap in gaps if gap is not None]
    if not known:
        return Finding(
            *about, "not-measured", "The data names no two sources to compare.", threshold
        )
    what, gap = max(known, key=lambda each: each[1].difference.low)
    least = gap.difference.low
    verdict: Verdict = "fail" if least > GAP else "warn" if least > 0 else "pass"
    absent = "" if found is None or not found.absent else f" {'; '.join(found.absent)}."
    return Finding(
        *about,
        verdict,
        f"The most certain gap is in {what}: {gap.higher} is {_points(gap.difference)} points "
        f"above {gap.lower}.{absent}",
        threshold,
    )


def _leaks(measured: Measured) -> Finding:
    leaks = measured.leaks
    verdict: Verdict = "pass"
    if leaks.found:
        verdict = "fail"
    elif leaks.unseen or not leaks.grouped:
        verdict = "warn"
    told = [
        f"{len(leaks.pairs)} pictures and {len(leaks.groups)} groups lie on two sides of the split"
        f" ({leaks.images:,} images looked at)."
    ]
    if leaks.pairs:
        told.append(f"The first: {leaks.pairs[0].first} and {leaks.pairs[0].second}.")
    if leaks.groups:
        told.append(f"The first group: {leaks.groups[0].group}.")
    if leaks.unseen:
        told.append(f"{len(leaks.unseen)} of the split's files could not be looked at.")
    if not leaks.grouped:
        told.append("The data names no patients: two films of one are not recognised.")
    return Finding(
        "leaks",
        "Was it tested on what it was trained on?",
        verdict,
        " ".join(told),
        "Fails where a picture (equal or a near-duplicate) or a group lies on two sides; warns "
        "where files could not be looked at or no patients are named.",
    )


def _robustness(measured: Measured) -> Finding:
    mild = [
        (response.title, level)
        for response in measured.robustness.responses
        for level in response.levels
        if level.strength <= 2
    ]
    title, level = min(mild, key=lambda each: each[1].effect.difference.value)
    found = level.effect.difference
    verdict: Verdict = "pass"
    if found.high < 0 and found.value < -DROP:
        verdict = "fail" if found.value < -2 * DROP else "warn"
    return Finding(
        "robustness",
        "Does it bear images a little worse?",
        verdict,
        f"Of perturbations that a reader would hardly mind, {title.lower()} of strength "
        f"{level.strength} costs most: {_points(found)} points. Over all kinds and strengths the "
        f"accuracy is {_percent(measured.robustness.average)}.",
        f"Warns where one of strength 1 or 2 costs more than {100 * DROP:.0f} points, fails "
        f"where it costs more than {200 * DROP:.0f} (and the paired interval leaves 0 out).",
    )


def _size(measured: Measured) -> Finding:
    accuracy, images = measured.accuracy, len(measured.predictions.files)
    width = accuracy.high - accuracy.low
    return Finding(
        "test-size",
        "Are there enough test images?",
        "warn" if width > WIDTH else "pass",
        f"Accuracy {_percent(accuracy)} on {images:,} images in {measured.by_group.groups:,} "
        f"groups: an interval {100 * width:.1f} points wide.",
        f"Warns where the 95 % interval of the accuracy is wider than {100 * WIDTH:.0f} points.",
    )


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _percent(estimate: Estimate) -> str:
    return f"{100 * estimate.value:.1f} % ({100 * estimate.low:.1f} to {100 * estimate.high:.1f})"


def _points(estimate: Estimate) -> str:
    return f"{100 * estimate.value:+.1f} ({100 * estimate.low:+.1f} to {100 * estimate.high:+.1f})"
