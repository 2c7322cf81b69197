"""Findings on the test itself: whether it was apart from the training, and large enough."""

from lungscope.audit.audit import Measured
from lungscope.audit.finding import Finding, Verdict
from lungscope.audit.wording import limit, percent

WIDTH = 0.10
"""An interval's width that is no longer small."""


def leaked(measured: Measured) -> Finding:
    """Whether pictures or groups lie in two subsets of the split."""
    leaks = measured.leaks
    verdict: Verdict = "pass"
    if leaks.found:
        verdict = "fail"
    elif leaks.unseen or not leaks.grouped:
        verdict = "warn"
    told = [
        f"{len(leaks.pairs)} images and {len(leaks.groups)} groups are in two subsets"
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
        "Fails where a picture (equal or a near-duplicate) or a group lies in two subsets; warns "
        "where files could not be looked at or no patients are named.",
    )


def large_enough(measured: Measured) -> Finding:
    """Whether the interval of the accuracy is narrow enough."""
    accuracy, images = measured.accuracy, len(measured.predictions.files)
    width = accuracy.high - accuracy.low
    return Finding(
        "test-size",
        "Are there enough test images?",
        "warn" if width > WIDTH else "pass",
        f"Accuracy {percent(accuracy)} on {images:,} images in {measured.by_group.groups:,} "
        f"groups: an interval {100 * width:.1f} points wide.",
        f"Warns where the 95 % interval of the accuracy is wider than {limit(WIDTH)}.",
    )
