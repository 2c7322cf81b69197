"""The difference between two models on the same images, and the sentence that sums it up."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from lungscope.comparison.delong import AreaTest
from lungscope.comparison.significance import SIGNIFICANCE, McNemar
from lungscope.estimate import Estimate
from lungscope.text import format_quantity

FEWEST_GROUPS = 6
"""With five, the smallest two-sided p-value over groups is 2 / 2^5 = 0.0625: never below 5 %."""

PairVerdict: TypeAlias = Literal[
    "first-better", "second-better", "not-distinguishable", "equal", "too-few-groups"
]
"""What may be said of two models' accuracies."""


@dataclass(frozen=True, eq=False)
class ModelPair:
    """The difference between two models, first - second.

    Attributes:
        first, second: the models' names.
        images, groups: on which both were tested.
        values: each model's metrics, by name; see `lungscope.evaluation.metrics`.
        differences: first - second in each metric, with 95 % bootstrap intervals over groups.
        mcnemar: tests of equal accuracy.
        areas: DeLong's test of each class against the rest; None where there is none.
        pairs: how many pairs were compared: what `p_images` and `p_groups` are corrected for.
        p_images, p_groups: McNemar's p-values after Holm's correction over the pairs.
        p_areas: DeLong's p-values after Holm's correction over all pairs and classes.
        design_effect: of the groups on the difference in accuracy, >= 1; None of fewer than
            `FEWEST_GROUPS`.
        images_needed: for 80 % power at 5 %, if the difference in accuracy is as large as it
            looks; None if it is 0, or of fewer than `FEWEST_GROUPS`.
    """

    first: str
    second: str
    images: int
    groups: int
    values: tuple[dict[str, float], dict[str, float]]
    differences: dict[str, Estimate]
    mcnemar: McNemar
    areas: dict[str, AreaTest | None]
    pairs: int
    p_images: float
    p_groups: float
    p_areas: dict[str, float]
    design_effect: float | None
    images_needed: float | None

    @property
    def equal(self) -> bool:
        """Whether both classify exactly as many images correctly."""
        return self.mcnemar.only_first == self.mcnemar.only_second

    @property
    def distinguishable(self) -> bool:
        """Whether the accuracies differ by more than chance explains.

        Both must say so: the bootstrap interval over groups leaves 0 out, and the exact test over
        groups has p < 0.05 after Holm's correction. The test is exact also of few groups, of
        which the bootstrap's intervals are too narrow; the interval is what is shown.
        """
        accuracy = self.differences["accuracy"]
        return accuracy.excludes_zero and self.p_groups < SIGNIFICANCE

    @property
    def better(self) -> str | None:
        """The name of the model with the higher accuracy, if they are distinguishable."""
        if not self.distinguishable:
            return None
        return self.first if self.differences["accuracy"].value > 0 else self.second

    @property
    def verdict(self) -> PairVerdict:
        """What may be said of the accuracies, as a code; `describe_pair` says it in words."""
        if self.groups < FEWEST_GROUPS:
            return "too-few-groups"
        if self.equal:
            return "equal"
        if self.better is None:
            return "not-distinguishable"
        return "first-better" if self.better == self.first else "second-better"

    def to_json(self) -> dict[str, Any]:
        """Returns the pair's part of `comparison.json`."""
        return {
            "first": self.first,
            "second": self.second,
            "verdict": self.verdict,
            "distinguishable": self.distinguishable,
            "better": self.better,
            "differences": {name: _to_json(found) for name, found in self.differences.items()},
            "accuracy_test": {
                "only_first_right": self.mcnemar.only_first,
                "only_second_right": self.mcnemar.only_second,
                "p_over_groups": self.mcnemar.p_groups,
                "p_over_groups_holm": self.p_groups,
                "p_over_images": self.mcnemar.p_images,
                "p_over_images_holm": self.p_images,
            },
            "auc_one_vs_rest": {
                label: None
                if test is None
                else {
                    **asdict(test),
                    "difference": _to_json(test.difference),
                    "p_holm": self.p_areas[label],
                }
                for label, test in self.areas.items()
            },
            "design_effect": self.design_effect,
            "images_needed": self.images_needed,
        }


def _to_json(difference: Estimate) -> dict[str, float | None]:
    """Returns a difference as JSON: where there is no interval, its ends are null."""
    return {
        "value": difference.value,
        "low": difference.low if difference.has_interval else None,
        "high": difference.high if difference.has_interval else None,
    }


def describe_pair(pair: ModelPair) -> str:
    """Describes in a sentence the difference in accuracy, its interval, and what follows."""
    accuracy = pair.differences["accuracy"]
    value, low, high = (
        format_points(x, pair.images) for x in (accuracy.value, accuracy.low, accuracy.high)
    )
    tested = (
        f"on {format_quantity(pair.images, 'image')} in {format_quantity(pair.groups, 'group')}"
    )
    names = f"{pair.first} - {pair.second}"
    if pair.verdict == "too-few-groups":
        return (
            f"{names}: accuracy {'equal' if pair.equal else f'{value} points'} {tested}: too few "
            f"groups to distinguish a difference from chance; {FEWEST_GROUPS} or more are needed"
        )
    if pair.verdict == "equal":
        return (
            f"{names}: accuracy exactly equal, 95 % {low} to {high} points: not distinguishable "
            f"{tested}; no number of images shows a difference of 0"
        )
    found = f"{names}: accuracy {value} points, 95 % {low} to {high}:"
    if pair.better is not None:
        return f"{found} {pair.better} is better, distinguishable {tested} ({_p(pair)})"
    return f"{found} not distinguishable {tested} ({_p(pair)}){_needed(pair)}"


def format_points(value: float, images: int) -> str:
    """Formats a difference of proportions in percentage points, as finely as one image counts."""
    decimals = max(1, math.ceil(math.log10(images)) - 2)
    return f"{round(100 * value, decimals) + 0.0:+.{decimals}f}"  # + 0.0: never "-0.0"


def format_p(p: float) -> str:
    """Formats a p-value with two significant digits, or as "< 0.001"."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def _p(pair: ModelPair) -> str:
    value = format_p(pair.p_groups)
    corrected = f" after Holm over {pair.pairs} pairs" if pair.pairs > 1 else ""
    return f"p {value if value.startswith('<') else f'= {value}'}{corrected}"


def _needed(pair: ModelPair) -> str:
    """Describes how many images are needed; empty if there are enough of them."""
    if pair.images_needed is None or pair.images_needed <= pair.images:
        return ""
    return f"; about {float(f'{pair.images_needed:.2g}'):,.0f} images would be needed"
