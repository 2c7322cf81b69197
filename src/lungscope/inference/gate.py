"""The gate: whether an image is a frontal chest radiograph, and the right way up.

A small network of its own, the same for every model that classifies: `docs/explanation/gate.md`
says how it was made and what was measured, `gate/fit.py` makes it again.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lungscope.inference.abstention import AbstentionCause, AbstentionCode, WarningCode
from lungscope.inference.graph_files import GraphFiles
from lungscope.inference.runtime import open_graph

View: TypeAlias = Literal[
    "frontal", "mirrored", "lateral", "other", "turned-90", "turned-180", "turned-270", "inverted"
]
"""What an image shows: a frontal chest radiograph upright, upright but left for right, turned
clockwise by so many degrees, or with black and white exchanged; a lateral one; anything else."""

VIEWS: tuple[View, ...] = get_args(View)

SQUARE = 224
"""Side of the square, by `images.to_square`, that is shrunk for the network; most classifiers take
the same one, so that the radiograph is resized once."""

SIDE = 64
"""Of the network's input."""

BUNDLED_GATE = Path(__file__).resolve().parents[1] / "bundled" / "gate"
GRAPH, DESCRIPTION = "gate.onnx", "gate.json"
FILES = GraphFiles("a gate", GRAPH, DESCRIPTION, "lungscope-gate", 1)

_CODES: Mapping[View, AbstentionCode] = {
    "lateral": "lateral-chest-radiograph",
    "other": "no-chest-radiograph",
    "turned-90": "turned-90",
    "turned-180": "turned-180",
    "turned-270": "turned-270",
    "inverted": "inverted",
}


@dataclass(frozen=True)
class GateLimits:
    """From which probabilities on the gate lets an image pass, and warns.

    Attributes:
        min_upright: the smallest probability of an upright frontal chest radiograph, mirrored or
            not, that passes, in [0, 1].
        min_mirrored: the smallest probability, given that it is one, at which it is said to be
            mirrored, in [0, 1].

    Raises:
        ValueError: a value out of its range.
    """

    min_upright: float
    min_mirrored: float

    def __post_init__(self) -> None:
        if not (0 <= self.min_upright <= 1 and 0 <= self.min_mirrored <= 1):
            raise ValueError("limits must be in [0, 1]")


@dataclass(frozen=True)
class GateFinding:
    """What the gate makes of one image.

    Attributes:
        probabilities: of each view, in [0, 1], summing to 1.
        limits: of the gate that found them.
    """

    probabilities: Mapping[View, float]
    limits: GateLimits

    @property
    def upright(self) -> float:
        """The probability of an upright frontal chest radiograph, mirrored or not."""
        return min(self.probabilities["frontal"] + self.probabilities["mirrored"], 1.0)

    @property
    def cause(self) -> AbstentionCause | None:
        """Why no class should be named, by the most probable of the other views; or None."""
        if self.upright >= self.limits.min_upright:
            return None
        view = max(_CODES, key=self.probabilities.__getitem__)
        return AbstentionCause(_CODES[view], "upright", self.upright, self.limits.min_upright)

    @property
    def warnings(self) -> tuple[WarningCode, ...]:
        """What to look at in an image that passes."""
        mirrored = self.probabilities["mirrored"]
        if self.cause is not None or not mirrored > self.limits.min_mirrored * self.upright:
            return ()
        return ("mirrored",)


class Gate:
    """A network that tells upright frontal chest radiographs from everything else.

    Several threads may use one gate.

    Examples:
        >>> from lungscope.images import read, to_square
        >>> from lungscope.inference.gate import Gate
        >>> Gate.bundled().look(to_square(read("xray.png"), 224)).cause is None
        True
    """

    def __init__(self, graph: bytes, limits: GateLimits) -> None:
        """Makes a gate ready to look.

        Args:
            graph: the content of `gate.onnx`.
            limits: from which probabilities on an image passes.

        Raises:
            ModelDamaged: the graph cannot be run.
        """
        self.limits = limits
        self.sha256 = hashlib.sha256(graph).hexdigest()
        self._session = open_graph(graph, GRAPH)

    @staticmethod
    @lru_cache(maxsize=1)
    def bundled() -> "Gate":
        """Loads the gate that ships with the package, once a process."""
        return Gate.load(BUNDLED_GATE)

    @classmethod
    def load(cls, folder: Path) -> "Gate":
        """Reads `gate.onnx` and `gate.json`.

        Raises:
            ModelDamaged: a file is missing, damaged or not the one that belongs to the other.
        """
        return cls(*FILES.read(folder, _limits))

    def look(self, square: NDArray[np.uint8]) -> GateFinding:
        """Looks at one image.

        Args:
            square: (224, 224) uint8, as `images.to_square` gives it.
        """
        (found,) = self._session.run(None, {"images": shrink(square)[None, None]})
        return GateFinding(dict(zip(VIEWS, found[0].tolist(), strict=True)), self.limits)


def shrink(square: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shrinks a square to the network's input, (64, 64) uint8."""
    image = Image.fromarray(square)
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def save_gate(folder: Path, graph: bytes, limits: GateLimits) -> None:
    """Writes what `Gate.load` reads; the description last."""
    FILES.write(folder, graph, {"views": VIEWS, **asdict(limits)})


def _limits(described: Mapping[str, Any]) -> GateLimits:
    if tuple(described["views"]) != VIEWS:
        raise ValueError("of other views")
    return GateLimits(float(described["min_upright"]), float(described["min_mirrored"]))
