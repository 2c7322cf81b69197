"""When a model abstains: the rules, the codes that they give, and the sentence for each."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lungscope.atomic import atomic_file
from lungscope.errors import ModelDamaged, NotFound
from lungscope.images import Radiograph
from lungscope.inference.npz_file import read_arrays

SCORE = "mahalanobis"
"""The only feature-space score that this version knows; benchmarks/abstention.py says why."""

LARGEST_FILE = 4 * 2**20
"""Bytes of an `abstention.npz` and of what it unpacks to; those that we write have 1.1 MiB."""

Values = NDArray[np.float32]

AbstentionCode: TypeAlias = Literal[
    "not-a-frontal-chest-radiograph",
    "lateral-chest-radiograph",
    "no-chest-radiograph",
    "turned-90",
    "turned-180",
    "turned-270",
    "inverted",
    "out-of-distribution",
    "kind-unclear",
    "low-confidence",
]
"""Why no class is named, in the order in which it is asked: the image's colour or shape; what the
gate sees (a turned one is turned clockwise by so many degrees); its features; the probabilities.
Of "kind-unclear", the image is not normal, but it is unclear which of the other classes it is."""

WarningCode: TypeAlias = Literal["mirrored", "rescaled"]
"""What to look at although a class is named: left and right seem to be exchanged; or the image used
less than a quarter of the range that its file states, and was scaled to what it used."""


@dataclass(frozen=True)
class AbstentionCause:
    """Why a model does not name a class for an image: a code and the numbers that decided.

    Attributes:
        code: the kind of cause.
        quantity: what was measured.
        value: of the quantity in this image; a distance may be infinite or NaN.
        limit: the largest value that is accepted, or, of a confidence and of "upright", the
            probability of an upright frontal chest radiograph, and of "abnormality", that it is
            not normal, the smallest.
    """

    code: AbstentionCode
    quantity: Literal[
        "chroma",
        "width/height",
        "height/width",
        "upright",
        "distance",
        "abnormality",
        "confidence",
    ]
    value: float
    limit: float


def describe_cause(cause: AbstentionCause) -> str:
    """Makes the sentence for people out of a cause, one line without a full stop.

    Examples:
        >>> describe_cause(AbstentionCause("low-confidence", "confidence", 0.48, 0.55))
        'low confidence (0.48, at least 0.55)'
    """
    if cause.code in _VIEWS:
        return _VIEWS[cause.code]
    value, limit = _distinguishable(cause.value, cause.limit)
    if cause.quantity == "chroma":
        return "it is in colour: a photograph or a screenshot? An X-ray belongs in a grey image"
    if cause.quantity == "distance":
        return (
            "not a frontal chest X-ray like the training images "
            f"(distance {value}, at most {limit})"
        )
    if cause.quantity == "abnormality":
        return f"abnormal, kind unclear (probability {cause.value:.2f} of not being normal)"
    if cause.quantity == "confidence":
        return f"low confidence ({value}, at least {limit})"
    shape = "wide as tall" if cause.quantity == "width/height" else "tall as wide"
    return f"it is {cause.value:.1f} times as {shape}, which no frontal chest X-ray is"


def describe_warning(code: WarningCode) -> str:
    """Makes the sentence for people out of a warning, one line without a full stop.

    Examples:
        >>> describe_warning("mirrored")
        'left and right seem to be exchanged: a mirrored file, or dextrocardia'
    """
    return _WARNINGS[code]


_WARNINGS: Mapping[WarningCode, str] = {
    "mirrored": "left and right seem to be exchanged: a mirrored file, or dextrocardia",
    "rescaled": "it uses less than a quarter of the range that its file states, and was read as of "
    "fewer bits",
}

_VIEWS: Mapping[AbstentionCode, str] = {
    "lateral-chest-radiograph": "it is a lateral chest X-ray, not a frontal one",
    "no-chest-radiograph": "it is not a chest X-ray",
    "turned-90": "it is a chest X-ray turned clockwise by 90 degrees; turn it back",
    "turned-180": "it is a chest X-ray upside down; turn it by 180 degrees",
    "turned-270": "it is a chest X-ray turned anticlockwise by 90 degrees; turn it back",
    "inverted": "it is a chest X-ray with black and white exchanged; invert it",
}


@dataclass(frozen=True, eq=False)
class Reference:
    """A Gaussian of the features of the X-rays that a model was trained on.

    It holds the R widest principal axes, along which variances differ, and one standard deviation
    for all directions across them (Tipping and Bishop, 1999, section 3); with R = F - 1 that is
    any Gaussian. All arrays are float32 and finite.

    Attributes:
        mean: (F,).
        scale: (F,) > 0, by which features are divided first.
        axes: (R, F), orthonormal rows, R < F.
        deviations: (R,) > 0, the standard deviation along each axis.
        rest: (1,) > 0, that in every direction across all axes.

    Raises:
        ModelDamaged: shapes that do not fit, or a value out of its range.
    """

    mean: Values
    scale: Values
    axes: Values
    deviations: Values
    rest: Values

    def __post_init__(self) -> None:
        for name, value in self._arrays().items():
            if value.dtype != np.float32 or not np.isfinite(value).all():
                raise ModelDamaged(f"features of X-rays: {name} must be finite float32 numbers")
        axes, count = self.deviations.size, self.mean.size
        shapes = {"mean": (count,), "scale": (count,), "deviations": (axes,), "rest": (1,)}
        for name, shape in (shapes | {"axes": (axes, count)}).items():
            if getattr(self, name).shape != shape:
                raise ModelDamaged(
                    f"features of X-rays: {name} has the shape {getattr(self, name).shape}, "
                    f"for {count} features and {axes} axes it must be {shape}"
                )
        if axes >= count:
            raise ModelDamaged(
                f"features of X-rays: {axes} axes of {count} features; it must be fewer"
            )
        for name in ("scale", "deviations", "rest"):
            if not (getattr(self, name) > 0).all():
                raise ModelDamaged(f"features of X-rays: {name} must be above 0")

    def distance(self, features: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """How far images are from the X-rays of the training; larger is stranger.

        The Mahalanobis distance over the square root of F: of an X-ray of the training the mean
        square is about 1, however many features there are. An image has the same distance alone
        and among others, to the last bit.

        Args:
            features: (N, F), the graph's `features` of N images.

        Returns:
            (N,) >= 0; infinity where a feature is not finite.

        Raises:
            ModelDamaged: not as many features as these X-rays have.
        """
        if features.ndim != 2 or features.shape[1] != self.mean.size:
            raise ModelDamaged(
                f"the model gives features of the shape {features.shape[1:]}, but abstention.npz "
                f"has {self.mean.size}; export the run again"
            )
        with np.errstate(over="ignore", invalid="ignore"):
            found = np.array([self._square(row) for row in features], dtype=np.float64)
            distance = np.sqrt(found / self.mean.size)
        return np.where(np.isnan(distance), np.inf, distance)

    def save(self, path: Path) -> None:
        """Writes the arrays as npz, atomically; the same arrays give the same bytes."""
        with atomic_file(path) as temporary, temporary.open("wb") as file:
            np.savez(
                file,
                mean=self.mean,
                scale=self.scale,
                axes=self.axes,
                deviations=self.deviations,
                rest=self.rest,
            )

    @classmethod
    def load(cls, path: Path) -> "Reference":
        """Reads what `save` wrote.

        Raises:
            NotFound: no such file.
            ModelDamaged: unreadable, or not such arrays.
        """
        try:
            return cls(**read_arrays(path, {field.name for field in fields(cls)}, LARGEST_FILE))
        except FileNotFoundError as error:
            raise NotFound(f"{path}: {error.strerror}; copy the whole folder again") from error
        except OSError as error:
            raise ModelDamaged(f"{path}: {error.strerror or error}") from error
        except ModelDamaged as error:
            raise ModelDamaged(f"{path}: {error}") from error
        except Exception as error:  # what zipfile and numpy raise on damage is a long list
            raise ModelDamaged(
                f"{path}: not the features of X-rays; export the run again"
            ) from error

    def _arrays(self) -> dict[str, Values]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _square(self, features: NDArray[np.floating[Any]]) -> float:
        # Image by image: a product of matrices adds up in an order that depends on how many. Not by
        # BLAS, whose own threads would take a processor from those that classify.
        standard = ((features - self.mean) / self.scale).astype(np.float32)
        along = np.einsum("rf,f->r", self.axes, standard)
        across = (standard - np.einsum("rf,r->f", self.axes, along)).astype(np.float64)
        ratios = along.astype(np.float64) / self.deviations
        return float(ratios @ ratios + across @ across / np.float64(self.rest[0]) ** 2)


@dataclass(frozen=True)
class Thresholds:
    """What an image must be for the model to answer.

    Attributes:
        score: what the distance is, `SCORE`.
        max_distance: the largest distance at which an image counts as a frontal chest X-ray, > 0.
        min_confidence: the lowest calibrated probability, in [0, 1], at which a class is named.
        quantiles: of the distances of validation images, at evenly spaced probabilities from 0 to
            1, rising: what the distances of other X-rays of the same kind are spread like.
        gate: whether images must be upright frontal chest radiographs (`inference.gate`); False
            for a model of another body part.
        normal: the class that means that nothing is found; None where no class does.
        min_abnormality: the lowest calibrated probability, in [0, 1], of not being `normal` at
            which an image for which no class is named is called abnormal; None: never.

    Raises:
        ValueError: a score that this version does not know, or a value out of its range.
    """

    score: str
    max_distance: float
    min_confidence: float
    quantiles: tuple[float, ...] = ()
    gate: bool = True
    normal: str | None = None
    min_abnormality: float | None = None

    def __post_init__(self) -> None:
        if self.score != SCORE:
            raise ValueError(f"score {self.score!r} is unknown to this version, not {SCORE!r}")
        if not 0 < self.max_distance < math.inf:
            raise ValueError(f"max_distance is {self.max_distance}, not a number above 0")
        if list(self.quantiles) != sorted(self.quantiles):
            raise ValueError("quantiles do not rise")
        if not 0 <= self.min_confidence <= 1:
            raise ValueError(f"min_confidence is {self.min_confidence}, not in [0, 1]")
        if self.min_abnormality is not None and not 0 <= self.min_abnormality <= 1:
            raise ValueError(f"min_abnormality is {self.min_abnormality}, not in [0, 1]")
        if self.min_abnormality is not None and self.normal is None:
            raise ValueError("min_abnormality needs the class that is normal")

    def check(self, distance: float, probabilities: Mapping[str, float]) -> AbstentionCause | None:
        """Returns why the model names no class, or None where it does.

        Args:
            distance: `Reference.distance` of the image.
            probabilities: calibrated, of every class.
        """
        if not distance <= self.max_distance:  # written so that NaN counts as far
            return AbstentionCause("out-of-distribution", "distance", distance, self.max_distance)
        confidence = max(probabilities.values())
        if confidence >= self.min_confidence:
            return None
        if self.min_abnormality is not None and self.normal is not None:
            abnormality = 1 - probabilities[self.normal]
            if abnormality >= self.min_abnormality:
                return AbstentionCause(
                    "kind-unclear", "abnormality", abnormality, self.min_abnormality
                )
        return AbstentionCause("low-confidence", "confidence", confidence, self.min_confidence)

    def to_json(self) -> dict[str, Any]:
        """A JSON object that `from_json` reads back."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Thresholds":
        """Reads what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: a field that is missing, no number or out of range.
        """
        return cls(
            str(value["score"]),
            float(value["max_distance"]),
            float(value["min_confidence"]),
            tuple(float(each) for each in value.get("quantiles", ())),
            gate=value.get("gate", True) is not False,
            normal=None if value.get("normal") is None else str(value["normal"]),
            min_abnormality=_optional(value.get("min_abnormality")),
        )


def _optional(value: Any) -> float | None:
    return None if value is None else float(value)


def _distinguishable(value: float, limit: float) -> tuple[str, str]:
    """Writes both numbers with as few decimals, two or more, as show that they differ."""
    for decimals in range(2, 12):
        said = f"{value:.{decimals}f}", f"{limit:.{decimals}f}"
        if said[0] != said[1]:
            return said
    return repr(value), repr(limit)


MOST_CHROMA = 0.03
"""`Radiograph.chroma`: a grey X-ray saved as an RGB JPEG has none, one under a blue or brown tint
at most 0.02 from the compression, and of 20 colour photographs the palest has 0.042."""

LARGEST_ASPECT = 2.5
"""Longer side by shorter. Chest detectors are square (43 x 43 cm) to 1.23 (35 x 43 cm), and half of
the latter, as one cut to a lung or to a wide child's chest, has 2.46; radiographs of a whole spine
or leg (43 x 125 cm) have 2.9."""


def find_implausibility(radiograph: Radiograph) -> AbstentionCause | None:
    """Returns why an image cannot be a frontal chest X-ray, or None where it may be one.

    A single tint over a grey image, as of blue film or of sepia, is accepted: it is read as grey.

    Examples:
        >>> from lungscope.images import read
        >>> find_implausibility(read("xray.png")) is None
        True
    """
    code: AbstentionCode = "not-a-frontal-chest-radiograph"
    if radiograph.chroma > MOST_CHROMA:
        return AbstentionCause(code, "chroma", radiograph.chroma, MOST_CHROMA)
    width, height = radiograph.width, radiograph.height
    if width / height > LARGEST_ASPECT:
        return AbstentionCause(code, "width/height", width / height, LARGEST_ASPECT)
    if height / width > LARGEST_ASPECT:
        return AbstentionCause(code, "height/width", height / width, LARGEST_ASPECT)
    return None
