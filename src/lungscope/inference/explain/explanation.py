"""An answer explained: where the evidence for a class lies, and whether that is a warning."""

from dataclasses import dataclass
from typing import Literal

from lungscope.inference.explain.heatmap import Heatmap
from lungscope.inference.explain.thorax import EVEN, proportion_outside_thorax
from lungscope.inference.prediction import Prediction

Method = Literal["class activation map", "Grad-CAM"]
"""The first is exact, what each place adds to the score; the second estimates that by gradients."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """Where on a radiograph the evidence for a class lies.

    Attributes:
        prediction: of the model.
        label: the class whose evidence it is; not always the most probable one.
        heat: the evidence.
        share_outside: of the heat outside the thorax, in [0, 1]; None where there is no heat.
        method: how the heat was found.
    """

    prediction: Prediction
    label: str
    heat: Heatmap
    share_outside: float | None
    method: Method = "class activation map"

    @classmethod
    def of(
        cls,
        prediction: Prediction,
        label: str | None = None,
        method: Method = "class activation map",
    ) -> "Explanation":
        """Explains an answer.

        Args:
            prediction: with an activation map.
            label: a class; the most probable one by default.
            method: by which the activation map was found.

        Raises:
            LungscopeError: no such class, or an architecture without an activation map.
        """
        heat = prediction.heatmap(label)
        label = prediction.most_probable if label is None else label
        return cls(prediction, label, heat, proportion_outside_thorax(heat), method)

    @property
    def probability(self) -> float:
        """Of the class that is explained, calibrated, in [0, 1]."""
        return self.prediction.probabilities[self.label]

    @property
    def suspect(self) -> bool:
        """Whether more of the heat is outside the thorax than of heat that is spread evenly."""
        return self.share_outside is not None and self.share_outside > EVEN

    @property
    def remark(self) -> str:
        """On the heat outside the thorax, a sentence or two."""
        if self.share_outside is None:
            return f"No place of this image speaks for {self.label}."
        even = f"{100 * EVEN:.0f} %"
        told = (
            f"{100 * self.share_outside:.0f} % of the heat is outside the thorax (dotted: an oval "
            "that fits most, no outline of this one)"
        )
        if not self.suspect:
            return f"{told}; of evenly spread heat it would be {even}."
        return (
            f"Warning: {told}, more than of evenly spread heat ({even}). The score may rest "
            "on markers, on the film's edge or on what lies beside the lungs."
        )
