"""Whether a prediction depends on the regions that its heatmap highlights.

A heatmap that highlights what the model uses makes the probability of the predicted class fall
sooner in deletion, and rise sooner in insertion, than the same map displaced; see `deletion`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import trapezoid

from lungscope.audit.attributions import FEW_GROUPS, conclude_on_sample, measure_on_sample
from lungscope.audit.check import Check, register_check
from lungscope.audit.context import Context
from lungscope.audit.deletion import PASSES, PROPORTIONS, compute_curves
from lungscope.audit.effect import difference, mean
from lungscope.audit.finding import AuditFigure, Finding, Verdict
from lungscope.audit.performance import Performance, points
from lungscope.data.cache import Cache
from lungscope.data.split import SplitEntry
from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.proportions import FEW
from lungscope.figures.attributions import CurvePanel, draw_faithfulness
from lungscope.models.checkpoint import Checkpoint
from lungscope.models.network import to_unit
from lungscope.progress import OnProgress, ignore
from lungscope.training.loading import make_batches
from lungscope.training.scoring import BATCH

ADVANTAGE = 0.05
"""A smaller advantage, of an area between 0 and 1, makes a heatmap useless."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class ProbabilityCurve:
    """The probability of the predicted class by proportion of pixels hidden or revealed.

    Attributes:
        probabilities: one per proportion, the mean over images with its 95 % interval.
        area: area below the curve: the mean probability, in [0, 1].
    """

    probabilities: tuple[Estimate, ...]
    area: Estimate


@dataclass(frozen=True)
class CurvePair:
    """Deletion, or insertion, by attribution and by a control.

    Attributes:
        by_attribution: pixels of the highest attribution first.
        by_displaced: the same with the heatmap displaced. Shuffling its cells one by one would be
            no fair control: they would be scattered, and hiding scattered cells corrupts an image
            sooner than hiding as many adjacent ones.
        advantage: how much smaller (deletion) or larger (insertion) the area by attribution is,
            in [-1, 1], paired by image; above 0 the heatmap highlights what the model uses.
    """

    by_attribution: ProbabilityCurve
    by_displaced: ProbabilityCurve
    advantage: Estimate


@dataclass(frozen=True)
class Faithfulness:
    """Probabilities without, and with nothing but, the regions that heatmaps highlight.

    Attributes:
        images, groups: number of images that were tested, and of their groups.
        proportions: proportions of the pixels that are hidden or revealed.
        deletion: pixels are replaced by the mean of the training images, which is what the
            network's own padding holds.
        insertion: pixels replace those of a blurred image, so that no artificial edges appear.
    """

    images: int
    groups: int
    proportions: tuple[float, ...]
    deletion: CurvePair
    insertion: CurvePair


def compute_faithfulness(
    checkpoint: Checkpoint,
    cache: Cache,
    entries: Sequence[SplitEntry],
    device: str = "cpu",
    on_progress: OnProgress = ignore,
    seed: int = 0,
) -> Faithfulness:
    """Runs a model over images with more and more of their pixels hidden or revealed.

    Args:
        checkpoint: a model that has a class activation map.
        cache: the images, decoded at the model's input size.
        entries: which N of them.
        device: "cpu" or "cuda".
        on_progress: called after every pass of a batch, counted in images over all passes.
        seed: seed of the displacements.
    """
    checkpoint.network.to(device).to(memory_format=torch.channels_last).eval()
    generator = np.random.default_rng(seed)
    passed = 0

    def advance(images: int) -> None:
        nonlocal passed
        passed += images
        on_progress(passed, PASSES * len(entries))

    with torch.inference_mode():
        curves = np.concatenate(
            [
                compute_curves(checkpoint, to_unit(batch.pixels.to(device)), generator, advance)
                for batch in make_batches(cache, entries, BATCH)
            ],
            axis=1,
        )
    resampling = Resampling.over([entry.group for entry in entries])
    deletion, displaced_deletion, insertion, displaced_insertion = curves
    return Faithfulness(
        images=len(entries),
        groups=len({entry.group for entry in entries}),
        proportions=PROPORTIONS,
        deletion=CurvePair(
            by_attribution=_curve(deletion, resampling),
            by_displaced=_curve(displaced_deletion, resampling),
            advantage=difference(_area(displaced_deletion), _area(deletion), resampling),
        ),
        insertion=CurvePair(
            by_attribution=_curve(insertion, resampling),
            by_displaced=_curve(displaced_insertion, resampling),
            advantage=difference(_area(insertion), _area(displaced_insertion), resampling),
        ),
    )


def measure_faithfulness(context: Context) -> Faithfulness | None:
    """Computes deletion and insertion curves; None if the model has no usable heatmap."""
    return measure_on_sample(context, "computing deletion and insertion", compute_faithfulness)


def conclude_faithfulness(
    found: Faithfulness | None, performance: Performance
) -> Sequence[Finding]:
    """Asks whether predictions depend on the regions that heatmaps highlight."""
    threshold = (
        "Passes if hiding or revealing by attribution does better than by the same map displaced, "
        "in deletion and in insertion (the paired intervals exclude 0); fails if in one of them it "
        f"does not and an advantage of more than {points(ADVANTAGE)} is excluded; else warns that "
        f"it cannot be determined. {FEW_GROUPS}"
    )
    about = ("heatmap-faithfulness", "Do the heatmaps highlight what the model uses?")
    return conclude_on_sample(found, performance, about, threshold, _conclude)


def draw_faithfulness_figure(
    found: Faithfulness | None, context: Context, folder: Path
) -> Sequence[AuditFigure]:
    """Draws both pairs of curves; no figure if nothing was measured."""
    if found is None:
        return ()
    draw_faithfulness(
        folder / "faithfulness.png",
        found.proportions,
        _panel(found.deletion),
        _panel(found.insertion),
        context.title(found.images),
    )
    (finding,) = conclude_faithfulness(found, context.performance)
    figure = AuditFigure(
        "faithfulness",
        f"Deletion and insertion curves. {finding.statement}",
        "The probability of the predicted class as pixels are hidden (deletion: replaced by the "
        "mean of the training images) or revealed (insertion: on the blurred image), the highest "
        "attribution first, with 95 % bands. If the heatmap highlights what the model uses, the "
        "solid curve falls below the dashed one on the left and rises above it on the right; the "
        "dashed one is of the same heatmap displaced.",
    )
    return (figure,)


def _panel(pair: CurvePair) -> CurvePanel:
    own, displaced = pair.by_attribution, pair.by_displaced
    areas = own.area.value, displaced.area.value
    return CurvePanel(own.probabilities, displaced.probabilities, areas)


def _conclude(found: Faithfulness) -> tuple[Verdict, str]:
    verdict = _verdict(found)
    said = [
        "With the highest attribution hidden first, the mean probability of the predicted class is "
        f"{_compare(found.deletion)}; revealed first, it is {_compare(found.insertion)}."
    ]
    if verdict == "pass":
        said.append("These are the regions that the model uses, whether lung or not.")
    if verdict == "warn":
        said.append(
            "It cannot be determined whether the heatmaps do better than displaced ones: too few "
            "images."
        )
    return verdict, " ".join(said)


def _verdict(found: Faithfulness) -> Verdict:
    advantages = (found.deletion.advantage, found.insertion.advantage)
    if found.groups < FEW:
        return "warn"
    if any(each.low <= 0 and each.high < ADVANTAGE for each in advantages):
        return "fail"
    return "pass" if all(each.low > 0 for each in advantages) else "warn"


def _compare(pair: CurvePair) -> str:
    return (
        f"{pair.by_attribution.area:.1%}, against {pair.by_displaced.area:.1%} by the same map "
        f"displaced: an advantage of {pair.advantage:+.1pp}"
    )


def _curve(probabilities: Values, resampling: Resampling) -> ProbabilityCurve:
    return ProbabilityCurve(
        probabilities=tuple(mean(column, resampling) for column in probabilities.T),
        area=mean(_area(probabilities), resampling),
    )


def _area(probabilities: Values) -> Values:
    found: Values = trapezoid(probabilities, PROPORTIONS, axis=1)
    return found


register_check(
    Check(
        "faithfulness",
        Faithfulness,
        measure_faithfulness,
        conclude_faithfulness,
        draw_faithfulness_figure,
        order=60,
    )
)
