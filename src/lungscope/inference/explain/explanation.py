"""An answer explained: where the evidence for a class lies, and whether that is a warning."""

from dataclasses import dataclass
from typing import Literal

from lungscope.inference.explain.heatmap import Heatmap
from lungscope.inference.explain.thorax import EVEN, proportion_outside_thorax
from lungscope.inference.prediction import Prediction

Method = Literal["class-activation-map", "grad-cam"]
"""How attributions are computed: exactly, as what each place adds to the score, or by gradients."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """Where on a radiograph the evidence for a class lies.

    Attributes:
        prediction: of the model.
        label: the class whose evidence it is; not always the most probable one.
        heatmap: the evidence, place by place.
        proportion_outside_thorax: of the attribution that lies outside the thorax, in [0, 1]; None
            where no region supports the class.
        method: how the attribution was computed.
    """

    prediction: Prediction
    label: str
    heatmap: Heatmap
    proportion_outside_thorax: float | None
    method: Method = "class-activation-map"

    @classmethod
    def of(
        cls,
        prediction: Prediction,
        label: str | None = None,
        method: Method = "class-activation-map",
    ) -> "Explanation":
        """Explains an answer.

        Args:
            prediction: with an activation map.
            label: a class; the most probable one by default.
            method: by which the activation map was found.

        Raises:
            InvalidSetting: no such class, or an architecture without an activation map.
        """
        heatmap = prediction.heatmap(label)
        label = prediction.most_probable if label is None else label
        return cls(prediction, label, heatmap, proportion_outside_thorax(heatmap), method)

    @property
    def probability(self) -> float:
        """Calibrated probability of the explained class, in [0, 1]."""
        return self.prediction.probabilities[self.label]

    @property
    def suspect(self) -> bool:
        """Whether more attribution is outside the thorax than if it were spread evenly."""
        return self.proportion_outside_thorax is not None and self.proportion_outside_thorax > EVEN

    @property
    def remark(self) -> str:
        """The sentences that say how much attribution lies outside the thorax."""
        if self.proportion_outside_thorax is None:
            return f"No region of this image supports {self.label}."
        even = f"{100 * EVEN:.0f} %"
        measured = (
            f"{100 * self.proportion_outside_thorax:.0f} % of the attribution is outside "
            "the thorax (dotted: an oval that fits most, not an outline of this one)"
        )
        if not self.suspect:
            return f"{measured}; of evenly spread attribution it would be {even}."
        return (
            f"Warning: {measured}, more than of evenly spread attribution ({even}). The score may "
            "rest on markers, on the edge of the image or on what lies beside the lungs."
        )
