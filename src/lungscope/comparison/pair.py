"""Two models on the same images: everything that was measured of their difference."""

from dataclasses import asdict, dataclass
from typing import Any

from lungscope.comparison.delong import AreaTest
from lungscope.comparison.mcnemar import McNemar
from lungscope.comparison.sample_size import SIGNIFICANCE
from lungscope.evaluation.bootstrap import Estimate

FEWEST_GROUPS = 6
"""With five, the smallest two-sided p-value over groups is 2 / 2^5 = 0.0625: never below 5 %."""


@dataclass(frozen=True, eq=False)
class Pair:
    """First - second.

    Attributes:
        first, second: the models' names.
        images, groups: on which both were tested.
        values: each model's metrics, by the names of `paired_bootstrap.METRICS`.
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
        """Whether both got exactly as many images right."""
        return self.mcnemar.only_first == self.mcnemar.only_second

    @property
    def distinguishable(self) -> bool:
        """Whether the accuracies differ by more than chance explains.

        Both must say so: the bootstrap interval over groups leaves 0 out, and the exact test over
        groups has p < 0.05 after Holm's correction. The test is exact also of few groups, of
        which the bootstrap's intervals are too narrow; the interval is what is shown.
        """
        accuracy = self.differences["accuracy"]
        return not accuracy.low <= 0 <= accuracy.high and self.p_groups < SIGNIFICANCE

    @property
    def better(self) -> str | None:
        """The name of the model with the higher accuracy, if they are distinguishable."""
        if not self.distinguishable:
            return None
        return self.first if self.differences["accuracy"].value > 0 else self.second

    def to_json(self) -> dict[str, Any]:
        """What a program reads of the pair."""
        return {
            "first": self.first,
            "second": self.second,
            "distinguishable": self.distinguishable,
            "better": self.better,
            "differences": {name: asdict(found) for name, found in self.differences.items()},
            "accuracy_test": {
                "only_first_right": self.mcnemar.only_first,
                "only_second_right": self.mcnemar.only_second,
                "p_over_groups": self.mcnemar.p_groups,
                "p_over_groups_holm": self.p_groups,
                "p_over_images": self.mcnemar.p_images,
                "p_over_images_holm": self.p_images,
            },
            "auc_one_vs_rest": {
                label: None if test is None else {**asdict(test), "p_holm": self.p_areas[label]}
                for label, test in self.areas.items()
            },
            "design_effect": self.design_effect,
            "images_needed": self.images_needed,
        }
