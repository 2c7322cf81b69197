"""How much accuracy a model keeps under mild corruptions of its images."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np

from lungscope.audit.check import Check, register_check
from lungscope.audit.context import Context
from lungscope.audit.corruptions import CORRUPTIONS, SEVERITIES, corrupt_example
from lungscope.audit.effect import Effect, compute_effect, correct, mean
from lungscope.audit.finding import AuditFigure, Finding, Verdict
from lungscope.audit.performance import (
    EXCLUDED,
    LARGE_DROP,
    NOT_ASKED,
    Performance,
    explain_doubt,
    may_drop,
    points,
)
from lungscope.estimate import Estimate
from lungscope.evaluation.subset_predictions import predict_subset
from lungscope.figures.robustness import (
    CorruptedSeries,
    RobustnessPanel,
    draw_robustness,
    draw_severities,
)
from lungscope.progress import part_of

MILD = 2
"""The highest severity that a reader would hardly notice."""


@dataclass(frozen=True)
class Level:
    """One corruption at one severity.

    Attributes:
        severity: 1 (hardly visible) to 5 (severe).
        value: value of the corruption's quantity.
        effect: effect on the accuracy and the predictions.
    """

    severity: int
    value: float
    effect: Effect


@dataclass(frozen=True)
class Response:
    """A model's accuracy under one corruption.

    Attributes:
        name, title, quantity: those of the corruption.
        levels: by rising severity.
    """

    name: str
    title: str
    quantity: str
    levels: tuple[Level, ...]


@dataclass(frozen=True)
class Robustness:
    """A model's accuracy under all corruptions.

    Attributes:
        clean: accuracy on the images as they are.
        average: mean accuracy over all corruptions and severities, with equal weights.
        responses: one per corruption.
    """

    clean: Estimate
    average: Estimate
    responses: tuple[Response, ...]


def measure_robustness(context: Context) -> Robustness:
    """Runs the model over the test images under every corruption at every severity: 35 passes.

    Raises:
        LungscopeError: the network's scores are not finite.
    """
    count = context.performance.images
    total = len(CORRUPTIONS) * len(SEVERITIES) * count
    on_progress = context.progress("applying corruptions")
    passed = 0
    times_correct = np.zeros(count)
    responses = []
    for corruption in CORRUPTIONS:
        levels = []
        for severity, value in zip(SEVERITIES, corruption.values, strict=True):
            changed = predict_subset(
                context.checkpoint,
                context.cache,
                context.entries,
                context.device,
                part_of(on_progress, passed, total),
                corruption.at(severity),
            )
            effect = compute_effect(context.predictions, changed, context.resampling)
            levels.append(Level(severity, value, effect))
            times_correct += correct(changed)
            passed += count
        responses.append(
            Response(corruption.name, corruption.title, corruption.quantity, tuple(levels))
        )
    return Robustness(
        clean=context.performance.accuracy,
        average=mean(times_correct * count / total, context.resampling),
        responses=tuple(responses),
    )


def conclude_robustness(robustness: Robustness, performance: Performance) -> Sequence[Finding]:
    """Asks whether mild corruptions cost accuracy."""
    threshold = (
        f"Warns if a corruption of severity 1 or {MILD} costs more than {points(LARGE_DROP)}, "
        f"fails if it costs more than {points(2 * LARGE_DROP)} (and the paired interval excludes "
        f"0); {EXCLUDED}; {NOT_ASKED}."
    )
    about = ("robustness", "Is the model robust to mild image degradation?")
    if reason := performance.nothing_learned():
        return (Finding(*about, "not-measured", reason, threshold),)
    mild = [
        (_cost(level.effect.difference, performance), response.title, level)
        for response in robustness.responses
        for level in response.levels
        if level.severity <= MILD
    ]
    cost, title, level = max(mild, key=lambda each: (each[0], -each[2].effect.difference.value))
    worst = level.effect.difference
    said = [
        f"Among mild corruptions (severity 1 or {MILD}), {_inside_sentence(title)} of severity "
        f"{level.severity} costs most: {worst:+.1pp}."
        if worst.value < 0
        else f"No mild corruption (severity 1 or {MILD}) lowered the accuracy."
    ]
    if cost is _Cost.UNDETERMINED:
        said.append(explain_doubt(performance))
    said.append(f"Over all corruptions and severities the accuracy is {robustness.average:.1%}.")
    return (Finding(*about, _VERDICTS[cost], " ".join(said), threshold),)


def draw_robustness_figures(
    robustness: Robustness, context: Context, folder: Path
) -> Sequence[AuditFigure]:
    """Draws the accuracy by severity, and one radiograph under every corruption."""
    draw_robustness(
        folder / "robustness.png",
        [
            RobustnessPanel(
                response.title,
                response.quantity,
                [level.value for level in response.levels],
                [level.effect.accuracy for level in response.levels],
            )
            for response in robustness.responses
        ],
        robustness.clean,
        context.performance.majority.value,
        context.title(),
    )
    (row,) = context.cache.rows(context.entries[:1]).tolist()
    example = context.cache.pixels[row]
    draw_severities(
        folder / "severities.png",
        example,
        [
            CorruptedSeries(each.title, each.quantity, each.values, corrupt_example(each, example))
            for each in CORRUPTIONS
        ],
        "One radiograph at every severity",
    )
    (finding,) = conclude_robustness(robustness, context.performance)
    words = "One radiograph under each corruption at each severity."
    return (
        AuditFigure(
            "robustness",
            f"Accuracy by severity of corruption. {finding.statement}",
            "Accuracy under corruptions of exposure, scanner, archive and positioning, by "
            "severity.",
        ),
        AuditFigure("severities", words, words),
    )


class _Cost(IntEnum):
    """What a corruption costs, the most severe highest."""

    SMALL = 0
    UNDETERMINED = 1
    SOME = 2
    MUCH = 3


_VERDICTS: dict[_Cost, Verdict] = {
    _Cost.SMALL: "pass",
    _Cost.UNDETERMINED: "warn",
    _Cost.SOME: "warn",
    _Cost.MUCH: "fail",
}


def _cost(change: Estimate, performance: Performance) -> _Cost:
    if change.high < 0 and change.value < -LARGE_DROP:
        return _Cost.MUCH if change.value < -2 * LARGE_DROP else _Cost.SOME
    return _Cost.UNDETERMINED if may_drop(change, performance) else _Cost.SMALL


def _inside_sentence(title: str) -> str:
    return title if title[:2].isupper() else title.lower()  # "JPEG compression", but "blur"


register_check(
    Check(
        "robustness",
        Robustness,
        measure_robustness,
        conclude_robustness,
        draw_robustness_figures,
        order=50,
    )
)
