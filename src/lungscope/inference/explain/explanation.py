"""An answer explained: where the evidence for a class lies, and whether that is a warning."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from lungscope.inference.explain.heatmap import Heatmap
from lungscope.inference.explain.outside_lungs import area_outside_lungs, proportion_outside_lungs
from lungscope.inference.lung_field import LungField, LungFieldCode, describe_lung_field
from lungscope.inference.prediction import Prediction

Method = Literal["class-activation-map", "grad-cam"]
"""How attributions are computed: exactly, as what each place adds to the score, or by gradients."""

UnmeasuredCode: TypeAlias = Literal["no-attribution"] | LungFieldCode
"""Why the proportion outside the lungs is not known."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """Where on a radiograph the evidence for a class lies.

    Attributes:
        prediction: of the model.
        label: the class whose evidence it is; not always the most probable one.
        heatmap: the evidence, place by place.
        field: the lungs, plausible or not.
        method: how the attribution was computed.
    """

    prediction: Prediction
    label: str
    heatmap: Heatmap
    field: LungField
    method: Method = "class-activation-map"

    @classmethod
    def of(
        cls,
        prediction: Prediction,
        field: LungField,
        label: str | None = None,
        method: Method = "class-activation-map",
    ) -> "Explanation":
        """Explains an answer.

        Args:
            prediction: with an activation map.
            field: the lungs of the same radiograph.
            label: a class; the most probable one by default.
            method: by which the activation map was found.

        Raises:
            InvalidSetting: no such class, or an architecture without an activation map.
        """
        heatmap = prediction.heatmap(label)
        label = prediction.most_probable if label is None else label
        return cls(prediction, label, heatmap, field, method)

    @property
    def probability(self) -> float:
        """Calibrated probability of the explained class, in [0, 1]."""
        return self.prediction.probabilities[self.label]

    @property
    def proportion_outside_lungs(self) -> float | None:
        """Of the attribution, in [0, 1]; None where `unmeasured` says why."""
        if self.field.implausible is not None:
            return None
        return proportion_outside_lungs(self.heatmap, self.field)

    @property
    def area_outside_lungs(self) -> float | None:
        """Share of the image outside the lungs, in [0, 1]; None if there is no plausible field.

        It is what the proportion would be of attribution that is spread evenly.
        """
        return None if self.field.implausible is not None else area_outside_lungs(self.field)

    @property
    def unmeasured(self) -> UnmeasuredCode | None:
        """Why the proportion outside the lungs is not known, as a code; None where it is."""
        if self.heatmap.scale == 0:
            return "no-attribution"
        return self.field.implausible

    @property
    def suspect(self) -> bool:
        """Whether more attribution is outside the lungs than if it were spread evenly."""
        outside, even = self.proportion_outside_lungs, self.area_outside_lungs
        return outside is not None and even is not None and outside > even

    @property
    def remark(self) -> str:
        """The sentences that say how much attribution lies outside the lungs."""
        if self.heatmap.scale == 0:
            return f"No region of this image supports {self.label}."
        outside, even = self.proportion_outside_lungs, self.area_outside_lungs
        if outside is None or even is None or self.field.implausible is not None:
            return (
                "How much of the attribution is outside the lungs is not known: "
                f"{describe_lung_field(self.field.implausible or 'lung-not-found')}."
            )
        measured = f"{100 * outside:.0f} % of the attribution is outside the lungs (outlined)"
        if not self.suspect:
            return f"{measured}; of evenly spread attribution it would be {100 * even:.0f} %."
        return (
            f"Warning: {measured}, more than of evenly spread attribution ({100 * even:.0f} %). "
            "The score may rest on markers, on the edge of the image or on what lies beside the "
            "lungs."
        )
