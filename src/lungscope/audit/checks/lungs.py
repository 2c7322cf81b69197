"""Whether the model judges by the lungs: without them, with them alone, and with another's."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lungscope.audit.check import Check, register_check
from lungscope.audit.context import Context
from lungscope.audit.effect import Effect, compute_effect, correct, mean
from lungscope.audit.finding import AuditFigure, Finding, Verdict
from lungscope.audit.lung_images import (
    Images,
    LungImages,
    draw_donors,
    find_lungs,
    hide,
    transplant,
)
from lungscope.audit.performance import (
    EXCLUDED,
    HALF,
    LARGE_DROP,
    NOT_ASKED,
    Performance,
    explain_doubt,
    may_drop,
    points,
)
from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.subset_predictions import predict_subset
from lungscope.figures.accuracies import AccuracyRow, draw_accuracies
from lungscope.text import format_percent, format_quantity

_NO_LUNGS = "The lungs were found on none of the test images."
_NO_PAIRS = "No class has test images of two sources, with two groups of one of them."
_MASK = "part of the drop may come from the mask itself, which no training image has."


@dataclass(frozen=True)
class Transplants:
    """The model on images that show the lungs of another patient of their class.

    Attributes:
        images: number of images that have a donor of each kind.
        groups: number of their groups.
        same: effect of lungs from the same source.
        other: effect of lungs from another source, against those from the same source.
    """

    images: int
    groups: int
    same: Effect
    other: Effect


@dataclass(frozen=True)
class LungEffects:
    """What becomes of the accuracy where the lungs, or all but the lungs, are not the image's own.

    Attributes:
        images: number of test images on which both lungs were found.
        groups: number of their groups.
        missed: number of test images on which they were not.
        accuracy: on the images as they are.
        hidden: effect of hiding the lungs.
        alone: effect of hiding all but the lungs.
        transplants: the lungs of another patient; None if no image has a donor of each kind.
    """

    images: int
    groups: int
    missed: int
    accuracy: Estimate
    hidden: Effect
    alone: Effect
    transplants: Transplants | None


def measure_lungs(context: Context) -> LungEffects | None:
    """Finds the lungs and runs the model over changed images; None if they are found nowhere."""
    on_progress = context.progress("finding lungs")
    return compute_lung_effects(context, find_lungs(context.cache, context.entries, on_progress))


def compute_lung_effects(context: Context, images: LungImages) -> LungEffects | None:
    """Runs the model over images with lungs hidden, alone and transplanted.

    Args:
        context: the model and its predictions for the test images as they are.
        images: those of them whose lungs are known.

    Returns:
        None if there are none.
    """
    if not images.entries:
        return None
    whole: NDArray[np.bool_] = np.any(images.lungs, axis=1)
    clean = context.predictions.take(images.rows)
    resampling = Resampling.over(clean.groups)
    hidden = _predict(context, images, hide(images.pixels, whole))
    alone = _predict(context, images, hide(images.pixels, np.logical_not(whole)))
    return LungEffects(
        images=len(images.entries),
        groups=len(set(clean.groups)),
        missed=len(context.entries) - len(images.entries),
        accuracy=mean(correct(clean), resampling),
        hidden=compute_effect(clean, hidden, resampling),
        alone=compute_effect(clean, alone, resampling),
        transplants=_transplant(context, images, clean),
    )


def _transplant(context: Context, images: LungImages, clean: Predictions) -> Transplants | None:
    donors = draw_donors(images.entries)
    rows = donors.recipients
    if not len(rows):
        return None

    def predict(given: NDArray[np.intp]) -> Predictions:
        changed = images.pixels.copy()
        for row, donor in zip(rows.tolist(), given.tolist(), strict=True):
            changed[row] = transplant(
                images.pixels[row], images.lungs[row], images.pixels[donor], images.lungs[donor]
            )
        return _predict(context, images, changed).take(rows)

    before = clean.take(rows)
    resampling = Resampling.over(before.groups)
    same, other = predict(donors.same), predict(donors.other)
    return Transplants(
        images=len(rows),
        groups=len(set(before.groups)),
        same=compute_effect(before, same, resampling),
        other=compute_effect(same, other, resampling),
    )


def _predict(context: Context, images: LungImages, pixels: Images) -> Predictions:
    return predict_subset(context.checkpoint, images.cache(pixels), images.entries, context.device)


def conclude_lungs(found: LungEffects | None, performance: Performance) -> Sequence[Finding]:
    """Asks how far the model gets without the lungs, with them alone, and with another's."""
    return (
        _conclude_hidden(found, performance),
        _conclude_alone(found, performance),
        _conclude_transplants(None if found is None else found.transplants, performance),
    )


def _conclude_hidden(found: LungEffects | None, performance: Performance) -> Finding:
    threshold = (
        "Warns if the interval lies above the accuracy of the majority class, or reaches to where "
        "more than half of the accuracy above the majority class would be kept, so that this "
        f"cannot be excluded; fails if more than half is kept; {NOT_ASKED}."
    )
    about = ("lungs-hidden", "How accurate is the model without the lungs?")
    if found is None:
        return Finding(*about, "not-measured", _NO_LUNGS, threshold)
    if reason := performance.nothing_learned():
        return Finding(*about, "not-measured", reason, threshold)
    accuracy, majority = found.hidden.accuracy, performance.majority.value
    kept = performance.proportion_reached(accuracy.value) or 0.0
    most = performance.proportion_reached(accuracy.high) or 0.0
    verdict: Verdict = "pass"
    doubt = ""
    if kept > HALF:
        verdict = "fail"
    elif accuracy.low > majority:
        verdict = "warn"
    elif most > HALF:
        verdict = "warn"
        doubt = (
            " It cannot be excluded that it keeps more than half of its accuracy above the "
            "majority class: too few images."
        )
    return Finding(
        *about,
        verdict,
        f"With the lungs hidden, the model's accuracy is {accuracy:.1%}; as the images are, it is "
        f"{found.accuracy:.1%}, and that of the majority class is {format_percent(majority)}."
        f"{doubt} (A high value shows that the model uses what is outside the lungs, or their "
        f"outline; a low one does not show that it never does: {_MASK})"
        f"{_describe_images(found)}",
        threshold,
    )


def _conclude_alone(found: LungEffects | None, performance: Performance) -> Finding:
    threshold = (
        "Warns if the accuracy drops (the paired interval excludes 0); fails if it drops by more "
        f"than {points(LARGE_DROP)}; {EXCLUDED}; {NOT_ASKED}."
    )
    about = ("lungs-alone", "Does the model need what is outside the lungs?")
    if found is None:
        return Finding(*about, "not-measured", _NO_LUNGS, threshold)
    if reason := performance.nothing_learned():
        return Finding(*about, "not-measured", reason, threshold)
    verdict, doubt = _judge_drop(found.alone.difference, performance)
    by_mask = f" {_MASK.capitalize()}" if found.alone.difference.value < 0 else ""
    return Finding(
        *about,
        verdict,
        "With everything but the lungs hidden, the accuracy changes by "
        f"{found.alone.difference:+.1pp}; {format_percent(found.alone.flips.value)} of the "
        f"predictions change.{by_mask}{doubt}{_describe_images(found)}",
        threshold,
    )


def _conclude_transplants(found: Transplants | None, performance: Performance) -> Finding:
    threshold = (
        "Warns if the accuracy with lungs from another source is below that with lungs from the "
        "same source (the paired interval excludes 0); fails if it is by more than "
        f"{points(LARGE_DROP)}; {EXCLUDED}; {NOT_ASKED}."
    )
    about = ("lungs-transplanted", "Does it matter from which source the surroundings are?")
    if found is None:
        return Finding(*about, "not-measured", _NO_PAIRS, threshold)
    if reason := performance.nothing_learned():
        return Finding(*about, "not-measured", reason, threshold)
    verdict, doubt = _judge_drop(found.other.difference, performance)
    images, groups = format_quantity(found.images, "image"), format_quantity(found.groups, "group")
    return Finding(
        *about,
        verdict,
        "With the lungs of another patient of the class, from the same source, the accuracy is "
        f"{found.same.accuracy:.1%}; with lungs from another source it is "
        f"{found.other.accuracy:.1%}, a difference of {found.other.difference:+.1pp}; "
        f"{format_percent(found.other.flips.value)} of the predictions differ.{doubt} "
        f"({images} in {groups}.)",
        threshold,
    )


def _judge_drop(change: Estimate, performance: Performance) -> tuple[Verdict, str]:
    if change.high < 0:
        return ("fail" if change.value < -LARGE_DROP else "warn"), ""
    if may_drop(change, performance):
        return "warn", f" {explain_doubt(performance)}"
    return "pass", ""


def _describe_images(found: LungEffects) -> str:
    if not found.missed:
        return ""
    missed = format_quantity(found.missed, "image")
    return (
        f" Measured on {format_quantity(found.images, 'image')}; on {missed} no lungs were found."
    )


def draw_lungs(found: LungEffects | None, context: Context, folder: Path) -> Sequence[AuditFigure]:
    """Draws the accuracies side by side; no figure if no lungs were found."""
    if found is None:
        return ()
    rows = [
        AccuracyRow("images as they are", found.accuracy, "model"),
        AccuracyRow("everything but the lungs hidden", found.alone.accuracy, "masked"),
        AccuracyRow("lungs hidden", found.hidden.accuracy, "masked"),
    ]
    if found.transplants is not None:
        rows += [
            AccuracyRow("lungs of the same source", found.transplants.same.accuracy, "masked"),
            AccuracyRow("lungs of another source", found.transplants.other.accuracy, "masked"),
        ]
    draw_accuracies(folder / "lungs.png", rows, context.title(found.images))
    told = "; ".join(f"{row.name}: {row.accuracy:.1%}" for row in rows)
    figure = AuditFigure(
        "lungs",
        f"Accuracy. {told}.",
        "The model's accuracy with everything but the lungs hidden, with the lungs hidden, and "
        "with lungs of another patient of the same class; with 95 % intervals.",
    )
    return (figure,)


register_check(Check("lungs", LungEffects, measure_lungs, conclude_lungs, draw_lungs, order=15))
