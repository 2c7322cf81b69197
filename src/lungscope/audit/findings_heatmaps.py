"""Findings on heatmaps: whether they point at what the model uses, and hang on what it learned."""

from lungscope.audit.audit import Measured
from lungscope.audit.faithfulness import Comparison, Faithfulness
from lungscope.audit.finding import Finding, Verdict
from lungscope.audit.heatmaps import PLACES
from lungscope.audit.majority import HALF, UNLEARNED, unlearned
from lungscope.audit.randomisation import Randomisation
from lungscope.audit.wording import limit, percent, points
from lungscope.estimate import Estimate
from lungscope.evaluation.proportions import FEW

ADVANTAGE = 0.05
"""Of an area that lies between 0 and 1: less is no longer worth a heatmap."""

QUARTER = 0.25
"""Of the way from unrelated maps to equal ones: maps that are farther apart are not alike."""

_NO_HEATMAP = (
    f"The model has no class activation map, or at this size of images one of fewer than {PLACES} "
    "places: there is no heatmap to ask."
)
_PUT_OFF = (
    f"Warns with fewer than {FEW} groups. Not measured where there is no class activation map of "
    f"{PLACES} places or more, and {UNLEARNED}."
)


def faithful(measured: Measured) -> Finding:
    """Whether a model's answers hang on the places that its heatmaps point at."""
    threshold = (
        "Passes where heat does better than the same map displaced, in deletion and in insertion "
        "(the paired intervals leave 0 out); fails where in one of them it does not and an "
        f"advantage of more than {limit(ADVANTAGE)} is excluded; else warns that there is no "
        f"telling. {_PUT_OFF}"
    )
    about = ("heatmap-faithfulness", "Do the heatmaps point at what the model uses?")
    found = measured.faithfulness
    if found is None:
        return Finding(*about, "not-measured", _NO_HEATMAP, threshold)
    if reason := unlearned(measured):
        return Finding(*about, "not-measured", reason, threshold)
    verdict = _faithful(found)
    told = [
        "Hidden from the hottest place on, images keep a mean probability of the model's answer of "
        f"{_against(found.deletion)}; uncovered so, they reach {_against(found.insertion)}."
    ]
    if verdict == "pass":
        told.append("That is where the model looks, be it lung or not.")
    if verdict == "warn":
        told.append("There is no telling whether heat does better: too few images.")
    told.append(_asked(found))
    return Finding(*about, verdict, " ".join(told), threshold)


def dependent(measured: Measured) -> Finding:
    """Whether heatmaps become others when the model forgets what it has learned."""
    threshold = (
        "With everything random: fails where the likeness lies more than half of the way from that "
        "of unrelated maps to 1; passes where its interval stays below a quarter of that way; else "
        f"warns that the maps may keep much. {_PUT_OFF}"
    )
    about = ("heatmap-randomisation", "Do the heatmaps depend on what the model has learned?")
    found = measured.randomisation
    if found is None:
        return Finding(*about, "not-measured", _NO_HEATMAP, threshold)
    if reason := unlearned(measured):
        return Finding(*about, "not-measured", reason, threshold)
    first, last = found.depths[0].likeness, found.depths[-1].likeness
    return Finding(
        *about,
        _dependent(found),
        "The likeness of heatmaps to the trained model's (rank correlation, in absolute value) is "
        f"{_number(first)} with the classifier random, and {_number(last)} with every layer random;"
        f" that of unrelated maps is {found.chance:.2f}. {_asked(found)}",
        threshold,
    )


def _faithful(found: Faithfulness) -> Verdict:
    advantages = (found.deletion.advantage, found.insertion.advantage)
    if found.groups < FEW:
        return "warn"
    if any(each.low <= 0 and each.high < ADVANTAGE for each in advantages):
        return "fail"
    return "pass" if all(each.low > 0 for each in advantages) else "warn"


def _dependent(found: Randomisation) -> Verdict:
    last = found.depths[-1].likeness
    if found.groups < FEW:
        return "warn"
    if last.value > found.chance + HALF * (1 - found.chance):
        return "fail"
    return "pass" if last.high < found.chance + QUARTER * (1 - found.chance) else "warn"


def _against(compared: Comparison) -> str:
    return (
        f"{percent(compared.by_heat.area)} on the way, against "
        f"{percent(compared.by_displaced.area)} by the same map displaced: "
        f"{points(compared.advantage)} points in favour of heat"
    )


def _asked(found: Faithfulness | Randomisation) -> str:
    return f"({found.images} images in {found.groups} groups.)"


def _number(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"
