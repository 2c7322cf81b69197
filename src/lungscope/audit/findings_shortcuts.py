"""Findings on shortcuts: how far one gets without the lung, by another classifier or by the model.

The other classifiers are the baselines; of the model itself the border is all that is left to see.
"""

from lungscope.audit.audit import Measured
from lungscope.audit.baselines import Baseline
from lungscope.audit.finding import Finding, Verdict
from lungscope.audit.majority import HALF, UNLEARNED, earned, majority, unlearned
from lungscope.audit.masking import Masked
from lungscope.audit.wording import compared, percent, share

_SHOWN = {
    "thumbnail": "a 32 x 32 thumbnail",
    "border": "nothing but the border",
    "statistics": "nothing but image statistics and the size of the file",
}


def without_lung(measured: Measured, baseline: Baseline) -> Finding:
    """Whether a classifier without a view of the lung comes near the model."""
    gain, earns = measured.gains[baseline.name], earned(measured, baseline.accuracy.value)
    verdict: Verdict = "pass"
    if earns is None or gain.low <= 0:
        verdict = "fail"
    elif earns > HALF:
        verdict = "warn"
    shown = _SHOWN[baseline.name]
    way = (
        "The model is no better than the majority class "
        f"({share(majority(measured).accuracy.value)})."
        if earns is None
        else f"That is {100 * max(0.0, earns):.0f} % of the way from the majority class to the "
        "model."
    )
    return Finding(
        f"{baseline.name}-baseline",
        f"How far does one get with {shown}?",
        verdict,
        f"A classifier that sees {shown} has an accuracy of {percent(baseline.accuracy)}; the "
        f"model's {share(measured.accuracy.value)} is {compared(gain)}. {way}",
        "Warns where it earns more than half of what the model has above the majority class; fails "
        "where the model is not distinguishably better (the paired interval reaches 0).",
    )


def border_left(measured: Measured, masked: Masked) -> Finding:
    """Whether the model keeps its accuracy when only the border is left to see."""
    threshold = (
        "Warns where its interval lies above the majority class, or reaches to where more than "
        "half of the accuracy above the majority class would be left, which then cannot be "
        f"excluded; fails where more than half is left; {UNLEARNED}."
    )
    about = ("centre-masked", "What does the model know without the lungs?")
    if reason := unlearned(measured):
        return Finding(*about, "not-measured", reason, threshold)
    accuracy, least = masked.effect.accuracy, majority(measured).accuracy.value
    left, most = earned(measured, accuracy.value) or 0.0, earned(measured, accuracy.high) or 0.0
    verdict: Verdict = "pass"
    doubt = ""
    if left > HALF:
        verdict = "fail"
    elif accuracy.low > least:
        verdict = "warn"
    elif most > HALF:
        verdict = "warn"
        doubt = (
            " That more than half of what it has above the majority class is left cannot be "
            "excluded: too few images."
        )
    return Finding(
        *about,
        verdict,
        f"With only the border left to see, the model's accuracy is {percent(accuracy)}; the "
        f"majority class alone has {share(least)}.{doubt} (A high value shows that it reads the "
        "border; a low one does not show that it never does: a part of the fall may come from the "
        "mask itself, which no training image has.)",
        threshold,
    )
