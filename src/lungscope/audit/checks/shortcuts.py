"""How far a simpler classifier gets without the lung, and whether the model needs the corners."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lungscope.audit.baselines import fit_baselines
from lungscope.audit.check import Check, register_check
from lungscope.audit.context import Context
from lungscope.audit.effect import correct, difference
from lungscope.audit.finding import AuditFigure, Finding, Verdict
from lungscope.audit.masking import MaskedScore, predict_masked
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
from lungscope.figures.accuracies import AccuracyRow, draw_accuracies
from lungscope.text import format_percent, join_words

_INPUTS = {
    "thumbnail": "a 32 x 32 thumbnail",
    "border": "nothing but the border",
    "statistics": "nothing but image statistics and the size of the file",
}


@dataclass(frozen=True)
class BaselineScore:
    """A classifier that is shown next to nothing of the lung, beside the model.

    Attributes:
        name: identifier, e.g. "border".
        title: name for people, e.g. "border alone".
        sees: what it is shown, a sentence.
        accuracy: accuracy on the test images.
        gain: accuracy of the model - of the baseline, over the same draws.
    """

    name: str
    title: str
    sees: str
    accuracy: Estimate
    gain: Estimate


@dataclass(frozen=True)
class Shortcuts:
    """Accuracies without a view of the lung.

    Attributes:
        baselines: thumbnail, border, statistics, majority.
        masks: the model with the corners of the images hidden.
    """

    baselines: tuple[BaselineScore, ...]
    masks: tuple[MaskedScore, ...]


def measure_shortcuts(context: Context) -> Shortcuts:
    """Fits the baselines, and runs the model over masked images.

    Raises:
        UnreadableImage: a file cannot be read.
        LungscopeError: the network's scores are not finite.
    """
    own = correct(context.predictions)
    fitted = fit_baselines(
        context.split,
        context.cache,
        context.index.root,
        context.resampling,
        context.progress("fitting baselines"),
    )
    return Shortcuts(
        baselines=tuple(
            BaselineScore(
                each.name,
                each.title,
                each.sees,
                each.accuracy,
                difference(own, each.correct, context.resampling),
            )
            for each in fitted
        ),
        masks=predict_masked(
            context.checkpoint,
            context.cache,
            context.entries,
            context.predictions,
            context.resampling,
            context.device,
            context.progress("masking regions"),
        ),
    )


def conclude_shortcuts(shortcuts: Shortcuts, performance: Performance) -> Sequence[Finding]:
    """Asks of every baseline how far it gets, and of every mask whether the model needs it."""
    return (
        *(
            _conclude_baseline(each, performance)
            for each in shortcuts.baselines
            if each.name != "majority"
        ),
        *(_conclude_mask(each, performance) for each in shortcuts.masks),
    )


def draw_shortcuts(shortcuts: Shortcuts, context: Context, folder: Path) -> Sequence[AuditFigure]:
    """Draws the model's accuracy beside those of the masked model and the baselines."""
    accuracy = context.performance.accuracy
    draw_accuracies(
        folder / "accuracies.png",
        [
            AccuracyRow(context.model_title, accuracy, "model"),
            *(AccuracyRow(each.title, each.effect.accuracy, "masked") for each in shortcuts.masks),
            *(AccuracyRow(each.title, each.accuracy, "baseline") for each in shortcuts.baselines),
        ],
        context.title(),
    )
    without = join_words(f"{each.title} {each.accuracy:.1%}" for each in shortcuts.baselines)
    masked = join_words(f"{each.title} {each.effect.accuracy:.1%}" for each in shortcuts.masks)
    figure = AuditFigure(
        "accuracies",
        f"Accuracy of the model {accuracy:.1%}; with a part of the image hidden: {masked}; of "
        f"baselines: {without}.",
        "The model's accuracy beside those of baselines that do not see the lung, and of the model "
        "with a part of the image hidden; with 95 % intervals.",
    )
    return (figure,)


def _conclude_baseline(baseline: BaselineScore, performance: Performance) -> Finding:
    reached = performance.proportion_reached(baseline.accuracy.value)
    verdict: Verdict = "pass"
    if reached is None or baseline.gain.low <= 0:
        verdict = "fail"
    elif reached > HALF:
        verdict = "warn"
    shown = _INPUTS[baseline.name]
    way = (
        "The model is no better than the majority class "
        f"({format_percent(performance.majority.value)})."
        if reached is None
        else f"The baseline gets {100 * max(0.0, reached):.0f} % of the way from the majority "
        "class to the model."
    )
    return Finding(
        f"{baseline.name}-baseline",
        f"How accurate is a classifier that sees {shown}?",
        verdict,
        f"A classifier that sees {shown} has an accuracy of {baseline.accuracy:.1%}; the model "
        f"has {format_percent(performance.accuracy.value)}, a difference of "
        f"{baseline.gain:+.1pp}. {way}",
        "Warns if the baseline reaches more than half of the model's accuracy above the majority "
        "class; fails if the model is not distinguishably better than it (the paired interval "
        "includes 0).",
    )


def _conclude_mask(masked: MaskedScore, performance: Performance) -> Finding:
    threshold = (
        "Warns if the accuracy drops (the paired interval excludes 0); fails if it drops by more "
        f"than {points(LARGE_DROP)}; {EXCLUDED}; {NOT_ASKED}."
    )
    about = (f"{masked.name}-masked", f"Does the model need the {masked.name} of the image?")
    if reason := performance.nothing_learned():
        return Finding(*about, "not-measured", reason, threshold)
    change = masked.effect.difference
    verdict: Verdict = "pass"
    doubt = ""
    if change.high < 0:
        verdict = "fail" if change.value < -LARGE_DROP else "warn"
    elif may_drop(change, performance):
        verdict, doubt = "warn", f" {explain_doubt(performance)}"
    by_mask = " Part of the drop may come from the mask itself, which no training image has."
    return Finding(
        *about,
        verdict,
        f"With the {masked.name} masked, the accuracy changes by {change:+.1pp}; "
        f"{format_percent(masked.effect.flips.value)} of the predictions change."
        f"{by_mask if change.value < 0 else ''}{doubt}",
        threshold,
    )


register_check(
    Check("shortcuts", Shortcuts, measure_shortcuts, conclude_shortcuts, draw_shortcuts, order=10)
)
