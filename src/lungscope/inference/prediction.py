"""The answer for one file: a class, or why none is named."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lungscope.errors import InvalidSetting, UnreadableImage, UnwantedCode, UnwantedImage
from lungscope.images import Acquisition, Identifiers, Radiograph
from lungscope.inference.abstention import (
    AbstentionCause,
    AbstentionCode,
    WarningCode,
    describe_cause,
)
from lungscope.inference.explain.heatmap import Heatmap, make_heatmap


@dataclass(frozen=True)
class ImageOrigin:
    """What a file says about the radiograph in it.

    Attributes:
        format: "PNG", "JPEG", "TIFF", "BMP", "WEBP" or "DICOM".
        height, width: in pixels.
        acquisition: how it was taken, by a DICOM file; None for every other format.
        identifiers: of patient and study, by a DICOM file; they are not printed unasked.
    """

    format: str
    height: int
    width: int
    acquisition: Acquisition | None = None
    identifiers: Identifiers | None = field(default=None, repr=False)

    @classmethod
    def of(cls, radiograph: Radiograph) -> "ImageOrigin":
        """All of a radiograph but its pixels."""
        return cls(
            radiograph.format,
            radiograph.height,
            radiograph.width,
            radiograph.acquisition,
            radiograph.identifiers,
        )


@dataclass(frozen=True, eq=False, repr=False)
class Prediction:
    """A model's answer for one radiograph.

    Attributes:
        file: as it was named.
        label: the most probable class, or None where the model abstains.
        probabilities: of every class, in the order of the model's outputs: calibrated, in [0, 1],
            summing to 1. They mean nothing where the image is not a frontal chest X-ray.
        cause: why the model abstains; None where it names a class.
        distance: of the image's features from those of the training images, >= 0; NaN for a
            checkpoint, which learns what is far when it is exported.
        model: architecture and short hash, e.g. "mobilenet-lung 33bc4012".
        model_sha256: of the model's weights, in hexadecimal.
        origin: what the file says.
        activation_map: (K, h, w) float32, what each place contributes to each class's logit; None
            where the architecture has no such map.
        warnings: codes of what to look at although a class is named: "mirrored" where left and
            right seem to be exchanged, by the file or by dextrocardia; "rescaled" where the image
            used less than a quarter of the range that its file states (`Radiograph.used_bits`).
    """

    file: Path
    label: str | None
    probabilities: Mapping[str, float]
    cause: AbstentionCause | None
    distance: float
    model: str
    model_sha256: str
    origin: ImageOrigin
    activation_map: NDArray[np.float32] | None = field(repr=False)
    warnings: tuple[WarningCode, ...] = ()

    @property
    def abstained(self) -> bool:
        """Whether the model does not name a class."""
        return self.label is None

    @property
    def abstention(self) -> AbstentionCode | None:
        """The code of why the model abstains; None where it names a class."""
        return None if self.cause is None else self.cause.code

    @property
    def reason(self) -> str | None:
        """Why the model abstains, as a sentence for people; None where it names a class."""
        return None if self.cause is None else describe_cause(self.cause)

    @property
    def most_probable(self) -> str:
        """The most probable class, also where the model abstains; of equals, the first."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    def heatmap(self, label: str | None = None) -> Heatmap:
        """Where on the radiograph the evidence for a class lies.

        Args:
            label: a class; the most probable one by default.

        Raises:
            InvalidSetting: no such class, or an architecture without an activation map.
        """
        label = self.most_probable if label is None else label
        names = list(self.probabilities)
        if label not in names:
            raise InvalidSetting(f"class {label!r} is unknown; choose one of {', '.join(names)}")
        if self.activation_map is None:
            raise InvalidSetting(
                f"{self.model}: exported, this architecture has no activation map",
                remedy="explain-run",
            )
        return make_heatmap(
            self.activation_map[names.index(label)], (self.origin.height, self.origin.width)
        )

    def __repr__(self) -> str:
        """Names file, class, probabilities and, where the model abstains, the code of why."""
        numbers = ", ".join(f"{name}: {value:.3f}" for name, value in self.probabilities.items())
        abstention = "" if self.cause is None else f", abstention={self.abstention!r}"
        return (
            f"Prediction({str(self.file)!r}, label={self.label!r}, "
            f"probabilities={{{numbers}}}{abstention})"
        )

    def _repr_html_(self) -> str:
        """A table of the probabilities, as notebooks show it; without identifiers."""
        from html import escape  # its table of entities costs the command line milliseconds

        rows = "".join(
            f"<tr><td>{_strong(name, name == self.label)}</td><td>{value:.3f}</td></tr>"
            for name, value in self.probabilities.items()
        )
        answer = self.label if self.cause is None else f"No answer: {self.reason}"
        distance = f"; distance {self.distance:.2f}" if math.isfinite(self.distance) else ""
        return (
            f"<table><caption>{escape(str(answer))}</caption>"
            f"<thead><tr><th>class</th><th>probability</th></tr></thead><tbody>{rows}</tbody>"
            f"</table><p>{escape(self.file.name)}; {escape(self.model)}{distance}</p>"
        )


def _strong(text: str, emphasised: bool) -> str:
    from html import escape

    return f"<strong>{escape(text)}</strong>" if emphasised else escape(text)


@dataclass(frozen=True)
class Failure:
    """A file that no model was asked about.

    Attributes:
        file: as it was named.
        reason: what is wrong and what to do, one line, without the file's name.
        unwanted: what is not accepted about a DICOM image that could be read, as a code; None
            where the file cannot be read.
    """

    file: Path
    reason: str
    unwanted: UnwantedCode | None = None

    @classmethod
    def of(cls, error: UnreadableImage) -> "Failure":
        """What a refusal to read a file comes to."""
        code = error.code if isinstance(error, UnwantedImage) else None
        return cls(error.path, error.reason, code)


Outcome: TypeAlias = Prediction | Failure
"""What becomes of one file."""
