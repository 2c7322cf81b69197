"""When a model does not answer: how far an image is from X-rays, and how sure the model must be."""

import io
import math
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungscope.atomic import atomic_file
from lungscope.errors import LungscopeError
from lungscope.images import Radiograph

SCORE = "mahalanobis"
"""The only feature-space score that this version knows; benchmarks/abstention.py says why."""

LARGEST_FILE = 4 * 2**20
"""Bytes of an `abstention.npz` and of what it unpacks to; those that we write have 1.1 MiB."""

Values = NDArray[np.float32]


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
        LungscopeError: shapes that do not fit, or a value out of its range.
    """

    mean: Values
    scale: Values
    axes: Values
    deviations: Values
    rest: Values

    def __post_init__(self) -> None:
        for name, value in self._arrays().items():
            if value.dtype != np.float32 or not np.isfinite(value).all():
                raise LungscopeError(f"features of X-rays: {name} must be finite float32 numbers")
        axes, count = self.deviations.size, self.mean.size
        shapes = {"mean": (count,), "scale": (count,), "deviations": (axes,), "rest": (1,)}
        for name, shape in (shapes | {"axes": (axes, count)}).items():
            if getattr(self, name).shape != shape:
                raise LungscopeError(
                    f"features of X-rays: {name} has the shape {getattr(self, name).shape}, "
                    f"for {count} features and {axes} axes it must be {shape}"
                )
        if axes >= count:
            raise LungscopeError(
                f"features of X-rays: {axes} axes of {count} features; it must be fewer"
            )
        for name in ("scale", "deviations", "rest"):
            if not (getattr(self, name) > 0).all():
                raise LungscopeError(f"features of X-rays: {name} must be above 0")

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
            LungscopeError: not as many features as these X-rays have.
        """
        if features.ndim != 2 or features.shape[1] != self.mean.size:
            raise LungscopeError(
                f"the model gives features of the shape {features.shape[1:]}, but abstention.npz "
                f"is of {self.mean.size}; export the run again"
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
            LungscopeError: not found, or not such arrays.
        """
        try:
            return cls(**_arrays_of(path))
        except OSError as error:
            raise LungscopeError(f"{path}: {error.strerror or error}") from error
        except LungscopeError as error:
            raise LungscopeError(f"{path}: {error}") from error
        except Exception as error:  # what zipfile and numpy raise on damage is a long list
            raise LungscopeError(
                f"{path}: not the features of X-rays ({type(error).__name__}); export the run again"
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
        farthest: the largest distance at which an image counts as a frontal chest X-ray, > 0.
        least_confidence: the lowest calibrated probability, in [0, 1], that is answered with.
        quantiles: of the distances of validation images, at evenly spaced probabilities from 0 to
            1, rising: what the distances of other X-rays of the same kind are spread like.

    Raises:
        ValueError: a score that this version does not know, or a value out of its range.
    """

    score: str
    farthest: float
    least_confidence: float
    quantiles: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.score != SCORE:
            raise ValueError(f"score {self.score!r} is unknown to this version, not {SCORE!r}")
        if not 0 < self.farthest < math.inf:
            raise ValueError(f"farthest is {self.farthest}, not a number above 0")
        if list(self.quantiles) != sorted(self.quantiles):
            raise ValueError("quantiles do not rise")
        if not 0 <= self.least_confidence <= 1:
            raise ValueError(f"least_confidence is {self.least_confidence}, not in [0, 1]")

    def objection(self, distance: float, confidence: float) -> str | None:
        """Why the model does not answer, one line, or None where it does.

        Args:
            distance: `Reference.distance` of the image.
            confidence: the calibrated probability of its most probable class.
        """
        if not distance <= self.farthest:  # so, a NaN is far
            said = _apart(distance, self.farthest)
            return (
                "not a frontal chest X-ray like those of the training "
                f"(distance {said[0]}, at most {said[1]})"
            )
        if not confidence >= self.least_confidence:
            said = _apart(confidence, self.least_confidence)
            return f"not confident ({said[0]}, at least {said[1]})"
        return None

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
            float(value["farthest"]),
            float(value["least_confidence"]),
            tuple(float(each) for each in value.get("quantiles", ())),
        )


def _arrays_of(path: Path) -> dict[str, Values]:
    """The arrays of an npz file, none of them larger than the file may be."""
    if path.stat().st_size > LARGEST_FILE:
        raise ValueError("too large")
    content = path.read_bytes()
    wanted = {f"{field.name}.npy" for field in fields(Reference)}
    with zipfile.ZipFile(io.BytesIO(content)) as members:
        found = {member.filename: member for member in members.infolist()}
    if set(found) != wanted:
        raise ValueError("other arrays")
    # as `save` writes them: neither packed nor encrypted, so a small file holds small arrays
    if any(
        each.compress_type != zipfile.ZIP_STORED or each.flag_bits & 1 for each in found.values()
    ):
        raise ValueError("packed arrays")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _apart(value: float, limit: float) -> tuple[str, str]:
    """Both in as few decimals, two or more, as tell them apart."""
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
the latter, as one cut to a lung or to a wide child's chest, has 2.46; films of a whole spine or leg
(43 x 125 cm) have 2.9."""


def find_implausibility(radiograph: Radiograph) -> str | None:
    """Why an image cannot be a frontal chest X-ray: one line, or None where it may be one.

    A single tint over a grey picture, as of blue film or of sepia, is none: it is read as grey.
    """
    if radiograph.chroma > MOST_CHROMA:
        return "it is in colour: a photograph or a screenshot? An X-ray belongs in a grey image"
    width, height = radiograph.width, radiograph.height
    aspect = max(width, height) / min(width, height)
    if aspect > LARGEST_ASPECT:
        shape = "wide as tall" if width > height else "tall as wide"
        return f"it is {aspect:.1f} times as {shape}, which no frontal chest X-ray is"
    return None
